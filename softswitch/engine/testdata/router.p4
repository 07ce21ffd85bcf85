// A small router: every match kind, const entries, direct and indexed
// counters, a direct meter, checksums verified and updated.
#include <core.p4>
#include <v1model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t {
    bit<4> version; bit<4> ihl; bit<8> tos; bit<16> len; bit<16> id; bit<3> flags; bit<13> frag;
    bit<8> ttl; bit<8> proto; bit<16> csum; bit<32> src; bit<32> dst;
}
header ipv6_t {
    bit<4> version; bit<8> tclass; bit<20> flow; bit<16> len; bit<8> next; bit<8> hops; bit<128> src; bit<128> dst;
}
header udp_t { bit<16> sport; bit<16> dport; bit<16> len; bit<16> csum; }
struct headers { ethernet_t eth; ipv4_t ip; ipv6_t ip6; udp_t udp; }
struct meta { bit<2> color; bit<32> nexthop; bit<8> class; }

parser P(packet_in b, out headers h, inout meta m, inout standard_metadata_t s) {
    state start { b.extract(h.eth); transition select(h.eth.type) { 0x0800: v4; 0x86dd: v6; default: accept; } }
    state v4 { b.extract(h.ip); transition select(h.ip.frag, h.ip.proto) { (0, 17): udp; default: accept; } }
    state v6 { b.extract(h.ip6); transition select(h.ip6.next) { 17: udp; default: accept; } }
    state udp { b.extract(h.udp); transition accept; }
}
control V(inout headers h, inout meta m) {
    apply {
        verify_checksum(h.ip.isValid(), { h.ip.version, h.ip.ihl, h.ip.tos, h.ip.len, h.ip.id, h.ip.flags, h.ip.frag,
            h.ip.ttl, h.ip.proto, h.ip.src, h.ip.dst }, h.ip.csum, HashAlgorithm.csum16);
    }
}
control I(inout headers h, inout meta m, inout standard_metadata_t s) {
    direct_counter(CounterType.packets_and_bytes) route_hits;
    direct_meter<bit<2>>(MeterType.packets) acl_meter;
    counter(8, CounterType.packets_and_bytes) classes;

    action drop() { mark_to_drop(s); }
    action to(bit<9> port, bit<48> mac) {
        route_hits.count();
        s.egress_spec = port;
        h.eth.src = h.eth.dst;
        h.eth.dst = mac;
    }
    action miss() { route_hits.count(); mark_to_drop(s); }
    action to6(bit<9> port, bit<128> via) { s.egress_spec = port; h.ip6.dst = via; }
    action permit() { acl_meter.read(m.color); }
    action deny() { acl_meter.read(m.color); mark_to_drop(s); exit; }
    action set_class(bit<8> c) { m.class = c; }

    table route {
        key = { h.ip.dst: lpm; }
        actions = { to; miss; }
        default_action = miss();
        counters = route_hits;
        size = 4096;
    }
    table route6 { key = { h.ip6.dst: lpm; } actions = { to6; drop; } default_action = drop(); size = 1024; }
    table host6 { key = { h.ip6.src: exact; h.udp.dport: exact; } actions = { to6; NoAction; } default_action = NoAction(); size = 16; }
    table acl {
        key = { h.ip.src: ternary; h.ip.dst: ternary; s.ingress_port: optional; h.udp.dport: range; }
        actions = { permit; deny; NoAction; }
        default_action = NoAction();
        meters = acl_meter;
        size = 1024;
    }
    table classify {
        key = { h.ip.tos: ternary; h.ip.proto: exact; }
        actions = { set_class; }
        const default_action = set_class(7);
        const entries = {
            (0xb8 &&& 0xfc, 17): set_class(1);
            (0x00 &&& 0x80, 17): set_class(2);
            (_, 6): set_class(3);
        }
    }
    apply {
        if (s.checksum_error == 1 || s.parser_error != error.NoError) { mark_to_drop(s); return; }
        if (h.ip.isValid()) {
            classify.apply();
            classes.count((bit<32>) m.class);
            acl.apply();
            if (m.color == 2) { mark_to_drop(s); return; }
            if (h.ip.ttl < 2) { mark_to_drop(s); return; }
            if (route.apply().hit) { h.ip.ttl = h.ip.ttl - 1; }
        } else if (h.ip6.isValid()) {
            if (!host6.apply().hit) { route6.apply(); }
            h.ip6.hops = h.ip6.hops |-| 1;
        } else { mark_to_drop(s); }
    }
}
control E(inout headers h, inout meta m, inout standard_metadata_t s) { apply { } }
control C(inout headers h, inout meta m) {
    apply {
        update_checksum(h.ip.isValid(), { h.ip.version, h.ip.ihl, h.ip.tos, h.ip.len, h.ip.id, h.ip.flags, h.ip.frag,
            h.ip.ttl, h.ip.proto, h.ip.src, h.ip.dst }, h.ip.csum, HashAlgorithm.csum16);
    }
}
control D(packet_out b, in headers h) { apply { b.emit(h.eth); b.emit(h.ip); b.emit(h.ip6); b.emit(h.udp); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
