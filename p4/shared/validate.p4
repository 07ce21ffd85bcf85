// Is a packet of a channel or stream a CoreCast packet as it should be?
#ifndef CORECAST_VALIDATE_P4
#define CORECAST_VALIDATE_P4

#include "headers.p4"

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
