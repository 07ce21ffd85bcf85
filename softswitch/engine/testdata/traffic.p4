// What the traffic manager does, chosen by the first byte of the packet.
#include <core.p4>
#include <v1model.p4>

header cmd_t { bit<8> op; bit<8> arg; bit<16> tag; }
header note_t { bit<16> inst; bit<16> rid; bit<16> port; bit<16> keep; bit<32> len; }
header label_t { bit<7> v; bit<1> last; }
header wide_t { bit<256> v; }
struct headers { note_t note; cmd_t cmd; label_t[4] labels; wide_t wide; }
struct meta { @field_list(1) bit<16> keep; bit<32> hash; bit<32> tmp; }
struct news { bit<8> arg; bit<16> tag; }

error { BadLabel }

register<bit<256>>(4) payloads;
register<bit<13>>(4) words;

parser P(packet_in b, out headers h, inout meta m, inout standard_metadata_t s) {
    state start { transition select(b.lookahead<bit<4>>()) { 0xf: skip; default: cmd; } }
    state skip { b.advance(16); transition cmd; }
    state cmd {
        b.extract(h.cmd);
        transition select(h.cmd.op) { 0x20 &&& 0xf0: labels; 0x30 &&& 0xf0: wide; default: accept; }
    }
    state labels {
        b.extract(h.labels.next);
        verify(h.labels.last.v != 0x7f, error.BadLabel);
        transition select(h.labels.last.last) { 0: labels; 1: accept; }
    }
    state wide { b.extract(h.wide); transition accept; }
}
control V(inout headers h, inout meta m) { apply { } }
control I(inout headers h, inout meta m, inout standard_metadata_t s) {
    action forward() { s.egress_spec = 2; }
    apply {
        m.keep = h.cmd.tag;
        forward();
        if (s.parser_error == error.PacketTooShort) { s.egress_spec = 9; }
        else if (s.parser_error == error.StackOutOfBounds) { s.egress_spec = 10; }
        else if (s.parser_error == error.BadLabel) { s.egress_spec = 11; }
        else if (h.cmd.op == 1) { s.mcast_grp = (bit<16>) h.cmd.arg; }
        else if (h.cmd.op == 2) { clone_preserving_field_list(CloneType.I2E, (bit<32>) h.cmd.arg, 1); h.cmd.tag = 0xdead; }
        else if (h.cmd.op == 3 && s.instance_type == 0) { resubmit_preserving_field_list(1); }
        else if (h.cmd.op == 4) { resubmit_preserving_field_list(1); }
        else if (h.cmd.op == 5) { truncate((bit<32>) h.cmd.arg); }
        else if (h.cmd.op == 6) { digest<news>(1, { h.cmd.arg, h.cmd.tag }); }
        else if (h.cmd.op == 7) { mark_to_drop(s); }
        else if (h.cmd.op == 8) { random(h.cmd.tag, 5, 9); }
        else if (h.cmd.op == 9) { hash(m.hash, HashAlgorithm.crc32, 32w0, { h.cmd.op, h.cmd.arg, h.cmd.tag }, 33w0x100000000); m.keep = m.hash[15:0]; }
        else if (h.cmd.op == 0x0d) { hash(h.cmd.tag, HashAlgorithm.csum16, 16w0, { h.cmd.op, h.cmd.arg, h.cmd.tag }, 32w65536); }
        else if (h.cmd.op == 0x0e) { hash(h.cmd.tag, HashAlgorithm.crc16, 16w0, { h.cmd.op, h.cmd.arg, h.cmd.tag }, 32w65536); }
        else if (h.cmd.op == 0x10) { bit<13> w; words.read(w, (bit<32>) h.cmd.arg); words.write((bit<32>) h.cmd.arg, w + 13w0x1fff); h.cmd.tag = (bit<16>) w; }
        else if (h.cmd.op == 0x21) { h.labels.push_front(1); h.labels[0].setValid(); h.labels[0].v = 1; }
        else if (h.cmd.op == 0x22) { h.labels.pop_front(1); }
        else if (h.cmd.op == 0x23) { h.cmd.tag = (bit<16>) h.labels[h.cmd.arg[1:0]].v; }
        else if (h.cmd.op == 0x24) { h.labels[h.cmd.arg[1:0]].v = 5; }
        else if (h.cmd.op == 0x31) { payloads.write((bit<32>) h.cmd.arg, h.wide.v); h.wide.setInvalid(); }
        else if (h.cmd.op == 0x32) { payloads.read(h.wide.v, (bit<32>) h.cmd.arg); }
        else if (h.cmd.op == 0x33) { h.wide.v[135:120] = h.cmd.tag; }
        else if (h.cmd.op == 0x34) { h.cmd.tag = h.wide.v[135:120]; }
        else if (h.cmd.op == 0x0f) { payloads.read(h.wide.v, (bit<32>) h.cmd.arg); h.wide.setValid(); payloads.read(h.wide.v, (bit<32>) h.cmd.arg); }
    }
}
control E(inout headers h, inout meta m, inout standard_metadata_t s) {
    apply {
        if (h.cmd.op == 0x0a && s.instance_type != 2) { clone_preserving_field_list(CloneType.E2E, (bit<32>) h.cmd.arg, 1); }
        if (h.cmd.op == 0x0b) { h.cmd.arg = h.cmd.arg - 1; if (h.cmd.arg != 0) { recirculate_preserving_field_list(1); } }
        if (h.cmd.op == 0x0c) { mark_to_drop(s); }
        h.note.setValid();
        h.note.inst = s.instance_type[15:0];
        h.note.rid = s.egress_rid;
        h.note.port = (bit<16>) s.egress_port;
        h.note.keep = m.keep;
        h.note.len = s.packet_length;
        if (h.cmd.op == 0x0b && h.cmd.arg != 0) { h.note.setInvalid(); }
    }
}
control C(inout headers h, inout meta m) { apply { } }
control D(packet_out b, in headers h) { apply { b.emit(h.note); b.emit(h.cmd); b.emit(h.labels); b.emit(h.wide); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
