package lisp_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/corecast/corecast/lisp"
	"pgregory.net/rapid"
)

func encapsulated(t interface{ Fatal(...any) }, rloc6, eid6 bool, payload []byte) []byte {
	tun := tunnel(rloc6)
	packet, err := tun.Append(nil, inner(t, eid6, 0, 64, payload))
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestDecapsulateRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		v6   bool
		edit func(b []byte) []byte
		want error
	}{
		{"nothing", false, func([]byte) []byte { return nil }, lisp.ErrTruncated},
		{"IPv4 header cut", false, func(b []byte) []byte { return b[:19] }, lisp.ErrTruncated},
		{"IPv6 header cut", true, func(b []byte) []byte { return b[:39] }, lisp.ErrTruncated},
		{"packet cut", false, func(b []byte) []byte { return b[:len(b)-1] }, lisp.ErrTruncated},
		{"IPv6 packet cut", true, func(b []byte) []byte { return b[:len(b)-1] }, lisp.ErrTruncated},
		{"version 5", false, func(b []byte) []byte { b[0] = 0x55; return b }, lisp.ErrOuter},
		{"IHL 4", false, func(b []byte) []byte { b[0] = 0x44; return b }, lisp.ErrOuter},
		{"IHL beyond the packet", false, func(b []byte) []byte { b[2], b[3] = 0, 20; b[0] = 0x4f; return b }, lisp.ErrOuter},
		{"fragment", false, func(b []byte) []byte { b[6] = 0x20; return b }, lisp.ErrOuter},
		{"TCP", false, func(b []byte) []byte { b[9] = 6; return b }, lisp.ErrOuter},
		{"IPv6 extension header", true, func(b []byte) []byte { b[6] = 0; return b }, lisp.ErrOuter},
		{"another port", false, func(b []byte) []byte { b[23] = 1; return b }, lisp.ErrOuter},
		{"UDP length 7", false, func(b []byte) []byte { b[24], b[25] = 0, 7; return b }, lisp.ErrOuter},
		{"UDP length beyond the packet", false, func(b []byte) []byte { b[24] = 9; return b }, lisp.ErrTruncated},
		{"no room for UDP", false, func(b []byte) []byte { b[2], b[3] = 0, 27; return b }, lisp.ErrTruncated},
		{"no room for LISP", false, func(b []byte) []byte { b[24], b[25] = 0, 15; return b }, lisp.ErrTruncated},
		{"nothing inside", false, func(b []byte) []byte { b[24], b[25] = 0, 16; return b }, lisp.ErrInner},
		{"encrypted", false, func(b []byte) []byte { b[28] |= 1; return b }, lisp.ErrEncrypted},
		{"inner version 0", false, func(b []byte) []byte { b[36] = 5; return b }, lisp.ErrInner},
		{"inner longer than the tunnel's packet", false, func(b []byte) []byte { b[38] = 9; return b }, lisp.ErrInner},
		{"inner shorter than the tunnel's packet", true, func(b []byte) []byte { b[58], b[59] = 0, 20; return b }, lisp.ErrInner},
	} {
		t.Run(c.name, func(t *testing.T) {
			packet := c.edit(encapsulated(t, c.v6, false, []byte("media")))
			p := lisp.Packet{TTL: 9, Inner: packet}
			if err := p.Decode(packet); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if p.Inner != nil || p.TTL != 0 || p.Src.IsValid() {
				t.Errorf("failed and left %+v", p)
			}
		})
	}
}

// What the tunnel did to TTL, DSCP and ECN, RFC 9300 §5.3 and RFC 6040 §4.2.
func TestRestore(t *testing.T) {
	for _, c := range []struct {
		name               string
		innerTOS, innerTTL uint8
		outerTOS, outerTTL uint8
		wantTOS, wantTTL   uint8
		dropped            bool
	}{
		{"nothing happened", 0xb8, 64, 0xb8, 64, 0xb8, 64, false},
		{"hops in the tunnel", 0, 64, 0, 60, 0, 60, false},
		{"outer TTL set afresh", 0, 64, 0, 255, 0, 64, false},
		{"remarked in the tunnel", 0xb8, 64, 0x28, 64, 0x28, 64, false},
		{"congestion, ECT(0)", 2, 64, 3, 64, 3, 64, false},
		{"congestion, ECT(1)", 1, 64, 3, 64, 3, 64, false},
		{"congestion, not ECN-capable", 0, 64, 3, 64, 0, 64, true},
		{"congestion before the tunnel", 3, 64, 0, 64, 3, 64, false},
		{"outer ECT(0), inner ECT(1)", 1, 64, 2, 64, 1, 64, false},
		{"outer ECT(1), inner ECT(0)", 2, 64, 1, 64, 1, 64, false},
		{"outer ECT on a plain packet", 0, 64, 2, 64, 0, 64, false},
	} {
		for _, v6 := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				p := lisp.Packet{TOS: c.outerTOS, TTL: c.outerTTL, Inner: inner(t, v6, c.innerTOS, c.innerTTL, []byte("media"))}
				err := p.Restore()
				if errors.Is(err, lisp.ErrCongestion) != c.dropped {
					t.Fatal(err)
				}
				// gopacket computes the checksum afresh; ours is incremental.
				want := inner(t, v6, c.wantTOS, c.wantTTL, []byte("media"))
				if !c.dropped && !bytes.Equal(p.Inner, want) {
					t.Errorf("got  %x\nwant %x", p.Inner, want)
				}
			})
		}
	}
}

// No damage makes Decode or Restore reach beyond the packet.
func TestDamage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		packet := encapsulated(t, rapid.Bool().Draw(t, "IPv6 RLOCs"), rapid.Bool().Draw(t, "IPv6 EIDs"), []byte("media"))
		for range rapid.IntRange(1, 4).Draw(t, "damage") {
			packet[rapid.IntRange(0, len(packet)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		checkPacket(t, packet[:rapid.IntRange(0, len(packet)).Draw(t, "cut")])
	})
}

// checkPacket: what decodes can be encapsulated again and comes out the same.
func checkPacket(t interface{ Fatalf(string, ...any) }, packet []byte) {
	var p, again lisp.Packet
	if p.Decode(packet) != nil {
		return
	}
	_ = p.Restore() // may drop, must not crash
	tun := lisp.Tunnel{Src: p.Src, Dst: p.Dst, Header: p.Header}
	out, err := tun.Append(nil, p.Inner)
	if err != nil {
		t.Fatalf("%x decoded and cannot be encapsulated again: %v", packet, err)
	}
	if err := again.Decode(out); err != nil || !bytes.Equal(again.Inner, p.Inner) || again.Header != p.Header {
		t.Fatalf("%+v became %+v, %v", p, again, err)
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(encapsulated(f, false, false, []byte("media")))
	f.Add(encapsulated(f, true, true, []byte("media")))
	f.Add(encapsulated(f, false, true, nil))
	f.Fuzz(func(t *testing.T, packet []byte) { checkPacket(t, packet) })
}

func work(tb testing.TB) map[string]func() {
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	var p lisp.Packet
	buf := make([]byte, 0, 2048)
	four, six := tunnel(false), tunnel(true)
	header, media := inner(tb, false, 0, 64, make([]byte, 18)), inner(tb, false, 0, 64, make([]byte, 1328))
	packet := encapsulated(tb, false, false, make([]byte, 1328))
	return map[string]func(){
		"Encap4Header": func() { _, err := four.Append(buf, header); must(err) },
		"Encap4Media":  func() { _, err := four.Append(buf, media); must(err) },
		"Encap6Header": func() { _, err := six.Append(buf, header); must(err) },
		"Decap4Media":  func() { must(p.Decode(packet)); must(p.Restore()) },
		"SourcePort":   func() { _, err := lisp.SourcePort(header); must(err) },
	}
}

func TestNoAllocation(t *testing.T) {
	for name, f := range work(t) {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkLISP(b *testing.B) {
	for name, f := range work(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
