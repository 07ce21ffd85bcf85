// Does this packet belong to a channel (we are its ITR) or to a stream (we are
// one of its ETRs)? Everything else is ordinary and stays on the fast path (paper
// section 3.3).
#ifndef CORECAST_MEMBERSHIP_P4
#define CORECAST_MEMBERSHIP_P4

#include "headers.p4"

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

#endif
