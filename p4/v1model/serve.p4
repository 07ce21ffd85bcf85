// Serving: what a header packet with a known payload and a known way makes the
// switch send (paper, Algorithms 1 and 2).
#ifndef CORECAST_SERVE_P4
#define CORECAST_SERVE_P4

#include "../shared/headers.p4"
#include "payload_store.p4"
#include "growth.p4"

// Served stamps (the paper's servedRLOC), one for each (channel, RLOC):
// generation (24) ++ header packets sent since the last copy (8).
@name(".served")
register<bit<32>>(SERVED_STAMPS) served;

// At stamp * 2: headers sent to the RLOC; at stamp * 2 + 1: payload copies.
@name(".rloc_events") @id(ID_COUNTER_RLOC_EVENTS)
counter(RLOC_CELLS, CounterType.packets) rloc_events;

// Decides between copy, expansion and forwarding. Writes nothing yet: the
// packet may still be too long, or have to loop.
control Decide(in headers_t hdr, inout meta_t meta, in bit<64> info, out bit<32> stamp,
               out bool first) {
    @hidden action read_stamp() {
        served.read(stamp, meta.stamp_cell);
    }

    apply {
        stamp = 0;
        first = false;
        if (meta.kind == kind_t.STREAM_HEADER || meta.via == via_t.LOCAL) {
            if (hdr.corecast.count == 1) {
                meta.expand = true;
            } else {
                meta.expand_list = true;
            }
        } else {
            meta.stamp_cell = (bit<32>)meta.slot << 10 | (bit<32>)meta.rloc;
            read_stamp();
            if (stamp[31:8] != INFO_GENERATION(info)) {
                meta.copy = true;
                first = true;
            } else if (meta.redundancy != 0 && stamp[7:0] >= meta.redundancy) {
                meta.copy = true;
            }
        }
    }
}

// A packet that does not fit the way it must take goes to the controller,
// which answers with ICMP. The ways of a list's entries are known in egress only.
control CheckMtu(in headers_t hdr, inout meta_t meta) {
    bit<16> longest = 0;

    apply {
        if (meta.mtu != 0 && !meta.expand_list) {
            longest = meta.ip_len;
            if (meta.copy || meta.expand || meta.multicast) {
                longest = IPV4_BYTES + UDP_BYTES + hdr.corecast.length;
                if (meta.v6) {
                    longest = longest + (IPV6_BYTES - IPV4_BYTES);
                }
                if (meta.copy) {
                    longest = longest + CORECAST_BYTES;
                    if (longest < meta.ip_len) {    // the list itself is the longer packet
                        longest = meta.ip_len;
                    }
                }
            }
            if (meta.via == via_t.RLOC) {
                if (meta.encap_v6) {
                    longest = longest |+| LISP_IPV6_BYTES;
                } else {
                    longest = longest |+| LISP_IPV4_BYTES;
                }
            }
            if (longest > meta.mtu) {
                meta.punt = PUNT_TOO_BIG;
            }
        }
    }
}

// The smallest group that has a replica for every entry.
control ListGroup(in bit<8> count, out bit<16> group) {
    apply {
        if (count <= 2) {
            group = LIST_GROUP_BASE + 1;
        } else if (count <= 4) {
            group = LIST_GROUP_BASE + 2;
        } else if (count <= 8) {
            group = LIST_GROUP_BASE + 3;
        } else if (count <= 16) {
            group = LIST_GROUP_BASE + 4;
        } else {
            group = LIST_GROUP_BASE + 5;
        }
    }
}

// Does what Decide decided.
control Serve(inout headers_t hdr, inout meta_t meta, in bit<64> info, in bit<32> stamp,
              in bool first) {
    Growth() growth;
    LoadPayload() load;
    ListGroup() list_group;

    bit<32> made_then = 0;

    apply {
        if (meta.expand || meta.expand_list || meta.copy) {
            growth.apply(hdr, meta);
            if (meta.drop == DROP_NONE && !meta.grow && meta.fanout != 0) {
                made.read(made_then, meta.cell);
                if (meta.expand_list) {
                    made_then = made_then |+| (bit<32>)hdr.corecast.count;
                } else {
                    made_then = made_then |+| 1;
                }
                if (made_then > meta.fanout) {
                    meta.drop = DROP_FANOUT;
                    COUNT_EVENT(EVENT_REFUSED);
                } else {
                    made.write(meta.cell, made_then);
                }
            }
        }
        if (meta.drop == DROP_NONE && !meta.grow) {
            COUNT_EVENT(EVENT_HEADER);
            if (meta.expand) {
                COUNT_EVENT(EVENT_EXPANDED);
            } else if (meta.via == via_t.RLOC) {
                rloc_events.count(meta.stamp_cell << 1);
                if (meta.copy) {
                    served.write(meta.stamp_cell, (INFO_GENERATION(info) ++ 8w0) + 1);
                    rloc_events.count(meta.stamp_cell << 1 | 1);
                    if (first) {
                        COUNT_EVENT(EVENT_COPY);
                    } else {
                        COUNT_EVENT(EVENT_COPY_REDUNDANT);
                    }
                } else if (meta.redundancy != 0) {
                    served.write(meta.stamp_cell, stamp + 1);
                }
            }
            if (meta.expand || meta.expand_list || meta.copy) {
                meta.payload_sum = INFO_SUM(info);
                load.apply(hdr, meta);
            }
            if (meta.copy) {
                meta.multicast_group = COPY_GROUP_BASE + (bit<16>)meta.out_port;
            } else if (meta.expand_list) {
                list_group.apply(hdr.corecast.count, meta.multicast_group);
            }
        }
    }
}

#endif
