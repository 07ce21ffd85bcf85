// Parser and deparser shared by every target.
#ifndef CORECAST_PARSER_P4
#define CORECAST_PARSER_P4

#include "headers.p4"

// Everything from Ethernet on. Runs into PacketTooShort for a packet that ends
// early: the headers extracted so far stay valid and the rest is carried
// along, so an ordinary packet that merely uses UDP port 4344 still passes.
//
// A header packet of a channel is parsed up to its first entry: the ITR needs no
// other, and the rest of a list travels as what is behind the headers. All
// entries are parsed where they may become viewers' packets: inside LISP, and
// when the packet comes `again`, which is then received on `again_port`.
parser FrameParser(packet_in packet, out headers_t hdr, in port_t port, in bit<1> again, in port_t again_port) {
    bit<8> left;    // entries of a header list still to come

    state start {
        transition select(port, again_port) {
            (CPU_PORT, _): parse_packet_out;
            (_, CPU_PORT): parse_packet_out;
            default:       parse_ethernet;
        }
    }
    state parse_packet_out {
        packet.extract(hdr.packet_out);
        transition select(hdr.packet_out.mode) {
            OUT_SEND: accept;    // leaves as it is, whatever it is
            default: parse_ethernet;
        }
    }
    state parse_ethernet {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            ETHERTYPE_LOOP: parse_loop;
            default: accept;
        }
    }

    // Only the pad counts we send are skipped; Admission refuses the rest.
    state parse_loop {
        packet.extract(hdr.loop);
        transition select(hdr.loop.pads) {
            2: skip_2_pads;
            4: skip_4_pads;
            default: accept;
        }
    }
    state skip_2_pads {
        packet.advance(2 * PAD_BYTES * 8);
        transition parse_looped;
    }
    state skip_4_pads {
        packet.advance(4 * PAD_BYTES * 8);
        transition parse_looped;
    }
    state parse_looped {
        transition select(hdr.loop.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.more_fragments,
                          hdr.ipv4.frag_offset, hdr.ipv4.protocol) {
            (4, 5, 0, 0, IPPROTO_UDP): parse_udp;
            (4, 5, 0, 0, IPPROTO_TCP): parse_ports;
            (4, 5, 0, 0, IPPROTO_SCTP): parse_ports;
            default: accept;
        }
    }
    // Extension headers stay unparsed: such packets are ordinary.
    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        transition select(hdr.ipv6.version, hdr.ipv6.next_header) {
            (6, IPPROTO_UDP): parse_udp;
            (6, IPPROTO_TCP): parse_ports;
            (6, IPPROTO_SCTP): parse_ports;
            default: accept;
        }
    }
    state parse_ports {
        packet.extract(hdr.ports);
        transition accept;
    }
    state parse_udp {
        packet.extract(hdr.udp);
        transition select(hdr.udp.dst_port) {
            CORECAST_PORT:  parse_corecast;
            LISP_DATA_PORT: parse_lisp;
            default: accept;
        }
    }

    state parse_lisp {
        packet.extract(hdr.lisp);
        transition select(packet.lookahead<bit<4>>()) {
            4: parse_inner_ipv4;
            6: parse_inner_ipv6;
            default: accept;
        }
    }
    state parse_inner_ipv4 {
        packet.extract(hdr.inner_ipv4);
        transition select(hdr.inner_ipv4.version, hdr.inner_ipv4.ihl, hdr.inner_ipv4.more_fragments,
                          hdr.inner_ipv4.frag_offset, hdr.inner_ipv4.protocol) {
            (4, 5, 0, 0, IPPROTO_UDP): parse_inner_udp;
            default: accept;
        }
    }
    state parse_inner_ipv6 {
        packet.extract(hdr.inner_ipv6);
        transition select(hdr.inner_ipv6.next_header) {
            IPPROTO_UDP: parse_inner_udp;
            default: accept;
        }
    }
    state parse_inner_udp {
        packet.extract(hdr.inner_udp);
        transition select(hdr.inner_udp.dst_port) {
            CORECAST_PORT: parse_inner_corecast;
            default: accept;
        }
    }

    // Whether the count fits is judged later.
    state parse_corecast {
        packet.extract(hdr.corecast);
        transition select(again, hdr.corecast.version, hdr.corecast.type) {
            (0, CORECAST_VERSION, TYPE_HEADER4): parse_first_entry4;
            (_, CORECAST_VERSION, TYPE_PAYLOAD): parse_payload;
            (0, CORECAST_VERSION, TYPE_HEADER6): parse_first_entry6;
            (1, CORECAST_VERSION, TYPE_HEADER4): parse_list;
            (1, CORECAST_VERSION, TYPE_HEADER6): parse_list;
            default: accept;
        }
    }
    state parse_first_entry4 {
        packet.extract(hdr.entries4[0]);
        transition accept;
    }
    state parse_first_entry6 {
        packet.extract(hdr.entries6[0]);
        transition accept;
    }

    state parse_inner_corecast {
        packet.extract(hdr.corecast);
        transition select(hdr.corecast.version, hdr.corecast.type, hdr.corecast.count) {
            (CORECAST_VERSION, TYPE_PAYLOAD, 0): parse_payload;
            (CORECAST_VERSION, TYPE_HEADER4, 1 .. MAX_ENTRIES): parse_list;
            (CORECAST_VERSION, TYPE_HEADER6, 1 .. MAX_ENTRIES): parse_list;
            default: accept;
        }
    }
    state parse_list {
        left = hdr.corecast.count;
        transition select(hdr.corecast.type) {
            TYPE_HEADER4: parse_entries4;
            default:      parse_entries6;
        }
    }
    state parse_entries4 {
        packet.extract(hdr.entries4.next);
        left = left - 1;
        transition select(left) {
            0: accept;
            default: parse_entries4;
        }
    }
    state parse_entries6 {
        packet.extract(hdr.entries6.next);
        left = left - 1;
        transition select(left) {
            0: accept;
            default: parse_entries6;
        }
    }

    // Lengths above MAX_PAYLOAD stay unparsed and are refused later.
    state parse_payload {
        transition select(hdr.corecast.length) {
            0 .. 255:              parse_t128;
            256 .. 511:            parse_1_chunk;
            512 .. 767:            parse_2_chunks;
            768 .. 1023:           parse_3_chunks;
            1024 .. 1279:          parse_4_chunks;
            1280 .. MAX_PAYLOAD:   parse_5_chunks;
            default: accept;
        }
    }
    state parse_1_chunk  { packet.extract(hdr.c0); transition parse_t128; }
    state parse_2_chunks { packet.extract(hdr.c0); packet.extract(hdr.c1); transition parse_t128; }
    state parse_3_chunks {
        packet.extract(hdr.c0); packet.extract(hdr.c1); packet.extract(hdr.c2);
        transition parse_t128;
    }
    state parse_4_chunks {
        packet.extract(hdr.c0); packet.extract(hdr.c1); packet.extract(hdr.c2); packet.extract(hdr.c3);
        transition parse_t128;
    }
    state parse_5_chunks {
        packet.extract(hdr.c0); packet.extract(hdr.c1); packet.extract(hdr.c2); packet.extract(hdr.c3);
        packet.extract(hdr.c4);
        transition parse_t128;
    }
    state parse_t128 { transition select(hdr.corecast.length[7:7]) { 1: extract_t128; default: parse_t64; } }
    state extract_t128 { packet.extract(hdr.t128); transition parse_t64; }
    state parse_t64 { transition select(hdr.corecast.length[6:6]) { 1: extract_t64; default: parse_t32; } }
    state extract_t64 { packet.extract(hdr.t64); transition parse_t32; }
    state parse_t32 { transition select(hdr.corecast.length[5:5]) { 1: extract_t32; default: parse_t16; } }
    state extract_t32 { packet.extract(hdr.t32); transition parse_t16; }
    state parse_t16 { transition select(hdr.corecast.length[4:4]) { 1: extract_t16; default: parse_t8; } }
    state extract_t16 { packet.extract(hdr.t16); transition parse_t8; }
    state parse_t8 { transition select(hdr.corecast.length[3:3]) { 1: extract_t8; default: parse_t4; } }
    state extract_t8 { packet.extract(hdr.t8); transition parse_t4; }
    state parse_t4 { transition select(hdr.corecast.length[2:2]) { 1: extract_t4; default: parse_t2; } }
    state extract_t4 { packet.extract(hdr.t4); transition parse_t2; }
    state parse_t2 { transition select(hdr.corecast.length[1:1]) { 1: extract_t2; default: parse_t1; } }
    state extract_t2 { packet.extract(hdr.t2); transition parse_t1; }
    state parse_t1 { transition select(hdr.corecast.length[0:0]) { 1: extract_t1; default: accept; } }
    state extract_t1 { packet.extract(hdr.t1); transition accept; }
}

control FrameDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.loop);
        packet.emit(hdr.pad0);
        packet.emit(hdr.pad1);
        packet.emit(hdr.pad2);
        packet.emit(hdr.pad3);
        packet.emit(hdr.encap_ipv4);
        packet.emit(hdr.encap_ipv6);
        packet.emit(hdr.encap_udp);
        packet.emit(hdr.encap_lisp);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv6);
        packet.emit(hdr.udp);
        packet.emit(hdr.ports);
        packet.emit(hdr.lisp);
        packet.emit(hdr.inner_ipv4);
        packet.emit(hdr.inner_ipv6);
        packet.emit(hdr.inner_udp);
        packet.emit(hdr.corecast);
        packet.emit(hdr.entries4);
        packet.emit(hdr.entries6);
        packet.emit(hdr.c0);
        packet.emit(hdr.c1);
        packet.emit(hdr.c2);
        packet.emit(hdr.c3);
        packet.emit(hdr.c4);
        packet.emit(hdr.t128);
        packet.emit(hdr.t64);
        packet.emit(hdr.t32);
        packet.emit(hdr.t16);
        packet.emit(hdr.t8);
        packet.emit(hdr.t4);
        packet.emit(hdr.t2);
        packet.emit(hdr.t1);
    }
}

#endif
