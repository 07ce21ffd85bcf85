// Rewriting: what turns the packet that came in into the one that leaves,
// once everything is decided.
#ifndef CORECAST_REWRITE_P4
#define CORECAST_REWRITE_P4

#include "headers.p4"

// Strips the outer headers. The inner TTL becomes the lower of both and the
// DSCP the outer one (RFC 9300 section 5.3); ECN is that of RFC 6040 section 4.2,
// whose one forbidden mix was dropped before.
control Decapsulate(inout headers_t hdr, inout meta_t meta) {
    apply {
        if (hdr.ipv4.ttl < hdr.inner_ipv4.ttl) {
            hdr.inner_ipv4.ttl = hdr.ipv4.ttl;
        }
        hdr.inner_ipv4.dscp = hdr.ipv4.dscp;
        if (hdr.ipv4.ecn == ECN_CE
            || (hdr.ipv4.ecn == ECN_ECT1 && hdr.inner_ipv4.ecn == ECN_ECT0)) {
            hdr.inner_ipv4.ecn = hdr.ipv4.ecn;
        }
        hdr.ipv4 = hdr.inner_ipv4;
        hdr.udp = hdr.inner_udp;
        hdr.lisp.setInvalid();
        hdr.inner_ipv4.setInvalid();
        hdr.inner_udp.setInvalid();
    }
}

// Turns a one-entry header packet into the plain UDP packet for its viewer
// (paper, Algorithm 2). The payload chunks are already in place. UDP checksum
// 0: allowed over IPv4, and the payload's CRC-32 was checked on arrival.
control Expand(inout headers_t hdr, inout meta_t meta) {
    apply {
        hdr.ipv4.dst = hdr.entry.eid;
        hdr.ipv4.total_len = IPV4_BYTES + UDP_BYTES + hdr.corecast.length;
        hdr.udp.dst_port = hdr.entry.port;
        hdr.udp.length = UDP_BYTES + hdr.corecast.length;
        hdr.udp.checksum = 0;
        hdr.corecast.setInvalid();
        hdr.entry.setInvalid();
    }
}

// Puts the LISP headers in front; TTL, DSCP and ECN are the inner ones
// (RFC 9300 section 5.3). `entropy` is the outer UDP source port: a hash of the
// inner 5-tuple, so a payload copy and its headers take one path.
control Encapsulate(inout headers_t hdr, inout meta_t meta, in bit<16> entropy) {
    apply {
        hdr.encap_ipv4.setValid();
        hdr.encap_ipv4.version = 4;
        hdr.encap_ipv4.ihl = 5;
        hdr.encap_ipv4.dscp = hdr.ipv4.dscp;
        hdr.encap_ipv4.ecn = hdr.ipv4.ecn;
        hdr.encap_ipv4.total_len = hdr.ipv4.total_len + LISP_IPV4_BYTES;
        hdr.encap_ipv4.identification = 0;
        hdr.encap_ipv4.flags = 2;    // DF: nothing is fragmented in transit (section 7)
        hdr.encap_ipv4.frag_offset = 0;
        hdr.encap_ipv4.ttl = hdr.ipv4.ttl;
        hdr.encap_ipv4.protocol = IPPROTO_UDP;
        hdr.encap_ipv4.src = meta.encap_src;
        hdr.encap_ipv4.dst = meta.encap_dst;

        hdr.encap_udp.setValid();
        hdr.encap_udp.src_port = entropy;
        hdr.encap_udp.dst_port = LISP_DATA_PORT;
        hdr.encap_udp.length = hdr.ipv4.total_len + UDP_BYTES + LISP_BYTES;
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

// Turns the header packet into the payload copy that goes ahead of it; chunks
// are in place, lengths grow by what the payload is longer than the entry.
control MakeCopy(inout headers_t hdr) {
    apply {
        hdr.corecast.type = TYPE_PAYLOAD;
        hdr.corecast.count = 0;
        hdr.entry.setInvalid();
        hdr.ipv4.total_len = hdr.ipv4.total_len + hdr.corecast.length - ENTRY4_BYTES;
        hdr.udp.length = hdr.udp.length + hdr.corecast.length - ENTRY4_BYTES;
        hdr.udp.checksum = 0;
        hdr.encap_ipv4.total_len = hdr.encap_ipv4.total_len + hdr.corecast.length - ENTRY4_BYTES;
        hdr.encap_udp.length = hdr.encap_udp.length + hdr.corecast.length - ENTRY4_BYTES;
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
