// Is this packet ours to decapsulate? LISP data packets to any other address are
// plain IP to us.
#ifndef CORECAST_DECAPSULATION_P4
#define CORECAST_DECAPSULATION_P4

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

#endif
