/* The numbers that the P4 program shares with everything else, in one place.
 *
 * Go reads this file: `go generate ./p4/build` turns every #define below into
 * a constant of package build (p4/build/ids.go), with the trailing comment as
 * its doc. A number once released is permanent: add, never renumber
 * (P4Runtime clients and operators' dashboards keep them).
 */
#ifndef CORECAST_IDS_H
#define CORECAST_IDS_H

/* --- Wire constants; Go's are in wire and lisp, a test holds them equal --- */
#define ETHERTYPE_IPV4       0x0800
#define ETHERTYPE_ARP        0x0806
#define ETHERTYPE_IPV6       0x86DD
#define ETHERTYPE_LOOP       0x88B5 /* loop frames of one switch to itself (IEEE 802 local experimental) */
#define IPPROTO_TCP          6
#define IPPROTO_UDP          17
#define IPPROTO_ICMPV6       58
#define IPPROTO_SCTP         132
#define ECN_NOT_ECT          0      /* RFC 3168 */
#define ECN_ECT0             2
#define ECN_ECT1             1
#define ECN_CE               3
#define LISP_DATA_PORT       4341   /* RFC 9300 section 5 */
#define LISP_CONTROL_PORT    4342   /* RFC 9301 section 5 */
#define CORECAST_PORT        4344
#define CORECAST_VERSION     1
#define TYPE_PAYLOAD         1
#define TYPE_HEADER4         2
#define TYPE_HEADER6         3
#define FLOW_PORTS           0xC000 /* outer UDP source ports of LISP packets: this + 13 bits of a hash */
#define MAX_PAYLOAD          1472
#define MAX_ENTRIES          32

/* --- Header sizes in bytes --- */
#define ETHERNET_BYTES       14
#define IPV4_BYTES           20
#define UDP_BYTES            8
#define LISP_BYTES           8
#define CORECAST_BYTES       12
#define IPV6_BYTES           40
#define ENTRY4_BYTES         6
#define ENTRY6_BYTES         18
#define LISP_IPV4_BYTES      36     /* outer IPv4 + UDP + LISP */
#define LISP_IPV6_BYTES      56     /* outer IPv6 + UDP + LISP */
#define LOOP_BYTES           8
#define PAD_BYTES            252
#define FIELDS_OF_AGAIN      1      /* metadata of a packet that goes through ingress once more */

/* --- Sizes of tables and stores --- */
#define MAX_PORTS            512
#define MAX_OWN_RLOCS        64
#define MAX_CHANNELS         1024   /* store slots 0..MAX_CHANNELS-1 */
#define MAX_STREAMS          10240  /* store slots MAX_CHANNELS.. */
#define MAX_SLOTS            11264  /* MAX_CHANNELS + MAX_STREAMS */
#define STORE_CELLS          22528  /* 2 * MAX_SLOTS: two payloads a slot, by sequence parity */
#define MAX_RLOCS            1024
#define SERVED_STAMPS        1048576 /* MAX_CHANNELS * MAX_RLOCS */
#define RLOC_CELLS           2097152 /* SERVED_STAMPS * 2: headers, copies */
#define MAX_RLOC_SETS        16384  /* buckets of all mappings with several RLOCs */
#define RLOC_BUCKETS         16     /* of one mapping */
#define MAX_EIDS             131072
#define MAX_NEIGHBORS        65536
#define MAX_VIEWERS          65536
#define MAX_SOURCE_RLOCS     4096
#define STATS_CELLS          180224 /* MAX_SLOTS * 16 events */
#define MISS_CELLS           65536  /* destinations whose misses were reported lately */
#define MISS_BURST           64     /* packets to one that are reported at once: as many wait for a mapping */
#define MISS_HOLD            1000000 /* microseconds until more are: MISS_BURST, or 1 if that was reached */
#define MISS_FORGET          10000000 /* microseconds without a report after which a destination is a new one */

/* --- Switch ports and replication --- */
#define CPU_PORT             510    /* simple_switch_grpc --cpu-port */
#define DROP_PORT            511    /* bmv2's default */
#define COPY_GROUP_BASE      0x1000 /* multicast group of a port's payload copies = base + port */
#define RID_PAYLOAD          1      /* replica that becomes the payload copy */
#define RID_HEADER           2      /* replica that stays the header packet */
#define LIST_GROUP_BASE      0x2000 /* multicast group of lists of up to 2^k entries = base + k, k = 1..5 */
#define MULTICAST_GROUP_BASE 0x3000 /* multicast group of a stream's delivery = base + slot - MAX_CHANNELS */
#define RID_MULTICAST        1      /* replica of a payload delivered by multicast */

/* --- Port roles (table ports) --- */
#define ROLE_LOCAL           1      /* towards sources and viewers */
#define ROLE_TRANSIT         2      /* towards the RLOC space */
#define ROLE_LOOP            3      /* receives what this switch sent to itself to grow */

/* --- Growth on targets that limit it; see v1model/growth.p4 --- */
#define STOCK_GROWTH         512    /* the safe default until the controller says otherwise */
#define UNLIMITED_GROWTH     0xFFFF

/* --- packet_out modes --- */
#define OUT_SEND             0      /* leave through `port` as it is */
#define OUT_RECEIVE          1      /* handle as if received on `port` */

/* --- Drop reasons: index of counter drop_reasons --- */
#define DROP_NONE                0
#define DROP_UNKNOWN_PORT        1  /* ingress port is not in table ports */
#define DROP_NOT_OUR_MAC         2  /* frame is not addressed to this port */
#define DROP_NOT_IP              3  /* EtherType that is neither IP nor ARP */
#define DROP_TRUNCATED           4  /* packet ends before its own length fields say */
#define DROP_BAD_IP              5  /* IP version, header checksum or lengths wrong */
#define DROP_IP_OPTIONS          6  /* IPv4 options are not forwarded */
#define DROP_BAD_LISP            7  /* LISP data packet without an IP packet inside */
#define DROP_BAD_CORECAST        8  /* version, type or lengths wrong for a CoreCast packet */
#define DROP_BAD_COUNT           9  /* header list whose count does not fit the packet */
#define DROP_LIST_REFUSED       10  /* header list longer than the channel or stream allows */
#define DROP_PAYLOAD_LENGTH     11  /* payload length 0 or above MAX_PAYLOAD */
#define DROP_PAYLOAD_HASH       12  /* CRC-32 of the payload is not the one in the packet */
#define DROP_PAYLOAD_REPEATED   13  /* payload with the (sequence, hash) that is stored already */
#define DROP_UNKNOWN_PAYLOAD    14  /* header names a payload that is not stored */
#define DROP_CHANNEL_SOURCE     15  /* reserved EID used by another source EID than the channel's */
#define DROP_CHANNEL_PORT       16  /* reserved EID used from another port than the channel's */
#define DROP_RESERVED_EID       17  /* reserved EID that has no channel */
#define DROP_STREAM_RLOC        18  /* CoreCast stream from an RLOC that is not allowed */
#define DROP_ENTRY_NOT_LOCAL    19  /* header entry whose EID is not local to this ETR */
#define DROP_NOT_LOCAL          20  /* decapsulated packet for an EID that is not local */
#define DROP_NO_ROUTE           21  /* no entry for the destination */
#define DROP_NO_ENCAP           22  /* mapping without an RLOC entry */
#define DROP_GROWTH             23  /* packet would grow beyond the target's limit and no loop port is left */
#define DROP_LOOP_FRAME         24  /* loop frame from outside, or not of our making */
#define DROP_PACKET_OUT         25  /* packet-out with an unknown mode */
#define DROP_CONGESTION         26  /* congestion mark in the tunnel on a packet that is not ECN-capable (RFC 6040) */
#define DROP_MULTICAST_HEADER   27  /* header of a stream that is delivered by multicast */
#define DROP_SLOT_RATE          28  /* above the rate of its channel or stream */
#define DROP_PORT_RATE          29  /* above the rate of channel packets of its ingress port */
#define DROP_PUNT_RATE          30  /* above the rate of its punt reason */
#define DROP_MISS_REPEATED      31  /* map-cache miss beyond MISS_BURST within MISS_HOLD; of a CoreCast header, beyond 1 */
#define DROP_FANOUT             32  /* more viewers for one payload than the channel or stream allows */
#define DROP_TOO_BIG            33  /* list entry whose viewer's packet is longer than the MTU of its port */
#define REASON_CELLS            64  /* size of counters drop_reasons and punt_reasons */

/* --- Punt reasons: packet_in.reason and index of counter punt_reasons --- */
#define PUNT_NONE                0
#define PUNT_MAP_CACHE_MISS      1  /* no mapping for the destination or viewer EID */
#define PUNT_NEW_STREAM          2  /* CoreCast packet of a stream without a slot */
#define PUNT_TO_US               3  /* addressed to the switch itself (LISP control, ping) */
#define PUNT_TTL                 4  /* TTL would reach 0 */
#define PUNT_NEIGHBOR            5  /* next hop has no neighbor entry */
#define PUNT_ARP                 6  /* ARP packet */
#define PUNT_ND                  7  /* ICMPv6 to a multicast address: neighbor discovery */
#define PUNT_TOO_BIG             8  /* longer than the MTU of the way it must take */
#define PUNT_LISP_CONTROL        9  /* LISP control message to one of our addresses */

/* --- Events: counter slot_events at slot * 16 + event --- */
#define EVENT_PAYLOAD            0  /* payload stored */
#define EVENT_PAYLOAD_REJECTED   1  /* payload refused: length or hash */
#define EVENT_PAYLOAD_REPEATED   2  /* payload that was stored already */
#define EVENT_HEADER             3  /* header whose payload is stored */
#define EVENT_HEADER_UNKNOWN     4  /* header whose payload is not stored */
#define EVENT_COPY               5  /* first payload copy to an RLOC */
#define EVENT_COPY_REDUNDANT     6  /* repeated payload copy */
#define EVENT_EXPANDED           7  /* unicast packets made for local viewers */
#define EVENT_ENTRY_NOT_LOCAL    8  /* list entries whose EID is not local */
#define EVENT_MULTICAST          9  /* payloads forwarded to the in-domain group */
#define EVENT_REFUSED           10  /* packets refused by a rate, a list limit or a fanout limit */

/* --- P4Runtime ids, permanent; the top byte is the resource type --- */
#define ID_TABLE_PORTS            0x02000001
#define ID_TABLE_MY_RLOCS4        0x02000002
#define ID_TABLE_CHANNELS4        0x02000003
#define ID_TABLE_STREAMS4         0x02000004
#define ID_TABLE_SOURCE_RLOCS4    0x02000005
#define ID_TABLE_EIDS4            0x02000006
#define ID_TABLE_RLOCS            0x02000007
#define ID_TABLE_NEIGHBORS4       0x02000008
#define ID_TABLE_TARGET           0x02000009
#define ID_TABLE_MY_RLOCS6        0x0200000A
#define ID_TABLE_CHANNELS6        0x0200000B
#define ID_TABLE_STREAMS6         0x0200000C
#define ID_TABLE_SOURCE_RLOCS6    0x0200000D
#define ID_TABLE_EIDS6            0x0200000E
#define ID_TABLE_NEIGHBORS6       0x0200000F
#define ID_TABLE_RLOC_SETS        0x02000010
#define ID_TABLE_VIEWERS4         0x02000011
#define ID_TABLE_VIEWERS6         0x02000012
#define ID_ACTION_PORT            0x01000001
#define ID_ACTION_UNKNOWN_PORT    0x01000002
#define ID_ACTION_OWN_RLOC        0x01000003
#define ID_ACTION_CHANNEL4        0x01000004
#define ID_ACTION_STREAM          0x01000005
#define ID_ACTION_SOURCE_RLOC     0x01000006
#define ID_ACTION_STRANGE_RLOC    0x01000007
#define ID_ACTION_LOCAL           0x01000008
#define ID_ACTION_LOCAL_VIA4      0x01000009
#define ID_ACTION_TO_RLOC         0x0100000A
#define ID_ACTION_NATIVE4         0x0100000B
#define ID_ACTION_TO_US           0x0100000C
#define ID_ACTION_DISCARD         0x0100000D
#define ID_ACTION_EID_MISS        0x0100000E
#define ID_ACTION_ENCAP4          0x0100000F
#define ID_ACTION_NO_ENCAP        0x01000010
#define ID_ACTION_DELIVER         0x01000011
#define ID_ACTION_NO_NEIGHBOR     0x01000012
#define ID_ACTION_SET_TARGET      0x01000013
#define ID_ACTION_NOT_OURS        0x01000014
#define ID_ACTION_NO_CHANNEL      0x01000015
#define ID_ACTION_NO_STREAM       0x01000016
#define ID_ACTION_CHANNEL6        0x01000017
#define ID_ACTION_STREAM_MULTICAST4 0x01000018
#define ID_ACTION_STREAM_MULTICAST6 0x01000019
#define ID_ACTION_LOCAL_VIA6      0x0100001A
#define ID_ACTION_TO_RLOCS        0x0100001B
#define ID_ACTION_NATIVE6         0x0100001C
#define ID_ACTION_ENCAP6          0x0100001D
#define ID_ACTION_PICK            0x0100001E
#define ID_ACTION_VIEWER          0x0100001F
#define ID_ACTION_NOT_LOCAL       0x01000020
#define ID_COUNTER_DROP_REASONS   0x12000001
#define ID_COUNTER_PUNT_REASONS   0x12000002
#define ID_COUNTER_SLOT_EVENTS    0x12000003
#define ID_COUNTER_RLOC_EVENTS    0x12000004
#define ID_DIRECT_CHANNELS4       0x13000001
#define ID_DIRECT_STREAMS4        0x13000002
#define ID_DIRECT_EIDS4           0x13000003
#define ID_DIRECT_RLOCS           0x13000004
#define ID_DIRECT_CHANNELS6       0x13000005
#define ID_DIRECT_STREAMS6        0x13000006
#define ID_DIRECT_EIDS6           0x13000007
#define ID_METER_SLOT_METER       0x14000001
#define ID_METER_PORT_METER       0x14000002
#define ID_METER_PUNT_METER       0x14000003

#endif
