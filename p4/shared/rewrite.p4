// Rewriting: what turns the packet that came in into the one that leaves,
// once everything is decided.
#ifndef CORECAST_REWRITE_P4
#define CORECAST_REWRITE_P4

#include "headers.p4"

// Strips the outer headers. The DSCP becomes the outer one (RFC 9300 section
// 5.3; Forward writes the TTL); ECN is that of RFC 6040 section 4.2, whose one
// forbidden mix was dropped before.
control Decapsulate(inout headers_t hdr, in meta_t meta) {
    bit<6> dscp = 0;
    bit<2> ecn = 0;

    apply {
        if (hdr.ipv4.isValid()) {
            dscp = hdr.ipv4.dscp;
            ecn = hdr.ipv4.ecn;
        } else {
            dscp = hdr.ipv6.dscp;
            ecn = hdr.ipv6.ecn;
        }
        if (meta.v6) {
            hdr.ipv6 = hdr.inner_ipv6;
            hdr.ipv4.setInvalid();
            hdr.ipv6.dscp = dscp;
            if (ecn == ECN_CE || (ecn == ECN_ECT1 && hdr.ipv6.ecn == ECN_ECT0)) {
                hdr.ipv6.ecn = ecn;
            }
        } else {
            hdr.ipv4 = hdr.inner_ipv4;
            hdr.ipv6.setInvalid();
            hdr.ipv4.dscp = dscp;
            if (ecn == ECN_CE || (ecn == ECN_ECT1 && hdr.ipv4.ecn == ECN_ECT0)) {
                hdr.ipv4.ecn = ecn;
            }
        }
        hdr.udp = hdr.inner_udp;
        hdr.lisp.setInvalid();
        hdr.inner_ipv4.setInvalid();
        hdr.inner_ipv6.setInvalid();
        hdr.inner_udp.setInvalid();
    }
}

// Counts the hop.
control Hop(inout headers_t hdr, in meta_t meta) {
    apply {
        if (hdr.ipv6.isValid()) {
            hdr.ipv6.hop_limit = meta.ttl - 1;
        } else if (hdr.ipv4.isValid()) {
            hdr.ipv4.ttl = meta.ttl - 1;
        }
    }
}

// Turns a CoreCast packet into the plain UDP packet that a viewer or a group
// receives (paper, Algorithm 2). The payload is in place; the UDP checksum
// follows in egress.
control Expand(inout headers_t hdr, in meta_t meta, in ipv4_addr_t to4, in ipv6_addr_t to6,
               in bit<16> to_port) {
    apply {
        if (hdr.ipv6.isValid()) {
            hdr.ipv6.dst = to6;
            hdr.ipv6.payload_len = UDP_BYTES + hdr.corecast.length;
        } else if (hdr.ipv4.isValid()) {
            hdr.ipv4.dst = to4;
            hdr.ipv4.total_len = IPV4_BYTES + UDP_BYTES + hdr.corecast.length;
        }
        hdr.udp.dst_port = to_port;
        hdr.udp.length = UDP_BYTES + hdr.corecast.length;
        hdr.corecast.setInvalid();
    }
}

// Puts the LISP headers in front; hop count, DSCP and ECN are the inner ones
// (RFC 9300 section 5.3). `entropy` is the outer UDP source port: a hash of the
// inner 5-tuple, so a payload copy and its headers take one path. The outer UDP
// checksum is 0 over both families (RFC 9300 section 5.3, RFC 6935).
control Encapsulate(inout headers_t hdr, in meta_t meta, in bit<16> entropy) {
    bit<6> dscp = 0;
    bit<2> ecn = 0;

    apply {
        if (hdr.ipv6.isValid()) {
            dscp = hdr.ipv6.dscp;
            ecn = hdr.ipv6.ecn;
        } else if (hdr.ipv4.isValid()) {
            dscp = hdr.ipv4.dscp;
            ecn = hdr.ipv4.ecn;
        }
        if (meta.encap_v6) {
            hdr.encap_ipv6.setValid();
            hdr.encap_ipv6.version = 6;
            hdr.encap_ipv6.dscp = dscp;
            hdr.encap_ipv6.ecn = ecn;
            hdr.encap_ipv6.flow_label = 4w0 ++ entropy;
            hdr.encap_ipv6.payload_len = meta.ip_len + UDP_BYTES + LISP_BYTES;
            hdr.encap_ipv6.next_header = IPPROTO_UDP;
            hdr.encap_ipv6.hop_limit = meta.ttl - 1;
            hdr.encap_ipv6.src = meta.encap_src6;
            hdr.encap_ipv6.dst = meta.encap_dst6;
        } else {
            hdr.encap_ipv4.setValid();
            hdr.encap_ipv4.version = 4;
            hdr.encap_ipv4.ihl = 5;
            hdr.encap_ipv4.dscp = dscp;
            hdr.encap_ipv4.ecn = ecn;
            hdr.encap_ipv4.total_len = meta.ip_len + LISP_IPV4_BYTES;
            hdr.encap_ipv4.identification = 0;
            hdr.encap_ipv4.flags = 1;    // DF: nothing is fragmented in transit (section 7)
            hdr.encap_ipv4.more_fragments = 0;
            hdr.encap_ipv4.frag_offset = 0;
            hdr.encap_ipv4.ttl = meta.ttl - 1;
            hdr.encap_ipv4.protocol = IPPROTO_UDP;
            hdr.encap_ipv4.src = meta.encap_src4;
            hdr.encap_ipv4.dst = meta.encap_dst4;
        }
        hdr.encap_udp.setValid();
        hdr.encap_udp.src_port = entropy;
        hdr.encap_udp.dst_port = LISP_DATA_PORT;
        hdr.encap_udp.length = meta.ip_len + UDP_BYTES + LISP_BYTES;
        hdr.encap_udp.checksum = 0;

        hdr.encap_lisp.setValid();
        hdr.encap_lisp.n = 0;
        hdr.encap_lisp.l = 0;
        hdr.encap_lisp.e = 0;
        hdr.encap_lisp.v = 0;
        hdr.encap_lisp.i = 0;
        hdr.encap_lisp.r = 0;
        hdr.encap_lisp.kk = 0;
        hdr.encap_lisp.nonce = 0;
        hdr.encap_lisp.instance_id = 0;
        hdr.encap_lisp.lsb = 0;
        if (meta.instance_id != 0) {
            hdr.encap_lisp.i = 1;
            hdr.encap_lisp.instance_id = meta.instance_id;
        }
    }
}

// Turns the header packet into the payload copy that goes ahead of it: the
// payload, in place already, for the entries. The inner UDP checksum follows in
// egress.
control MakeCopy(inout headers_t hdr, in meta_t meta) {
    bit<16> more = 0;    // bytes by which the copy is longer

    apply {
        more = hdr.corecast.length - ENTRY4_BYTES * (bit<16>)hdr.corecast.count;
        if (meta.v6) {
            more = hdr.corecast.length - ENTRY6_BYTES * (bit<16>)hdr.corecast.count;
            hdr.ipv6.payload_len = hdr.ipv6.payload_len + more;
        } else {
            hdr.ipv4.total_len = hdr.ipv4.total_len + more;
        }
        hdr.udp.length = hdr.udp.length + more;
        hdr.encap_udp.length = hdr.encap_udp.length + more;
        if (meta.encap_v6) {
            hdr.encap_ipv6.payload_len = hdr.encap_ipv6.payload_len + more;
        } else {
            hdr.encap_ipv4.total_len = hdr.encap_ipv4.total_len + more;
        }
        hdr.corecast.type = TYPE_PAYLOAD;
        hdr.corecast.count = 0;
        if (meta.again == 1) {    // all entries were parsed
            hdr.entries4.pop_front(MAX_ENTRIES);
            hdr.entries6.pop_front(MAX_ENTRIES);
        } else {
            hdr.entries4[0].setInvalid();
            hdr.entries6[0].setInvalid();
        }
    }
}

// Takes the payload off again: the replica that stays a header packet.
control ClearPayload(inout headers_t hdr) {
    apply {
        hdr.c0.setInvalid();
        hdr.c1.setInvalid();
        hdr.c2.setInvalid();
        hdr.c3.setInvalid();
        hdr.c4.setInvalid();
        hdr.t128.setInvalid();
        hdr.t64.setInvalid();
        hdr.t32.setInvalid();
        hdr.t16.setInvalid();
        hdr.t8.setInvalid();
        hdr.t4.setInvalid();
        hdr.t2.setInvalid();
        hdr.t1.setInvalid();
    }
}

#endif
