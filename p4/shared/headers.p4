// Headers and metadata of every target. Bit diagrams: docs/wire-format.md.
#ifndef CORECAST_HEADERS_P4
#define CORECAST_HEADERS_P4

#include "ids.h"

typedef bit<48> mac_t;
typedef bit<32> ipv4_addr_t;
typedef bit<128> ipv6_addr_t;
typedef bit<16> slot_t;    // index of a payload store: channel or stream
typedef bit<16> rloc_t;    // index of an RLOC this switch encapsulates to

header ethernet_t {
    mac_t   dst;
    mac_t   src;
    bit<16> ether_type;
}

// Second header of a frame the switch sends to itself in order to grow; see
// v1model/growth.p4. `pads` pads of PAD_BYTES follow it.
header loop_t {
    bit<16> ether_type;    // the frame's own
    bit<16> port;          // where it was first received
    bit<4>  role;          // that port's role
    bit<4>  pads;          // 2 or 4
    bit<24> instance_id;   // that port's instance-id
}

header pad_t {
    bit<2016> zero;
}

header ipv4_t {
    bit<4>      version;
    bit<4>      ihl;
    bit<6>      dscp;
    bit<2>      ecn;
    bit<16>     total_len;
    bit<16>     identification;
    bit<2>      flags;             // reserved, DF
    bit<1>      more_fragments;
    bit<13>     frag_offset;
    bit<8>      ttl;
    bit<8>      protocol;
    bit<16>     checksum;
    ipv4_addr_t src;
    ipv4_addr_t dst;
}

header ipv6_t {
    bit<4>      version;
    bit<6>      dscp;
    bit<2>      ecn;
    bit<20>     flow_label;
    bit<16>     payload_len;
    bit<8>      next_header;
    bit<8>      hop_limit;
    ipv6_addr_t src;
    ipv6_addr_t dst;
}

header udp_t {
    bit<16> src_port;
    bit<16> dst_port;
    bit<16> length;
    bit<16> checksum;
}

// The first bytes of TCP and SCTP: all that a flow's path depends on.
header ports_t {
    bit<16> src_port;
    bit<16> dst_port;
}

// RFC 9300 section 5.3. With the I flag the upper 24 bits of `lower` are the
// instance-id; N, L, E and V content is parsed and ignored.
header lisp_t {
    bit<1>  n;
    bit<1>  l;
    bit<1>  e;
    bit<1>  v;
    bit<1>  i;
    bit<1>  r;
    bit<2>  kk;
    bit<24> nonce;
    bit<24> instance_id;
    bit<8>  lsb;
}

header corecast_t {
    bit<4>  version;
    bit<4>  type;
    bit<8>  count;
    bit<16> length;
    bit<32> sequence;
    bit<32> hash;
}

header entry4_t {
    ipv4_addr_t eid;
    bit<16>     port;
}

header entry6_t {
    ipv6_addr_t eid;
    bit<16>     port;
}

// The payload in pieces, because P4 has no byte strings and p4c caps a field
// at 2048 bits: as many 256-byte chunks as fit, then one tail per set bit of
// the low byte of the length, largest first. Length 1316 = 5*256 + 32 + 4.
header chunk256_t { bit<2048> data; }
header tail128_t  { bit<1024> data; }
header tail64_t   { bit<512>  data; }
header tail32_t   { bit<256>  data; }
header tail16_t   { bit<128>  data; }
header tail8_t    { bit<64>   data; }
header tail4_t    { bit<32>   data; }
header tail2_t    { bit<16>   data; }
header tail1_t    { bit<8>    data; }

@controller_header("packet_in")
header packet_in_t {
    @id(1) bit<16> ingress_port;
    @id(2) bit<16> reason;       // PUNT_*
}

@controller_header("packet_out")
header packet_out_t {
    @id(1) bit<16> port;
    @id(2) bit<16> mode;         // OUT_*
}

// ipv4 or ipv6, and udp, are the first headers received; behind a LISP header
// come inner_*. Encapsulation fills encap_* in front, and decapsulation moves
// inner_* forward, so that what is delivered or encapsulated is always in
// ipv4 or ipv6, and udp.
struct headers_t {
    packet_in_t  packet_in;
    packet_out_t packet_out;
    ethernet_t   ethernet;
    loop_t       loop;
    pad_t        pad0;
    pad_t        pad1;
    pad_t        pad2;
    pad_t        pad3;
    ipv4_t       encap_ipv4;
    ipv6_t       encap_ipv6;
    udp_t        encap_udp;
    lisp_t       encap_lisp;
    ipv4_t       ipv4;
    ipv6_t       ipv6;
    udp_t        udp;
    ports_t      ports;
    lisp_t       lisp;
    ipv4_t       inner_ipv4;
    ipv6_t       inner_ipv6;
    udp_t        inner_udp;
    corecast_t   corecast;
    entry4_t[MAX_ENTRIES] entries4;
    entry6_t[MAX_ENTRIES] entries6;
    // The payload; see chunk256_t.
    chunk256_t   c0;
    chunk256_t   c1;
    chunk256_t   c2;
    chunk256_t   c3;
    chunk256_t   c4;
    tail128_t    t128;
    tail64_t     t64;
    tail32_t     t32;
    tail16_t     t16;
    tail8_t      t8;
    tail4_t      t4;
    tail2_t      t2;
    tail1_t      t1;
}

// What a packet is, once classified.
enum bit<8> kind_t {
    ORDINARY       = 0,    // forwarded by its IP destination
    PAYLOAD        = 1,    // a valid payload packet of a known channel or stream
    CHANNEL_HEADER = 2,    // a valid header packet of a channel: we are its ITR
    STREAM_HEADER  = 3     // a valid header packet of a stream: we are its ETR
}

// Where tables eids4 and eids6 send a destination.
enum bit<8> via_t {
    MISS   = 0,
    LOCAL  = 1,            // in this site
    RLOC   = 2,            // behind an RLOC: encapsulate
    NATIVE = 3,            // not an EID: plain IP
    US     = 4             // the switch itself
}

struct meta_t {
    // Of a packet that goes through ingress once more, so that its list is parsed
    // whole: that it does, and where it was received.
    @field_list(FIELDS_OF_AGAIN) bit<1> again;
    @field_list(FIELDS_OF_AGAIN) port_t again_port;

    // Set by the platform before the shared controls run.
    port_t      rx_port;
    bit<16>     frame_len;     // bytes first received: Admission takes loop header and pads off
    bool        parse_failed;
    bool        ip_failed;         // the first IPv4 header's checksum is wrong
    bool        inner_failed;      // that of the IPv4 header inside LISP is
    bool        payload_failed;    // the payload's CRC-32 is wrong

    // Admission.
    port_t      in_port;       // where the packet entered from outside
    bit<8>      role;
    mac_t       port_mac;
    bit<24>     port_instance_id;  // of the port it entered by
    bit<24>     instance_id;       // of the packet: the port's, or the LISP header's
    bit<8>      pads;          // pads received in front: what the packet may grow by for free

    // Classification. v6, src, dst, lengths and TTL are those of the packet
    // that will be forwarded: the inner one where we decapsulate.
    bit<8>      drop;          // DROP_*; anything but DROP_NONE ends the packet
    bit<8>      punt;          // PUNT_*
    bool        decap;
    bool        v6;
    ipv4_addr_t src4;
    ipv4_addr_t dst4;
    ipv6_addr_t src6;
    ipv6_addr_t dst6;
    bit<16>     room;          // bytes behind the Ethernet header
    bit<16>     first_len;     // bytes of the first IP packet, by its own word
    bit<16>     ip_len;        // bytes of the IP packet that will be forwarded
    bit<8>      ttl;
    bit<16>     peer;          // number of the source RLOC; 0 = strange
    bool        peer_may_open; // it may open streams unasked
    bool        in_slot;       // belongs to a known channel or stream
    bool        stream_miss;   // CoreCast port inside LISP, but no such stream
    kind_t      kind;
    slot_t      slot;
    bit<8>      redundancy;    // headers to an RLOC after which its copy is repeated; 0 = never
    bit<8>      max_list;      // entries a header of this channel or stream may have
    bit<32>     fanout;        // viewers one payload may be expanded to here; 0 = any number

    // Delivery by multicast or to many viewers.
    bit<16>     multicast_group;   // of the PRE; 0 = one packet leaves by out_port
    bool        multicast;         // the stream's payloads go to group4 or group6
    ipv4_addr_t group4;
    ipv6_addr_t group6;
    bit<16>     group_port;
    mac_t       group_mac;

    // Forwarding.
    ipv4_addr_t lookup4;       // EID to forward to: destination, or the header's first viewer
    ipv6_addr_t lookup6;
    via_t       via;
    bit<16>     rloc_set;      // several RLOCs to choose from
    rloc_t      rloc;
    bool        encap_v6;
    ipv4_addr_t encap_src4;
    ipv4_addr_t encap_dst4;
    ipv6_addr_t encap_src6;
    ipv6_addr_t encap_dst6;
    bool        next_hop_v6;
    ipv4_addr_t next_hop4;
    ipv6_addr_t next_hop6;
    port_t      out_port;
    bit<16>     mtu;           // of the way out; 0 = not limited
    mac_t       out_src_mac;
    mac_t       out_dst_mac;

    // Serving.
    bit<32>     cell;          // of the payload store, where the packet's payload is or belongs
    bit<32>     stamp_cell;    // of the served stamps
    bit<16>     payload_sum;   // ones' complement sum of the stored payload
    bool        copy;          // payload copy first, then the header
    bool        expand;        // one-entry header becomes a unicast packet for its viewer
    bool        expand_list;   // list becomes a unicast packet for each local viewer, in egress
    bool        grow;          // loops once more before it may do any of these
    bool        consumed;      // payload went into the store; nothing leaves
    bool        unchanged;     // leaves as it came: looping, punted, or the controller's own
    port_t      list_port;     // the local port that accounts for entries that are not local
}

#endif
