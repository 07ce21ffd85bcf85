// Flows: what must take one path.
#ifndef CORECAST_FLOW_P4
#define CORECAST_FLOW_P4

#include "../shared/headers.p4"

// A number that is the same for all packets that must take one path: of the
// flow, or for CoreCast of the channel, so that one site gets one copy.
// Ports count as 0 where there are none: a header that is not there has no
// defined value.
// CRC-32 because the low bits of CRC-16 hardly depend on the low bits of a port:
// 256 flows from consecutive ports would fill 4 of 16 buckets.
control Bucket(in headers_t hdr, in meta_t meta, out bit<8> bucket) {
    bit<16> src_port = 0;
    bit<16> dst_port = 0;

    apply {
        bucket = 0;
        if (meta.rloc_set != 0) {
            if (hdr.udp.isValid()) {
                src_port = hdr.udp.src_port;
                dst_port = hdr.udp.dst_port;
            } else if (hdr.ports.isValid()) {
                src_port = hdr.ports.src_port;
                dst_port = hdr.ports.dst_port;
            }
            if (meta.kind != kind_t.ORDINARY) {
                hash(bucket, HashAlgorithm.crc32, 8w0, { meta.slot, meta.rloc_set }, 8w16);
            } else if (meta.v6) {
                hash(bucket, HashAlgorithm.crc32, 8w0, { meta.src6, meta.dst6, src_port, dst_port }, 8w16);
            } else {
                hash(bucket, HashAlgorithm.crc32, 8w0, { meta.src4, meta.dst4, src_port, dst_port }, 8w16);
            }
        }
    }
}

// A hash of the 5-tuple, of which Rewrite makes the outer UDP source port (RFC 9300
// section 12). 13 bits, so that a payload's fits into the word that the store
// keeps of it.
control FlowNumber(in headers_t hdr, out bit<13> number) {
    bit<16> src_port = 0;
    bit<16> dst_port = 0;
    bit<16> hashed = 0;

    apply {
        if (hdr.udp.isValid()) {
            src_port = hdr.udp.src_port;
            dst_port = hdr.udp.dst_port;
        } else if (hdr.ports.isValid()) {
            src_port = hdr.ports.src_port;
            dst_port = hdr.ports.dst_port;
        }
        if (hdr.ipv6.isValid()) {
            hash(hashed, HashAlgorithm.crc16, 16w0,
                 { hdr.ipv6.src, hdr.ipv6.dst, hdr.ipv6.next_header, src_port, dst_port }, 16w0x2000);
        } else if (hdr.ipv4.isValid()) {
            hash(hashed, HashAlgorithm.crc16, 16w0,
                 { hdr.ipv4.src, hdr.ipv4.dst, hdr.ipv4.protocol, src_port, dst_port }, 16w0x2000);
        }
        number = hashed[12:0];
    }
}

#endif
