// Classification: is this packet ours to decapsulate, and does it belong to a
// channel (we are its ITR) or to a stream (we are one of its ETRs)? Everything
// else is ordinary and stays on the fast path (paper section 3.3).
#ifndef CORECAST_CLASSIFY_P4
#define CORECAST_CLASSIFY_P4

#include "headers.p4"

// Checks that the first IP header agrees with the packet around it.
control CheckIp(in headers_t hdr, inout meta_t meta) {
    apply {
        if (hdr.ipv4.version != 4 || hdr.ipv4.ihl < 5 || hdr.ipv4.total_len < IPV4_BYTES) {
            meta.drop = DROP_BAD_IPV4;
        } else if (hdr.ipv4.ihl != 5) {
            meta.drop = DROP_IP_OPTIONS;
        } else if (meta.frame_len < ETHERNET_BYTES + hdr.ipv4.total_len) {
            meta.drop = DROP_TRUNCATED;
        } else if (meta.ip_failed) {
            meta.drop = DROP_BAD_IPV4;
        }
    }
}

// Sets meta.decap, and meta.src and meta.dst to the addresses of the packet
// that will be forwarded: the inner one where we decapsulate.
control Decapsulation(in headers_t hdr, inout meta_t meta) {
    @name(".own_rloc") @id(ID_ACTION_OWN_RLOC)
    action own_rloc() {
        meta.decap = true;
    }
    @name(".not_ours") @id(ID_ACTION_NOT_OURS)
    action not_ours() { }

    // RLOCs of this switch; LISP data packets to any other address are plain
    // IP to us. Filled from the RLOCs of the switch's site.
    @name(".my_rlocs") @id(ID_TABLE_MY_RLOCS)
    table my_rlocs {
        key = { hdr.ipv4.dst : exact @name("rloc") @id(1); }
        actions = { own_rloc; @defaultonly not_ours; }
        const default_action = not_ours();
        size = MAX_OWN_RLOCS;
    }

    apply {
        meta.src = hdr.ipv4.src;
        meta.dst = hdr.ipv4.dst;
        if (hdr.udp.isValid() && hdr.udp.dst_port == LISP_DATA_PORT) {
            my_rlocs.apply();
        }
        if (meta.decap) {
            if (!hdr.lisp.isValid() || hdr.ipv4.total_len < LISP_IPV4_BYTES + IPV4_BYTES) {
                meta.drop = DROP_TRUNCATED;
            } else if (!hdr.inner_ipv4.isValid()) {
                meta.drop = DROP_BAD_LISP;
            } else if (hdr.inner_ipv4.ihl != 5 || hdr.inner_ipv4.total_len < IPV4_BYTES) {
                meta.drop = DROP_BAD_LISP;
            } else if (hdr.ipv4.total_len < LISP_IPV4_BYTES + hdr.inner_ipv4.total_len) {
                meta.drop = DROP_TRUNCATED;
            } else if (hdr.ipv4.ecn == ECN_CE && hdr.inner_ipv4.ecn == ECN_NOT_ECT) {
                meta.drop = DROP_CONGESTION;
            }
            meta.src = hdr.inner_ipv4.src;
            meta.dst = hdr.inner_ipv4.dst;
            meta.instance_id = 0;
            if (hdr.lisp.i == 1) {
                meta.instance_id = hdr.lisp.instance_id;
            }
        }
    }
}

// Finds the channel or stream and with it the payload store.
control Membership(in headers_t hdr, inout meta_t meta) {
    ipv4_addr_t channel_src = 0;
    port_t      channel_port = 0;

    @name(".channel") @id(ID_ACTION_CHANNEL)
    action channel(@id(1) slot_t slot, @id(2) ipv4_addr_t source_eid, @id(3) port_t ingress_port,
                   @id(4) bit<8> redundancy) {
        meta.in_slot = true;
        meta.slot = slot;
        meta.redundancy = redundancy;
        channel_src = source_eid;
        channel_port = ingress_port;
    }
    @name(".no_channel") @id(ID_ACTION_NO_CHANNEL)
    action no_channel() { }

    @name(".channels_counter") @id(ID_DIRECT_CHANNELS)
    direct_counter(CounterType.packets_and_bytes) channels_counter;

    // Reserved EIDs with a channel, of every instance. The action data says
    // who alone may use it: source EID and ingress port (DESIGN: source
    // binding). Filled from `channels:`.
    @name(".channels") @id(ID_TABLE_CHANNELS)
    table channels {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            meta.dst : exact @name("reserved_eid") @id(2);
        }
        actions = { channel; @defaultonly no_channel; }
        const default_action = no_channel();
        counters = channels_counter;
        size = MAX_CHANNELS;
    }

    @name(".stream") @id(ID_ACTION_STREAM)
    action stream(@id(1) slot_t slot) {
        meta.in_slot = true;
        meta.slot = slot;
    }
    @name(".no_stream") @id(ID_ACTION_NO_STREAM)
    action no_stream() {
        meta.stream_miss = true;
    }

    @name(".streams_counter") @id(ID_DIRECT_STREAMS)
    direct_counter(CounterType.packets_and_bytes) streams_counter;

    // Streams this ETR receives: all four keys must agree, so that nobody but
    // the channel's own ITR writes its payload store. Filled from the channels
    // the controller knows and, later, by the new-stream slow path.
    @name(".streams") @id(ID_TABLE_STREAMS)
    table streams {
        key = {
            meta.instance_id : exact @name("instance_id") @id(1);
            hdr.ipv4.src : exact @name("source_rloc") @id(2);
            meta.src : exact @name("source_eid") @id(3);
            meta.dst : exact @name("reserved_eid") @id(4);
        }
        actions = { stream; @defaultonly no_stream; }
        const default_action = no_stream();
        counters = streams_counter;
        size = MAX_STREAMS;
    }

    apply {
        if (meta.decap) {
            if (hdr.inner_udp.isValid() && hdr.inner_udp.dst_port == CORECAST_PORT) {
                streams.apply();
            }
        } else {
            channels.apply();
            if (meta.in_slot) {
                if (meta.src != channel_src) {
                    meta.drop = DROP_CHANNEL_SOURCE;
                } else if (meta.in_port != channel_port) {
                    meta.drop = DROP_CHANNEL_PORT;
                }
            }
        }
    }
}

// Validates a packet of a channel or stream as CoreCast and sets meta.kind.
control Validate(in headers_t hdr, inout meta_t meta) {
    bit<16> udp_len = 0;
    bit<16> ip_len = 0;
    bit<16> trailing = 0;

    apply {
        if (meta.decap) {
            udp_len = hdr.inner_udp.length;
            ip_len = hdr.inner_ipv4.total_len;
            trailing = meta.frame_len - ETHERNET_BYTES - LISP_IPV4_BYTES - ip_len;
        } else {
            udp_len = hdr.udp.length;
            ip_len = hdr.ipv4.total_len;
            trailing = meta.frame_len - ETHERNET_BYTES - ip_len;
        }

        if (!hdr.corecast.isValid()) {
            if (meta.parse_failed) {
                meta.drop = DROP_TRUNCATED;
            } else {
                meta.drop = DROP_BAD_CORECAST;      // not UDP 4344
            }
        } else if (hdr.corecast.version != CORECAST_VERSION || ip_len != IPV4_BYTES + udp_len) {
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
        } else if (hdr.corecast.type == TYPE_HEADER4) {
            if (hdr.corecast.count == 0 || hdr.corecast.count > MAX_ENTRIES
                || udp_len != UDP_BYTES + CORECAST_BYTES + ENTRY4_BYTES * (bit<16>)hdr.corecast.count) {
                meta.drop = DROP_BAD_COUNT;
            } else if (hdr.corecast.count != 1) {
                meta.drop = DROP_LIST_REFUSED;
            } else if (!hdr.entry.isValid()) {
                meta.drop = DROP_TRUNCATED;
            } else if (trailing != 0) {
                // Bytes behind the entry, in the inner packet or in the frame, would
                // trail every packet we make of it, and growth does not count them.
                meta.drop = DROP_BAD_CORECAST;
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

#endif
