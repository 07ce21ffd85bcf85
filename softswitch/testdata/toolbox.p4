// A small switch with one of everything that P4Runtime can talk about. The
// tests of p4rtserver and softswitch run it; `go generate ./softswitch`
// compiles it.
#include <core.p4>
#include <v1model.p4>

@controller_header("packet_in")
header packet_in_t {
    bit<9> ingress_port;
    bit<3> reason;
    @padding bit<4> pad;
}

@controller_header("packet_out")
header packet_out_t {
    @padding bit<7> pad;
    bit<9> egress_port;
}

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header probe_t {
    bit<128> address;
    bit<16>  port;
    bit<8>   kind;
}

struct headers_t {
    packet_in_t  packet_in;
    packet_out_t packet_out;
    ethernet_t   ethernet;
    probe_t      probe;
}

struct learn_t {
    bit<48> src;
    bit<9>  port;
}

struct meta_t {
    bit<2> colour;
}

parser toolbox_parser(packet_in packet, out headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
    state start {
        transition select(std.ingress_port) {
            510: from_cpu;
            default: ethernet;
        }
    }
    state from_cpu {
        packet.extract(hdr.packet_out);
        transition ethernet;
    }
    state ethernet {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x88b5: probe;
            default: accept;
        }
    }
    state probe {
        packet.extract(hdr.probe);
        transition accept;
    }
}

control no_check(inout headers_t hdr, inout meta_t meta) { apply { } }

control toolbox_ingress(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
    counter(8, CounterType.packets_and_bytes) arrivals;
    direct_meter<bit<2>>(MeterType.packets) colours;
    direct_counter(CounterType.packets_and_bytes) l2_hits;
    register<bit<48>>(8) last_source;
    meter(4, MeterType.packets) budgets;

    action drop() { mark_to_drop(std); }
    action forward(bit<9> port) { std.egress_spec = port; }
    action flood(bit<16> group) { std.mcast_grp = group; }
    action mirror(bit<9> port, bit<32> session) {
        std.egress_spec = port;
        clone(CloneType.I2E, session);
    }
    action punt(bit<3> reason) {
        hdr.packet_in.setValid();
        hdr.packet_in.ingress_port = std.ingress_port;
        hdr.packet_in.reason = reason;
        hdr.packet_in.pad = 0;
        std.egress_spec = 510;
    }
    action tag(bit<128> address) { hdr.probe.address = address; }
    action untagged() { }

    table l2 {
        key = { hdr.ethernet.dst : exact; }
        actions = { forward; flood; mirror; punt; drop; }
        default_action = drop();
        counters = l2_hits;
        size = 1024;
    }
    table routes {
        key = { hdr.probe.address : lpm; }
        actions = { forward; @tableonly tag; NoAction; }
        default_action = NoAction();
        size = 4;
    }
    table acl {
        key = {
            hdr.probe.address    : ternary;
            hdr.probe.port       : range;
            hdr.probe.kind       : optional;
            hdr.ethernet.isValid() : exact;
        }
        actions = { drop; punt; NoAction; }
        default_action = NoAction();
        size = 64;
    }
    table kinds {
        key = { hdr.probe.kind : exact; }
        actions = { drop; NoAction; }
        const default_action = NoAction();
        const entries = {
            0xee : drop();
        }
    }
    action colour() { colours.read(meta.colour); }
    table aging {
        key = { hdr.ethernet.src : exact; }
        actions = { colour; NoAction; }
        default_action = NoAction();
        meters = colours;
        support_timeout = true;
    }
    table keyless {
        actions = { @defaultonly untagged; forward; }
        default_action = untagged();
    }

    apply {
        if (hdr.packet_out.isValid()) {
            std.egress_spec = hdr.packet_out.egress_port;
            hdr.packet_out.setInvalid();
        } else {
            arrivals.count((bit<32>)std.ingress_port & 7);
            budgets.execute_meter((bit<32>)std.ingress_port & 3, meta.colour);
            last_source.write((bit<32>)std.ingress_port & 7, hdr.ethernet.src);
            if (hdr.ethernet.type == 0x1eaf) {
                digest<learn_t>(1, { hdr.ethernet.src, std.ingress_port });
            }
            l2.apply();
            if (hdr.probe.isValid()) {
                routes.apply();
                acl.apply();
                kinds.apply();
            }
            aging.apply();
            keyless.apply();
        }
    }
}

control toolbox_egress(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
    action number() { hdr.ethernet.src = (bit<48>)std.egress_rid; }
    apply {
        if (std.egress_rid != 0) {
            number();
        }
    }
}

control toolbox_deparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.probe);
    }
}

V1Switch(toolbox_parser(), no_check(), toolbox_ingress(), toolbox_egress(), no_check(), toolbox_deparser()) main;
