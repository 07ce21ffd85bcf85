// Checksums of v1model: of IPv4 headers, and of the UDP packets that switches
// make.
#ifndef CORECAST_CHECKSUMS_P4
#define CORECAST_CHECKSUMS_P4

#include "../shared/headers.p4"

#define IPV4_FIELDS(ip) { ip.version, ip.ihl, ip.dscp, ip.ecn, ip.total_len, ip.identification, \
                          ip.flags, ip.more_fragments, ip.frag_offset, ip.ttl, ip.protocol, ip.src, ip.dst }

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
        if (hdr.ipv4.isValid() && hdr.ipv4.ihl == 5) {
            hash(outer, HashAlgorithm.csum16, 16w0, IPV4_FIELDS(hdr.ipv4), 32w65536);
            if (outer != hdr.ipv4.checksum) {
                meta.ip_failed = true;
            }
        }
        if (hdr.inner_ipv4.isValid() && hdr.inner_ipv4.ihl == 5) {
            hash(inner, HashAlgorithm.csum16, 16w0, IPV4_FIELDS(hdr.inner_ipv4), 32w65536);
            if (inner != hdr.inner_ipv4.checksum) {
                meta.inner_failed = true;
            }
        }
    }
}

// Finds out which IPv4 header of a LISP packet is wrong: the inner one is no
// concern of ours unless the packet is for us.
control CheckLispIp(in headers_t hdr, inout meta_t meta) {
    bit<16> outer = 0;

    apply {
        if (hdr.ipv4.isValid() && hdr.ipv4.ihl == 5) {
            hash(outer, HashAlgorithm.csum16, 16w0, IPV4_FIELDS(hdr.ipv4), 32w65536);
        }
        if (!hdr.ipv4.isValid() || outer == hdr.ipv4.checksum) {
            meta.ip_failed = false;
            meta.inner_failed = true;
        }
    }
}

// Writes the UDP checksum of a packet made of a stored payload, whose sum is
// known. A checksum of 0 would mean "none", which IPv6 forbids: 0xFFFF is the
// same number.
control ChecksumUdp(inout headers_t hdr, in meta_t meta) {
    bit<16> sum = 0;
    bit<32> first = 0;    // the CoreCast header, where the packet has one
    bit<32> sequence = 0;
    bit<32> payload_hash = 0;

    apply {
        if (hdr.corecast.isValid()) {
            first = hdr.corecast.version ++ hdr.corecast.type ++ hdr.corecast.count ++ hdr.corecast.length;
            sequence = hdr.corecast.sequence;
            payload_hash = hdr.corecast.hash;
        }
        if (meta.v6) {
            hash(sum, HashAlgorithm.csum16, 16w0,
                 { hdr.ipv6.src, hdr.ipv6.dst, hdr.udp.length, 8w0, hdr.ipv6.next_header,
                   hdr.udp.src_port, hdr.udp.dst_port, hdr.udp.length,
                   first, sequence, payload_hash, meta.payload_sum }, 32w65536);
        } else {
            hash(sum, HashAlgorithm.csum16, 16w0,
                 { hdr.ipv4.src, hdr.ipv4.dst, hdr.udp.length, 8w0, hdr.ipv4.protocol,
                   hdr.udp.src_port, hdr.udp.dst_port, hdr.udp.length,
                   first, sequence, payload_hash, meta.payload_sum }, 32w65536);
        }
        hdr.udp.checksum = sum;
        if (sum == 0) {
            hdr.udp.checksum = 0xFFFF;
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

#endif
