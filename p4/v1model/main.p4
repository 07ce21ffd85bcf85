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
#include "../shared/classify.p4"
#include "../shared/forwarding.p4"
#include "../shared/rewrite.p4"
#include "payload_store.p4"
#include "growth.p4"
#include "serve.p4"

#define GOING_ON (meta.drop == DROP_NONE && meta.punt == PUNT_NONE)

parser SwitchParser(packet_in packet, out headers_t hdr, inout meta_t meta,
                    inout standard_metadata_t standard_metadata) {
    FrameParser() frame;
    state start {
        frame.apply(packet, hdr, standard_metadata.ingress_port == CPU_PORT);
        transition accept;
    }
}

#define IPV4_FIELDS(ip) { ip.version, ip.ihl, ip.dscp, ip.ecn, ip.total_len, ip.identification, \
                          ip.flags, ip.frag_offset, ip.ttl, ip.protocol, ip.src, ip.dst }

// bmv2 has one verdict bit for all checks, so here a payload packet is checked
// for its payload only, and CheckPayloadIp does its IPv4 headers. The payload
// needs verify_checksum, which skips chunks that are not there: hash() in
// ingress would hash something in their place.
control VerifyChecksums(inout headers_t hdr, inout meta_t meta) {
    apply {
        verify_checksum(hdr.corecast.isValid() && hdr.corecast.type == TYPE_PAYLOAD,
                        { hdr.c0, hdr.c1, hdr.c2, hdr.c3, hdr.c4, hdr.t128, hdr.t64, hdr.t32,
                          hdr.t16, hdr.t8, hdr.t4, hdr.t2, hdr.t1 },
                        hdr.corecast.hash, HashAlgorithm.crc32);
        verify_checksum(hdr.ipv4.isValid() && hdr.ipv4.ihl == 5
                        && !(hdr.corecast.isValid() && hdr.corecast.type == TYPE_PAYLOAD),
                        IPV4_FIELDS(hdr.ipv4), hdr.ipv4.checksum, HashAlgorithm.csum16);
        verify_checksum(hdr.inner_ipv4.isValid() && hdr.inner_ipv4.ihl == 5
                        && !(hdr.corecast.isValid() && hdr.corecast.type == TYPE_PAYLOAD),
                        IPV4_FIELDS(hdr.inner_ipv4), hdr.inner_ipv4.checksum, HashAlgorithm.csum16);
    }
}

// The IPv4 headers of a packet whose one verdict went to its payload.
control CheckPayloadIp(in headers_t hdr, inout meta_t meta) {
    bit<16> outer = 0;
    bit<16> inner = 0;
    apply {
        meta.payload_failed = meta.ip_failed;
        meta.ip_failed = false;
        hash(outer, HashAlgorithm.csum16, 16w0, IPV4_FIELDS(hdr.ipv4), 32w65536);
        if (hdr.ipv4.ihl == 5 && outer != hdr.ipv4.checksum) {
            meta.ip_failed = true;
        }
        if (hdr.inner_ipv4.isValid()) {
            hash(inner, HashAlgorithm.csum16, 16w0, IPV4_FIELDS(hdr.inner_ipv4), 32w65536);
            if (inner != hdr.inner_ipv4.checksum) {
                meta.ip_failed = true;
            }
        }
    }
}

control SwitchIngress(inout headers_t hdr, inout meta_t meta,
                      inout standard_metadata_t standard_metadata) {
    // One cell a reason: DROP_* and PUNT_* of ids.h.
    @name(".drop_reasons") @id(ID_COUNTER_DROP_REASONS)
    counter(REASON_CELLS, CounterType.packets_and_bytes) drop_reasons;
    @name(".punt_reasons") @id(ID_COUNTER_PUNT_REASONS)
    counter(REASON_CELLS, CounterType.packets_and_bytes) punt_reasons;

    CheckPayloadIp() check_payload_ip;
    Admission()     admission;
    CheckIp()       check_ip;
    Decapsulation() decapsulation;
    Membership()    membership;
    Validate()      validate;
    AcceptPayload() accept_payload;
    FindPayload()   find_payload;
    Forwarding()    forwarding;
    Serve()         serve;
    SendAround()    send_around;
    Decapsulate()   decapsulate;
    Expand()        expand;
    Encapsulate()   encapsulate;

    bit<24> generation = 0;
    bit<16> entropy = 0;

    // From the platform to the shared controls.
    @hidden action begin() {
        meta.rx_port = standard_metadata.ingress_port;
        meta.frame_len = (bit<16>)standard_metadata.packet_length;
        meta.parse_failed = standard_metadata.parser_error != error.NoError;
        meta.ip_failed = standard_metadata.checksum_error == 1;
    }

    apply {
        begin();
        if (hdr.corecast.isValid() && hdr.corecast.type == TYPE_PAYLOAD) {
            check_payload_ip.apply(hdr, meta);
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
                admission.apply(hdr, meta);
            }
            if (GOING_ON) {
                check_ip.apply(hdr, meta);
            }
            if (GOING_ON) {
                decapsulation.apply(hdr, meta);
            }
            if (GOING_ON) {
                membership.apply(hdr, meta);
                if (meta.in_slot && meta.drop == DROP_NONE) {
                    validate.apply(hdr, meta);
                    if (meta.drop == DROP_PAYLOAD_HASH || meta.drop == DROP_PAYLOAD_LENGTH) {
                        COUNT_EVENT(EVENT_PAYLOAD_REJECTED);
                    }
                }
            }
            if (GOING_ON) {
                if (meta.kind == kind_t.PAYLOAD) {
                    accept_payload.apply(hdr, meta);
                } else {
                    if (meta.kind != kind_t.ORDINARY) {
                        find_payload.apply(hdr, meta, generation);
                    }
                    if (GOING_ON) {
                        forwarding.apply(hdr, meta);
                    }
                    if (GOING_ON) {
                        if (hdr.ipv4.ttl <= 1 || (meta.decap && hdr.inner_ipv4.ttl <= 1)) {
                            meta.punt = PUNT_TTL;
                        } else if (meta.kind != kind_t.ORDINARY) {
                            serve.apply(hdr, meta, generation);
                        }
                    }
                }
            }
            if (GOING_ON && !meta.consumed) {
                if (meta.grow) {
                    send_around.apply(hdr, meta);
                    meta.unchanged = true;
                } else {
                    if (meta.decap) {
                        decapsulate.apply(hdr, meta);
                    }
                    hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
                    if (meta.expand) {
                        expand.apply(hdr, meta);
                    }
                    if (meta.via == via_t.RLOC) {
                        hash(entropy, HashAlgorithm.crc16, 16w0xC000,
                             { hdr.ipv4.src, hdr.ipv4.dst, hdr.ipv4.protocol,
                               hdr.udp.src_port, hdr.udp.dst_port }, 16w0x4000);
                        encapsulate.apply(hdr, meta, entropy);
                    }
                    hdr.ethernet.src = meta.out_src_mac;
                    hdr.ethernet.dst = meta.out_dst_mac;
                }
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
        } else if (meta.copy && !meta.grow) {
            standard_metadata.mcast_grp = COPY_GROUP_BASE + (bit<16>)meta.out_port;
        } else {
            standard_metadata.egress_spec = meta.out_port;
        }
    }
}

// The group of COPY_GROUP_BASE + port holds two replicas on that port, payload
// copy first. bmv2 orders replicas by how they were written, not as listed: the
// controller inserts the group with the first and adds the second.
control SwitchEgress(inout headers_t hdr, inout meta_t meta,
                     inout standard_metadata_t standard_metadata) {
    MakeCopy()     make_copy;
    ClearPayload() clear_payload;

    apply {
        if (meta.copy && !meta.grow) {
            if (standard_metadata.egress_rid == RID_PAYLOAD) {
                make_copy.apply(hdr);
            } else {
                clear_payload.apply(hdr);
            }
        }
    }
}

control ComputeChecksums(inout headers_t hdr, inout meta_t meta) {
    apply {
        update_checksum(hdr.encap_ipv4.isValid(), IPV4_FIELDS(hdr.encap_ipv4),
                        hdr.encap_ipv4.checksum, HashAlgorithm.csum16);
        update_checksum(hdr.ipv4.isValid() && hdr.ipv4.ihl == 5 && !meta.unchanged,
                        IPV4_FIELDS(hdr.ipv4), hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

V1Switch(SwitchParser(), VerifyChecksums(), SwitchIngress(), SwitchEgress(), ComputeChecksums(),
         FrameDeparser()) main;
