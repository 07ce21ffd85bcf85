package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"
	"time"
)

//go:generate p4c-bm2-ss --std p4-16 -o testdata/traffic.json testdata/traffic.p4
//go:generate p4c-bm2-ss --std p4-16 -o testdata/router.json testdata/router.p4

// note is what traffic.p4 puts in front of packets that leave.
type note struct {
	inst, rid, port, keep uint16
	len                   uint32
}

func (n note) bytes() string {
	var b []byte
	for _, v := range []uint16{n.inst, n.rid, n.port, n.keep} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return string(binary.BigEndian.AppendUint32(b, n.len))
}

func newTraffic(t testing.TB) *Dataplane {
	d := New(compileFile(t, "traffic"), Config{MaxPasses: 8})
	for _, err := range []error{
		d.InsertMulticastGroup(MulticastGroup{ID: 5, Replicas: []Replica{{Port: 4, Instance: 7}, {Port: 3, Instance: 8}, {Port: 4, Instance: 9}}}),
		d.InsertMulticastGroup(MulticastGroup{ID: 6}),
		d.InsertCloneSession(CloneSession{ID: 5, Replicas: []Replica{{Port: 6, Instance: 1}, {Port: 5, Instance: 2}}}),
		d.InsertCloneSession(CloneSession{ID: 6, Replicas: []Replica{{Port: 6}}, PacketLength: 14}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// cmd is a packet of traffic.p4: op, arg, tag 0x1234 and a payload.
func cmd(op, arg byte, rest ...byte) []byte { return append([]byte{op, arg, 0x12, 0x34}, rest...) }

func TestTrafficManager(t *testing.T) {
	pay := []byte("abcdef")
	with := func(n note, b []byte) string { return n.bytes() + string(b) }
	wide := bytes.Repeat([]byte{0x5a}, 32)
	crc := crc32.ChecksumIEEE(cmd(9, 0))
	plain := note{port: 2, keep: 0x1234, len: 10}
	tag := func(op, arg byte, tag uint16, rest ...byte) []byte {
		return append([]byte{op, arg, byte(tag >> 8), byte(tag)}, rest...)
	}
	cases := []struct {
		name string
		in   []byte
		want []sent
	}{
		{"unicast", cmd(0, 0, pay...), []sent{{2, with(plain, cmd(0, 0, pay...))}}},
		{"too short", []byte{0, 1}, []sent{{9, with(note{port: 9, len: 2}, []byte{0, 1})}}},
		{"empty", nil, []sent{{9, with(note{port: 9}, nil)}}},
		{"advance", append([]byte{0xf0, 0xff}, cmd(0, 0)...), []sent{{2, with(note{port: 2, keep: 0x1234, len: 6}, cmd(0, 0))}}},
		{"advance past the end", []byte{0xff}, []sent{{9, with(note{port: 9, len: 1}, []byte{0xff})}}},
		{"multicast in order", cmd(1, 5, pay...), []sent{
			{4, with(note{5, 7, 4, 0x1234, 10}, cmd(1, 5, pay...))},
			{3, with(note{5, 8, 3, 0x1234, 10}, cmd(1, 5, pay...))},
			{4, with(note{5, 9, 4, 0x1234, 10}, cmd(1, 5, pay...))}}},
		{"multicast to nobody", cmd(1, 6), nil},
		{"multicast to an unknown group", cmd(1, 7), nil},
		{"clone of the received packet", cmd(2, 5, pay...), []sent{
			{6, with(note{1, 1, 6, 0x1234, 10}, cmd(2, 5, pay...))},
			{5, with(note{1, 2, 5, 0x1234, 10}, cmd(2, 5, pay...))},
			{2, with(plain, tag(2, 5, 0xdead, pay...))}}},
		{"clone cut short", cmd(2, 6, pay...), []sent{
			{6, with(note{1, 0, 6, 0x1234, 10}, cmd(2, 6))[:14]},
			{2, with(plain, tag(2, 6, 0xdead, pay...))}}},
		{"clone to no session", cmd(2, 9), []sent{{2, with(note{port: 2, keep: 0x1234, len: 4}, tag(2, 9, 0xdead))}}},
		{"resubmit", cmd(3, 0, pay...), []sent{{2, with(plain, cmd(3, 0, pay...))}}},
		{"resubmit for ever", cmd(4, 0), nil},
		{"truncate", cmd(5, 14, pay...), []sent{{2, with(plain, cmd(5, 14))[:14]}}},
		{"digest", cmd(6, 3), []sent{{2, with(note{port: 2, keep: 0x1234, len: 4}, cmd(6, 3))}}},
		{"drop in ingress", cmd(7, 0), nil},
		{"hash crc32", cmd(9, 0), []sent{{2, with(note{port: 2, keep: uint16(crc), len: 4}, cmd(9, 0))}}},
		{"hash csum16", cmd(13, 1), []sent{{2, with(note{port: 2, keep: 0x1234, len: 4}, tag(13, 1, ^uint16(0x0d01+0x1234)))}}},
		{"hash crc16", cmd(14, 1), []sent{{2, with(note{port: 2, keep: 0x1234, len: 4}, tag(14, 1, slowCRC16(cmd(14, 1))))}}},
		{"clone in egress", cmd(10, 5), []sent{
			{2, with(note{port: 2, keep: 0x1234, len: 4}, cmd(10, 5))},
			{6, with(note{2, 1, 6, 0x1234, 16}, cmd(10, 5))}, // the note was added before the clone was made
			{5, with(note{2, 2, 5, 0x1234, 16}, cmd(10, 5))}}},
		{"recirculate", cmd(11, 3, pay...), []sent{{2, with(plain, cmd(11, 0, pay...))}}},
		{"recirculate too often", cmd(11, 9), nil},
		{"drop in egress", cmd(12, 0), nil},
		{"stack", cmd(0x20, 0, 4, 7, 'x'), []sent{{2, with(note{port: 2, keep: 0x1234, len: 7}, cmd(0x20, 0, 4, 7, 'x'))}}},
		{"stack overflow", cmd(0x20, 0, 2, 2, 2, 2, 3, 'x'), []sent{{10, with(note{port: 10, keep: 0x1234, len: 10}, cmd(0x20, 0, 2, 2, 2, 2, 3, 'x'))}}},
		{"verify fails", cmd(0x20, 0, 0xff, 'x'), []sent{{11, with(note{port: 11, keep: 0x1234, len: 6}, cmd(0x20, 0, 0xff, 'x'))}}},
		{"stack push", cmd(0x21, 0, 4, 7, 'x'), []sent{{2, with(note{port: 2, keep: 0x1234, len: 8}, cmd(0x21, 0, 2, 4, 7, 'x'))}}},
		{"stack pop", cmd(0x22, 0, 4, 7, 'x'), []sent{{2, with(note{port: 2, keep: 0x1234, len: 7}, cmd(0x22, 0, 7, 'x'))}}},
		{"stack read by index", cmd(0x23, 1, 4, 7), []sent{{2, with(note{port: 2, keep: 0x1234, len: 6}, tag(0x23, 1, 3, 4, 7))}}},
		{"stack read of an invalid element", cmd(0x23, 3, 4, 7), []sent{{2, with(note{port: 2, keep: 0x1234, len: 6}, tag(0x23, 3, 0, 4, 7))}}},
		{"stack write by index", cmd(0x24, 1, 4, 7), []sent{{2, with(note{port: 2, keep: 0x1234, len: 6}, cmd(0x24, 1, 4, 11))}}},
		{"stack write to an invalid element", cmd(0x24, 2, 4, 7), []sent{{2, with(note{port: 2, keep: 0x1234, len: 6}, cmd(0x24, 2, 4, 7))}}},
		{"wide register written", cmd(0x31, 2, wide...), []sent{{2, with(note{port: 2, keep: 0x1234, len: 4}, cmd(0x31, 2))}}},
		{"wide register read", cmd(0x32, 2, make([]byte, 32)...), []sent{{2, with(note{port: 2, keep: 0x1234, len: 36}, cmd(0x32, 2, wide...))}}},
		{"wide register read into a new header", cmd(0x0f, 2, 'x'), []sent{{2, with(note{port: 2, keep: 0x1234, len: 37}, cmd(0x0f, 2, append(slices.Clone(wide), 'x')...))}}},
		{"wide register out of range", cmd(0x32, 4, wide...), []sent{{2, with(note{port: 2, keep: 0x1234, len: 36}, cmd(0x32, 4, make([]byte, 32)...))}}},
		{"wide slice written", cmd(0x33, 0, wide...), []sent{{2, with(note{port: 2, keep: 0x1234, len: 36}, cmd(0x33, 0, slices.Concat(wide[:15], []byte{0x12, 0x34}, wide[17:])...))}}},
		{"wide slice read", cmd(0x34, 0, wide...), []sent{{2, with(note{port: 2, keep: 0x1234, len: 36}, tag(0x34, 0, 0x5a5a, wide...))}}},
		{"register first", cmd(0x10, 1), []sent{{2, with(note{port: 2, keep: 0x1234, len: 4}, tag(0x10, 1, 0))}}},
		{"register wrapped", cmd(0x10, 1), []sent{{2, with(note{port: 2, keep: 0x1234, len: 4}, tag(0x10, 1, 0x1fff))}}},
		{"register again", cmd(0x10, 1), []sent{{2, with(note{port: 2, keep: 0x1234, len: 4}, tag(0x10, 1, 0x1ffe))}}},
		{"register out of range", cmd(0x10, 200), []sent{{2, with(note{port: 2, keep: 0x1234, len: 4}, tag(0x10, 200, 0))}}},
	}
	d := newTraffic(t)
	for _, c := range cases {
		if got := run(d, 1, c.in); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.name, dump(got), dump(c.want))
		}
	}
	s := d.Stats()
	if s.Panics != 0 || s.DropPasses != 2 || s.RegisterRange != 3 || s.DropNoGroup != 1 || s.DropNoSession != 1 || s.Digests != 1 {
		t.Errorf("stats %+v", s)
	}
	msg := <-d.Digests()
	if !bytes.Equal(msg.Fields[0], []byte{3}) || !bytes.Equal(msg.Fields[1], []byte{0x12, 0x34}) {
		t.Errorf("digest %+v", msg)
	}
}

func dump(s []sent) string {
	var b []byte
	for _, x := range s {
		b = fmt.Appendf(b, "\n\t%d: %x", x.port, x.frame)
	}
	return string(b)
}

// slowCRC16 is CRC-16/ARC, a bit at a time.
func slowCRC16(b []byte) uint16 {
	var r uint16
	for _, x := range b {
		for i := range 8 {
			bit := r&1 ^ uint16(x>>i)&1
			r >>= 1
			if bit != 0 {
				r ^= 0xa001
			}
		}
	}
	return r
}

func TestRandomStaysInItsRangeAndRepeats(t *testing.T) {
	seen := map[byte]bool{}
	a, b := newTraffic(t), newTraffic(t)
	for range 200 {
		x, y := run(a, 1, cmd(8, 0)), run(b, 1, cmd(8, 0))
		if !slices.Equal(x, y) {
			t.Fatalf("two runs with one seed differ: %s %s", dump(x), dump(y))
		}
		v := x[0].frame[15]
		if x[0].frame[14] != 0 || v < 5 || v > 9 {
			t.Fatalf("random(5, 9) = %d", v)
		}
		seen[v] = true
	}
	if len(seen) != 5 {
		t.Errorf("random(5, 9) gave %v", seen)
	}
}

func TestDigestsAreBounded(t *testing.T) {
	d := New(compileFile(t, "traffic"), Config{DigestBuffer: 2})
	for range 5 {
		run(d, 1, cmd(6, 0))
	}
	if s := d.Stats(); s.Digests != 2 || s.DigestsDropped != 3 {
		t.Errorf("stats %+v", s)
	}
}

func TestCopiesAreBounded(t *testing.T) {
	d := New(compileFile(t, "traffic"), Config{MaxCopies: 2})
	if err := d.InsertMulticastGroup(MulticastGroup{ID: 5, Replicas: make([]Replica, 5)}); err != nil {
		t.Fatal(err)
	}
	if got := run(d, 1, cmd(1, 5)); len(got) != 2 {
		t.Errorf("%d copies", len(got))
	}
	if s := d.Stats(); s.DropCopies != 3 {
		t.Errorf("stats %+v", s)
	}
}

func TestMeterColours(t *testing.T) {
	var m meterCell
	m.configure(&MeterConfig{CIR: 1, CBurst: 2, PIR: 2, PBurst: 4}, 2, 0)
	var got []uint64
	for range 6 {
		got = append(got, m.run(0, 1))
	}
	for _, at := range []time.Duration{time.Second / 2, time.Second, 10 * time.Second, 10 * time.Second} {
		got = append(got, m.run(uint64(at.Microseconds()), 1))
	}
	if want := []uint64{0, 0, 1, 1, 2, 2, 1, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("colours %v, want %v", got, want)
	}
}
