// Classification: is this packet ours to decapsulate, and does it belong to a
// channel (we are its ITR) or to a stream (we are one of its ETRs)? Everything
// else is ordinary and stays on the fast path (paper section 3.3).
#ifndef CORECAST_CLASSIFY_P4
#define CORECAST_CLASSIFY_P4

#include "headers.p4"

// Checks that the first IP header agrees with the packet around it.
control CheckIp(in headers_t hdr, inout meta_t meta) {
    apply {
        if (hdr.ipv4.isValid()) {
            meta.first_len = hdr.ipv4.total_len;
            if (hdr.ipv4.version != 4 || hdr.ipv4.ihl < 5 || hdr.ipv4.total_len < IPV4_BYTES) {
                meta.drop = DROP_BAD_IP;
            } else if (hdr.ipv4.ihl != 5) {
                meta.drop = DROP_IP_OPTIONS;
            }
        } else {
            meta.first_len = IPV6_BYTES |+| hdr.ipv6.payload_len;
            if (hdr.ipv6.version != 6) {
                meta.drop = DROP_BAD_IP;
            }
        }
        if (meta.drop == DROP_NONE) {
            meta.room = meta.frame_len - ETHERNET_BYTES;    // an IP header is there
            if (meta.room < meta.first_len) {
                meta.drop = DROP_TRUNCATED;
            } else if (meta.ip_failed) {
                meta.drop = DROP_BAD_IP;
            }
        }
    }
}

// Sets meta.decap and what classification and forwarding need to know of the
// packet that will be forwarded.
control Decapsulation(in headers_t hdr, inout meta_t meta) {
    @name(".own_rloc") @id(ID_ACTION_OWN_RLOC)
    action own_rloc() {
        meta.decap = true;
    }
    @name(".not_ours") @id(ID_ACTION_NOT_OURS)
    action not_ours() { }

    // RLOCs of this switch; LISP data packets to any other address are plain
    // IP to us. Filled from the RLOCs of the switch's site.
    @name(".my_rlocs4") @id(ID_TABLE_MY_RLOCS4)
    table my_rlocs4 {
        key = { hdr.ipv4.dst : exact @name("rloc") @id(1); }
        actions = { own_rloc; @defaultonly not_ours; }
        const default_action = not_ours();
        size = MAX_OWN_RLOCS;
    }
    @name(".my_rlocs6") @id(ID_TABLE_MY_RLOCS6)
    table my_rlocs6 {
        key = { hdr.ipv6.dst : exact @name("rloc") @id(1); }
        actions = { own_rloc; @defaultonly not_ours; }
        const default_action = not_ours();
        size = MAX_OWN_RLOCS;
    }

    bit<16> outer_bytes = 0;    // of the outer headers
    bit<2>  outer_ecn = 0;
    bit<2>  inner_ecn = 0;
    bit<8>  outer_ttl = 0;

    @hidden action bare4() {
        meta.src4 = hdr.ipv4.src;
        meta.dst4 = hdr.ipv4.dst;
        meta.ip_len = meta.first_len;
        meta.ttl = hdr.ipv4.ttl;
    }
    @hidden action bare6() {
        meta.v6 = true;
        meta.src6 = hdr.ipv6.src;
        meta.dst6 = hdr.ipv6.dst;
        meta.ip_len = meta.first_len;
        meta.ttl = hdr.ipv6.hop_limit;
    }
    @hidden action inner4() {
        meta.v6 = false;
        meta.src4 = hdr.inner_ipv4.src;
        meta.dst4 = hdr.inner_ipv4.dst;
        meta.ip_len = hdr.inner_ipv4.total_len;
        meta.ttl = hdr.inner_ipv4.ttl;
        inner_ecn = hdr.inner_ipv4.ecn;
    }
    @hidden action inner6() {
        meta.v6 = true;
        meta.src6 = hdr.inner_ipv6.src;
        meta.dst6 = hdr.inner_ipv6.dst;
        meta.ip_len = IPV6_BYTES |+| hdr.inner_ipv6.payload_len;
        meta.ttl = hdr.inner_ipv6.hop_limit;
        inner_ecn = hdr.inner_ipv6.ecn;
    }

    apply {
        if (hdr.udp.isValid() && hdr.udp.dst_port == LISP_DATA_PORT) {
            if (hdr.ipv4.isValid()) {
                my_rlocs4.apply();
                outer_bytes = LISP_IPV4_BYTES;
                outer_ecn = hdr.ipv4.ecn;
                outer_ttl = hdr.ipv4.ttl;
            } else {
                my_rlocs6.apply();
                outer_bytes = LISP_IPV6_BYTES;
                outer_ecn = hdr.ipv6.ecn;
                outer_ttl = hdr.ipv6.hop_limit;
            }
        }
        if (!meta.decap) {
            if (hdr.ipv4.isValid()) {
                bare4();
            } else {
                bare6();
            }
        } else if (!hdr.lisp.isValid() || meta.first_len < outer_bytes) {
            meta.drop = DROP_TRUNCATED;
        } else {
            meta.instance_id = 0;
            if (hdr.lisp.i == 1) {
                meta.instance_id = hdr.lisp.instance_id;
            }
            if (hdr.inner_ipv4.isValid()) {
                inner4();
            } else {
                inner6();
            }
            if (!hdr.inner_ipv4.isValid() && !hdr.inner_ipv6.isValid()) {
                if (meta.parse_failed) {
                    meta.drop = DROP_TRUNCATED;
                } else {
                    meta.drop = DROP_BAD_LISP;
                }
            } else if (hdr.inner_ipv4.isValid()
                       && (hdr.inner_ipv4.ihl != 5 || hdr.inner_ipv4.total_len < IPV4_BYTES)) {
                meta.drop = DROP_BAD_LISP;
            } else if (meta.first_len - outer_bytes < meta.ip_len) {
                meta.drop = DROP_TRUNCATED;
            } else if (meta.inner_failed) {
                meta.drop = DROP_BAD_IP;
            } else if (outer_ecn == ECN_CE && inner_ecn == ECN_NOT_ECT) {
                meta.drop = DROP_CONGESTION;
            }
            if (outer_ttl < meta.ttl) {
                meta.ttl = outer_ttl;
            }
        }
    }
}

// Finds the channel or stream and with it the payload store.
control Membership(in headers_t hdr, inout meta_t meta) {
    ipv4_addr_t channel_src4;
    ipv6_addr_t channel_src6;
    port_t      channel_port;

    @name(".channel4") @id(ID_ACTION_CHANNEL4)
    action channel4(@id(1) slot_t slot, @id(2) ipv4_addr_t source_eid, @id(3) port_t ingress_port,
                    @id(4) bit<8> redundancy, @id(5) bit<8> max_list, @id(6) bit<32> fanout) {
        meta.in_slot = true;
        meta.slot = slot;
        meta.redundancy = redundancy;
        meta.max_list = max_list;
        meta.fanout = fanout;
        channel_src4 = source_eid;
        channel_port = ingress_port;
    }
    @name(".channel6") @id(ID_ACTION_CHANNEL6)
    action channel6(@id(1) slot_t slot, @id(2) ipv6_addr_t source_eid, @id(3) port_t ingress_port,
                    @id(4) bit<8> redundancy, @id(5) bit<8> max_list, @id(6) bit<32> fanout) {
        meta.in_slot = true;
        meta.slot = slot;
        meta.redundancy = redundancy;
        meta.max_list = max_list;
        meta.fanout = fanout;
        channel_src6 = source_eid;
        channel_port = ingress_port;
    }
    @name(".no_channel") @id(ID_ACTION_NO_CHANNEL)
    action no_channel() { }

    @name(".channels4_counter") @id(ID_DIRECT_CHANNELS4)
    direct_counter(CounterType.packets_and_bytes) channels4_counter;
    @name(".channels6_counter") @id(ID_DIRECT_CHANNELS6)
    direct_counter(CounterType.packets_and_bytes) channels6_counter;

    // Reserved EIDs with a channel, of every instance. The action data says
    // who alone may use it: source EID and ingress port. Filled from
    // `channels:`; a dual-stack channel has one entry, and one slot, a family.
    @name(".channels4") @id(ID_TABLE_CHANNELS4)
    table channels4 {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            meta.dst4 : exact @name("reserved_eid") @id(2);
        }
        actions = { channel4; @defaultonly no_channel; }
        const default_action = no_channel();
        counters = channels4_counter;
        size = MAX_CHANNELS;
    }
    @name(".channels6") @id(ID_TABLE_CHANNELS6)
    table channels6 {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            meta.dst6 : exact @name("reserved_eid") @id(2);
        }
        actions = { channel6; @defaultonly no_channel; }
        const default_action = no_channel();
        counters = channels6_counter;
        size = MAX_CHANNELS;
    }

    @name(".source_rloc") @id(ID_ACTION_SOURCE_RLOC)
    action source_rloc(@id(1) bit<16> peer, @id(2) bit<1> may_open) {
        meta.peer = peer;
        meta.peer_may_open = may_open == 1;
    }
    @name(".strange_rloc") @id(ID_ACTION_STRANGE_RLOC)
    action strange_rloc() { }

    // RLOCs that send us CoreCast streams, numbered, and whether they may open
    // one without being asked for (accept_streams). Consulted for nothing but
    // CoreCast inside LISP. Filled with the RLOCs of the channels' sites, and
    // with a default route where a site accepts any stream.
    @name(".source_rlocs4") @id(ID_TABLE_SOURCE_RLOCS4)
    table source_rlocs4 {
        key = { hdr.ipv4.src : lpm @name("source_rloc") @id(1); }
        actions = { source_rloc; @defaultonly strange_rloc; }
        const default_action = strange_rloc();
        size = MAX_SOURCE_RLOCS;
    }
    @name(".source_rlocs6") @id(ID_TABLE_SOURCE_RLOCS6)
    table source_rlocs6 {
        key = { hdr.ipv6.src : lpm @name("source_rloc") @id(1); }
        actions = { source_rloc; @defaultonly strange_rloc; }
        const default_action = strange_rloc();
        size = MAX_SOURCE_RLOCS;
    }

    @name(".stream") @id(ID_ACTION_STREAM)
    action stream(@id(1) slot_t slot, @id(2) bit<8> max_list, @id(3) bit<32> fanout) {
        meta.in_slot = true;
        meta.slot = slot;
        meta.max_list = max_list;
        meta.fanout = fanout;
    }
    @name(".stream_multicast4") @id(ID_ACTION_STREAM_MULTICAST4)
    action stream_multicast4(@id(1) slot_t slot, @id(2) bit<16> group, @id(3) ipv4_addr_t address,
                             @id(4) bit<16> port, @id(5) mac_t mac, @id(6) bit<16> mtu) {
        meta.in_slot = true;
        meta.slot = slot;
        meta.max_list = MAX_ENTRIES;
        meta.multicast = true;
        meta.multicast_group = group;
        meta.group4 = address;
        meta.group_port = port;
        meta.group_mac = mac;
        meta.mtu = mtu;
    }
    @name(".stream_multicast6") @id(ID_ACTION_STREAM_MULTICAST6)
    action stream_multicast6(@id(1) slot_t slot, @id(2) bit<16> group, @id(3) ipv6_addr_t address,
                             @id(4) bit<16> port, @id(5) mac_t mac, @id(6) bit<16> mtu) {
        meta.in_slot = true;
        meta.slot = slot;
        meta.max_list = MAX_ENTRIES;
        meta.multicast = true;
        meta.multicast_group = group;
        meta.group6 = address;
        meta.group_port = port;
        meta.group_mac = mac;
        meta.mtu = mtu;
    }
    @name(".no_stream") @id(ID_ACTION_NO_STREAM)
    action no_stream() {
        meta.stream_miss = true;
    }

    @name(".streams4_counter") @id(ID_DIRECT_STREAMS4)
    direct_counter(CounterType.packets_and_bytes) streams4_counter;
    @name(".streams6_counter") @id(ID_DIRECT_STREAMS6)
    direct_counter(CounterType.packets_and_bytes) streams6_counter;

    // Streams this ETR receives: all four keys must agree, so that nobody but
    // the channel's own ITR writes its payload store. Filled from the channels
    // the controller knows and by the new-stream slow path; the action is the
    // viewer domain's choice of delivery (paper section 3.5).
    @name(".streams4") @id(ID_TABLE_STREAMS4)
    table streams4 {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            meta.peer : exact @name("peer") @id(2);
            meta.src4 : exact @name("source_eid") @id(3);
            meta.dst4 : exact @name("reserved_eid") @id(4);
        }
        actions = { stream; stream_multicast4; @defaultonly no_stream; }
        const default_action = no_stream();
        counters = streams4_counter;
        size = MAX_STREAMS;
    }
    @name(".streams6") @id(ID_TABLE_STREAMS6)
    table streams6 {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            meta.peer : exact @name("peer") @id(2);
            meta.src6 : exact @name("source_eid") @id(3);
            meta.dst6 : exact @name("reserved_eid") @id(4);
        }
        actions = { stream; stream_multicast6; @defaultonly no_stream; }
        const default_action = no_stream();
        counters = streams6_counter;
        size = MAX_STREAMS;
    }

    apply {
        if (meta.decap) {
            if (hdr.inner_udp.isValid() && hdr.inner_udp.dst_port == CORECAST_PORT) {
                if (hdr.ipv4.isValid()) {
                    source_rlocs4.apply();
                } else {
                    source_rlocs6.apply();
                }
                if (meta.v6) {
                    streams6.apply();
                } else {
                    streams4.apply();
                }
            }
        } else {
            channel_port = 0;
            if (meta.v6) {
                channel_src6 = 0;
                channels6.apply();
                if (meta.in_slot && meta.src6 != channel_src6) {
                    meta.drop = DROP_CHANNEL_SOURCE;
                }
            } else {
                channel_src4 = 0;
                channels4.apply();
                if (meta.in_slot && meta.src4 != channel_src4) {
                    meta.drop = DROP_CHANNEL_SOURCE;
                }
            }
            if (meta.in_slot && meta.drop == DROP_NONE && meta.in_port != channel_port) {
                meta.drop = DROP_CHANNEL_PORT;
            }
        }
    }
}

// Validates a packet of a channel or stream as CoreCast of one IP version, and
// sets meta.kind.
control ValidateAs(in headers_t hdr, inout meta_t meta, in bit<4> header_type,
                   in bit<16> ip_bytes, in bit<16> entry_bytes) {
    bit<16> udp_len = 0;
    bit<16> outer_bytes = 0;

    apply {
        if (!meta.decap) {
            udp_len = hdr.udp.length;
        } else {
            udp_len = hdr.inner_udp.length;
            outer_bytes = LISP_IPV4_BYTES;
            if (hdr.ipv6.isValid()) {
                outer_bytes = LISP_IPV6_BYTES;
            }
        }

        if (!meta.decap && (!hdr.udp.isValid() || hdr.udp.dst_port != CORECAST_PORT)) {
            // LISP with CoreCast inside is no CoreCast to a channel.
            meta.drop = DROP_BAD_CORECAST;
            if (!hdr.udp.isValid() && meta.parse_failed) {
                meta.drop = DROP_TRUNCATED;
            }
        } else if (!hdr.corecast.isValid()) {
            meta.drop = DROP_TRUNCATED;
        } else if (hdr.corecast.version != CORECAST_VERSION || meta.ip_len - ip_bytes != udp_len) {
            meta.drop = DROP_BAD_CORECAST;
        } else if (hdr.corecast.type == TYPE_PAYLOAD) {
            if (hdr.corecast.count != 0) {
                meta.drop = DROP_BAD_CORECAST;
            } else if (hdr.corecast.length == 0 || hdr.corecast.length > MAX_PAYLOAD) {
                meta.drop = DROP_PAYLOAD_LENGTH;
            } else if (meta.parse_failed || udp_len < UDP_BYTES + CORECAST_BYTES + hdr.corecast.length) {
                meta.drop = DROP_TRUNCATED;
            } else if (udp_len != UDP_BYTES + CORECAST_BYTES + hdr.corecast.length) {
                meta.drop = DROP_BAD_CORECAST;
            } else if (meta.payload_failed) {
                meta.drop = DROP_PAYLOAD_HASH;
            } else {
                meta.kind = kind_t.PAYLOAD;
            }
        } else if (hdr.corecast.type == header_type) {
            if (hdr.corecast.count - 1 >= MAX_ENTRIES
                || udp_len != (bit<16>)hdr.corecast.count * entry_bytes + (UDP_BYTES + CORECAST_BYTES)) {
                meta.drop = DROP_BAD_COUNT;
            } else if (meta.parse_failed) {
                meta.drop = DROP_TRUNCATED;
            } else if (hdr.corecast.count > meta.max_list) {
                meta.drop = DROP_LIST_REFUSED;
            } else if ((!meta.decap && meta.room != meta.ip_len)
                       || (meta.decap && meta.room - outer_bytes != meta.ip_len)) {
                // Bytes behind the entries would trail every packet we make of them.
                meta.drop = DROP_BAD_CORECAST;
            } else if (meta.multicast) {
                meta.drop = DROP_MULTICAST_HEADER;
            } else if (meta.decap) {
                meta.kind = kind_t.STREAM_HEADER;
            } else {
                meta.kind = kind_t.CHANNEL_HEADER;
            }
        } else {
            meta.drop = DROP_BAD_CORECAST;
        }
    }
}

control Validate(in headers_t hdr, inout meta_t meta) {
    ValidateAs() over_ipv4;
    ValidateAs() over_ipv6;

    apply {
        if (meta.v6) {
            over_ipv6.apply(hdr, meta, TYPE_HEADER6, IPV6_BYTES, ENTRY6_BYTES);
        } else {
            over_ipv4.apply(hdr, meta, TYPE_HEADER4, IPV4_BYTES, ENTRY4_BYTES);
        }
    }
}

#endif
