// CoreCast for v1model: bmv2's simple_switch_grpc and the softswitch.
//
// One program makes a switch the ITR of the channels of its site, an ETR of
// the streams its site receives, and a plain LISP xTR for everything else
// (paper sections 3.4 and 3.5, RFC 9300). docs/architecture.md draws the
// order of the steps.
#include "platform.p4"
#include "../shared/headers.p4"
#include "../shared/parser.p4"
#include "../shared/admission.p4"
#include "../shared/decapsulation.p4"
#include "../shared/membership.p4"
#include "../shared/validate.p4"
#include "../shared/forwarding.p4"
#include "../shared/rewrite.p4"
#include "../shared/viewers.p4"
#include "checksums.p4"
#include "flow.p4"
#include "limits.p4"
#include "payload_store.p4"
#include "growth.p4"
#include "serve.p4"

#define GOING_ON (meta.drop == DROP_NONE && meta.punt == PUNT_NONE)

// One cell a reason: DROP_* and PUNT_* of ids.h.
@name(".drop_reasons") @id(ID_COUNTER_DROP_REASONS)
counter(REASON_CELLS, CounterType.packets_and_bytes) drop_reasons;
@name(".punt_reasons") @id(ID_COUNTER_PUNT_REASONS)
counter(REASON_CELLS, CounterType.packets_and_bytes) punt_reasons;

parser SwitchParser(packet_in packet, out headers_t hdr, inout meta_t meta,
                    inout standard_metadata_t standard_metadata) {
    FrameParser() frame;
    state start {
        frame.apply(packet, hdr, standard_metadata.ingress_port, meta.again, meta.again_port);
        transition accept;
    }
}

// What a packet is and where it goes: everything up to the point where the
// switch would have to send something. Changes no headers.
control Judge(inout headers_t hdr, inout meta_t meta) {
    Admission()     admission;
    CheckIp()       check_ip;
    Decapsulation() decapsulation;
    Membership()    membership;
    Validate()      validate;
    LimitSlot()     limit_slot;

    apply {
        admission.apply(hdr, meta);
        if (GOING_ON) {
            check_ip.apply(hdr, meta);
        }
        if (GOING_ON) {
            decapsulation.apply(hdr, meta);
        }
        if (GOING_ON) {
            membership.apply(hdr, meta);
        }
        if (GOING_ON && meta.in_slot) {
            if (meta.pads == 0 && meta.again == 0) {    // once a packet, not once a pass
                limit_slot.apply(meta);
            }
            if (GOING_ON) {
                validate.apply(hdr, meta);
                if (meta.drop == DROP_PAYLOAD_HASH || meta.drop == DROP_PAYLOAD_LENGTH) {
                    COUNT_EVENT(EVENT_PAYLOAD_REJECTED);
                } else if (meta.drop == DROP_LIST_REFUSED) {
                    COUNT_EVENT(EVENT_REFUSED);
                }
            }
        }
    }
}

// Turns the packet into what leaves; what differs between replicas is left to
// egress.
control Rewrite(inout headers_t hdr, inout meta_t meta, in bit<64> info) {
    SendAround()  send_around;
    Decapsulate() decapsulate;
    Hop()         hop;
    Expand()      expand;
    FlowNumber()  flow_number;
    Encapsulate() encapsulate;

    bit<13>     flow = 0;
    ipv4_addr_t to4 = 0;
    ipv6_addr_t to6 = 0;
    bit<16>     to_port = 0;

    apply {
        if (meta.grow) {
            send_around.apply(hdr, meta);
            meta.unchanged = true;
        } else {
            if (meta.decap) {
                decapsulate.apply(hdr, meta);
            }
            hop.apply(hdr, meta);
            if (meta.expand || meta.multicast) {
                to4 = hdr.entries4[0].eid;
                to6 = hdr.entries6[0].eid;
                to_port = hdr.entries4[0].port;
                if (meta.multicast) {
                    to4 = meta.group4;
                    to6 = meta.group6;
                    to_port = meta.group_port;
                    meta.out_src_mac = meta.port_mac;    // a group's is no sender's
                    meta.out_dst_mac = meta.group_mac;
                } else if (meta.v6) {
                    to_port = hdr.entries6[0].port;
                }
                expand.apply(hdr, meta, to4, to6, to_port);
                hdr.entries4[0].setInvalid();
                hdr.entries6[0].setInvalid();
            }
            if (meta.via == via_t.RLOC) {
                if (meta.kind == kind_t.CHANNEL_HEADER) {
                    flow = INFO_FLOW(info);    // its payload's: found once, when that came
                } else {
                    flow_number.apply(hdr, flow);
                }
                encapsulate.apply(hdr, meta, FLOW_PORTS + (bit<16>)flow);
            }
            hdr.ethernet.src = meta.out_src_mac;
            hdr.ethernet.dst = meta.out_dst_mac;
            if (meta.v6) {
                hdr.ethernet.ether_type = ETHERTYPE_IPV6;
            } else {
                hdr.ethernet.ether_type = ETHERTYPE_IPV4;
            }
            if (meta.via == via_t.RLOC) {
                if (meta.encap_v6) {
                    hdr.ethernet.ether_type = ETHERTYPE_IPV6;
                } else {
                    hdr.ethernet.ether_type = ETHERTYPE_IPV4;
                }
            }
        }
    }
}

control SwitchIngress(inout headers_t hdr, inout meta_t meta,
                      inout standard_metadata_t standard_metadata) {
    CheckPayloadIp() check_payload_ip;
    CheckLispIp()    check_lisp_ip;
    Judge()          judge;
    AcceptPayload()  accept_payload;
    FindPayload()    find_payload;
    Forwarding()     forwarding;
    Bucket()         bucket_of;
    Adjacency()      adjacency;
    Decide()         decide;
    CheckMtu()       check_mtu;
    Serve()          serve;
    Rewrite()        rewrite;
    LimitPunt()      limit_punt;

    bit<64> info = 0;     // of the payload that a header names
    bit<32> stamp = 0;
    bool    first = false;
    bool    parse_list = false;
    bit<8>  bucket = 0;

    // From the platform to the shared controls.
    @hidden action begin() {
        meta.rx_port = standard_metadata.ingress_port;
        meta.frame_len = (bit<16>)standard_metadata.packet_length;
        meta.parse_failed = standard_metadata.parser_error != error.NoError;
    }

    apply {
        begin();
        if (standard_metadata.checksum_error == 1) {
            meta.ip_failed = true;
        }
        if (meta.again == 1) {
            meta.rx_port = meta.again_port;
        }
        if (hdr.corecast.isValid() && hdr.corecast.type == TYPE_PAYLOAD) {
            check_payload_ip.apply(hdr, meta);
        } else if (meta.ip_failed && hdr.inner_ipv4.isValid()) {
            check_lisp_ip.apply(hdr, meta);
        }
        if (hdr.packet_out.isValid()) {
            meta.frame_len = meta.frame_len - 4;
            meta.rx_port = (port_t)hdr.packet_out.port;
        }
        if (hdr.packet_out.isValid() && hdr.packet_out.mode == OUT_SEND) {
            meta.out_port = meta.rx_port;
            meta.unchanged = true;
        } else {
            if (hdr.packet_out.isValid() && hdr.packet_out.mode != OUT_RECEIVE) {
                meta.drop = DROP_PACKET_OUT;
            } else {
                judge.apply(hdr, meta);
            }
            if (GOING_ON) {
                if (meta.kind == kind_t.PAYLOAD) {
                    accept_payload.apply(hdr, meta);
                    if (meta.multicast && GOING_ON) {
                        meta.consumed = false;
                    }
                } else {
                    if (meta.kind != kind_t.ORDINARY) {
                        find_payload.apply(hdr, meta, info);
                    }
                    // The entries of a list for a stream are looked up in egress.
                    if (GOING_ON && !(meta.kind == kind_t.STREAM_HEADER && hdr.corecast.count != 1)) {
                        forwarding.apply(hdr, meta);
                        if (GOING_ON && !(meta.kind == kind_t.CHANNEL_HEADER && meta.via == via_t.LOCAL
                                          && hdr.corecast.count != 1)) {
                            bucket_of.apply(hdr, meta, bucket);
                            adjacency.apply(meta, bucket);
                        }
                    }
                }
                if (GOING_ON && !meta.consumed) {
                    if (meta.ttl <= 1) {
                        meta.punt = PUNT_TTL;
                    } else {
                        if (meta.kind != kind_t.ORDINARY && !meta.multicast) {
                            decide.apply(hdr, meta, info, stamp, first);
                        }
                        // Viewers of the channel's own site: the entries are still to be parsed.
                        if (meta.expand_list && !meta.decap && meta.again == 0) {
                            parse_list = true;
                        } else {
                            check_mtu.apply(hdr, meta);
                        }
                        if (GOING_ON && !parse_list) {
                            if (meta.multicast) {
                                COUNT_EVENT(EVENT_MULTICAST);
                            } else if (meta.kind != kind_t.ORDINARY) {
                                serve.apply(hdr, meta, info, stamp, first);
                            }
                        }
                    }
                }
            }
            if (GOING_ON && !meta.consumed && !parse_list) {
                rewrite.apply(hdr, meta, info);
            }
            if (meta.punt != PUNT_NONE) {
                limit_punt.apply(meta, standard_metadata.ingress_global_timestamp);
            }
        }

        // From the shared controls back to the platform.
        hdr.packet_out.setInvalid();
        if (meta.drop != DROP_NONE) {
            drop_reasons.count((bit<32>)meta.drop);
            mark_to_drop(standard_metadata);
        } else if (meta.punt != PUNT_NONE) {
            punt_reasons.count((bit<32>)meta.punt);
            meta.unchanged = true;
            hdr.packet_in.setValid();
            hdr.packet_in.ingress_port = (bit<16>)meta.in_port;
            hdr.packet_in.reason = (bit<16>)meta.punt;
            standard_metadata.egress_spec = CPU_PORT;
        } else if (meta.consumed) {
            mark_to_drop(standard_metadata);
        } else if (parse_list) {
            meta.again = 1;
            meta.again_port = standard_metadata.ingress_port;
            resubmit_preserving_field_list(FIELDS_OF_AGAIN);
        } else if (meta.multicast_group != 0 && !meta.unchanged) {
            standard_metadata.mcast_grp = meta.multicast_group;
        } else {
            standard_metadata.egress_spec = meta.out_port;
        }
    }
}

// Cuts off what is behind a payload copy: the rest of a list.
control CutCopy(in headers_t hdr, in meta_t meta) {
    apply {
        if (meta.encap_v6) {
            truncate((bit<32>)hdr.encap_ipv6.payload_len + (ETHERNET_BYTES + IPV6_BYTES));
        } else {
            truncate((bit<32>)hdr.encap_ipv4.total_len + ETHERNET_BYTES);
        }
    }
}

// Makes the replicas differ. The group of COPY_GROUP_BASE + port holds two on
// that port, payload copy first; those of LIST_GROUP_BASE + k hold, for every
// local port, replicas 1 to 2^k. bmv2 orders replicas by how they were written,
// not as listed: the controller adds them one by one.
control SwitchEgress(inout headers_t hdr, inout meta_t meta,
                     inout standard_metadata_t standard_metadata) {
    MakeCopy()     make_copy;
    CutCopy()      cut_copy;
    ClearPayload() clear_payload;
    PickViewer()   pick_viewer;
    Expand()       expand;
    ChecksumUdp()  checksum_udp;

    ipv4_addr_t eid4 = 0;
    ipv6_addr_t eid6 = 0;
    bit<16>     udp_port = 0;
    mac_t       src_mac = 0;
    mac_t       dst_mac = 0;
    bool        ours = false;
    bool        not_local = false;
    bool        too_big = false;
    bool        made_here = false;    // the packet was made of a stored payload
    bit<8>      entries = 0;          // of the header that a copy is made of

    apply {
        if (!meta.unchanged) {
            if (meta.copy) {
                if (standard_metadata.egress_rid == RID_PAYLOAD) {
                    entries = hdr.corecast.count;
                    make_copy.apply(hdr, meta);
                    made_here = true;
                } else {
                    clear_payload.apply(hdr);
                }
            } else if (meta.expand_list) {
                pick_viewer.apply(hdr, meta, standard_metadata.egress_rid, standard_metadata.egress_port,
                                  eid4, eid6, udp_port, src_mac, dst_mac, ours, not_local, too_big);
                if (ours && too_big) {
                    drop_reasons.count(DROP_TOO_BIG);
                    mark_to_drop(standard_metadata);
                } else if (ours) {
                    expand.apply(hdr, meta, eid4, eid6, udp_port);
                    hdr.entries4.pop_front(MAX_ENTRIES);
                    hdr.entries6.pop_front(MAX_ENTRIES);
                    hdr.ethernet.src = src_mac;
                    hdr.ethernet.dst = dst_mac;
                    made_here = true;
                    COUNT_EVENT(EVENT_EXPANDED);
                } else {
                    if (not_local && standard_metadata.egress_port == meta.list_port) {
                        COUNT_EVENT(EVENT_ENTRY_NOT_LOCAL);
                        drop_reasons.count(DROP_ENTRY_NOT_LOCAL);
                    }
                    mark_to_drop(standard_metadata);
                }
            } else if (meta.expand || meta.multicast) {
                made_here = true;
            }
            if (made_here) {
                checksum_udp.apply(hdr, meta);
            }
            if (entries > 1) {
                cut_copy.apply(hdr, meta);
            }
        }
    }
}

V1Switch(SwitchParser(), VerifyChecksums(), SwitchIngress(), SwitchEgress(), ComputeChecksums(),
         FrameDeparser()) main;
