package inet_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/corecast/corecast/wire/inet"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

// slowChecksum is RFC 1071 as it is written down: 16 bits at a time.
func slowChecksum(b []byte) uint16 {
	var acc uint32
	for i, v := range b {
		if i%2 == 0 {
			acc += uint32(v) << 8
		} else {
			acc += uint32(v)
		}
		acc = acc>>16 + acc&0xffff
	}
	return ^uint16(acc)
}

func TestChecksum(t *testing.T) {
	// The example of RFC 1071 §3.
	if got := inet.Checksum([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}); got != ^uint16(0xddf2) {
		t.Errorf("RFC 1071's example: %04x, want %04x", got, ^uint16(0xddf2))
	}
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0xfe, 0xff}), 0, 1500).Draw(t, "b")
		if got, want := inet.Checksum(b), slowChecksum(b); got != want {
			t.Fatalf("Checksum = %04x, want %04x", got, want)
		}
	})
}

func genAddr(t *rapid.T, v6 bool, label string) netip.Addr {
	size := 4
	if v6 {
		size = 16
	}
	a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, label))
	return a
}

func genDatagram(t *rapid.T) inet.Datagram {
	v6 := rapid.Bool().Draw(t, "v6")
	return inet.Datagram{
		Src:     netip.AddrPortFrom(genAddr(t, v6, "src"), rapid.Uint16().Draw(t, "sport")),
		Dst:     netip.AddrPortFrom(genAddr(t, v6, "dst"), rapid.Uint16().Draw(t, "dport")),
		TOS:     rapid.Byte().Draw(t, "tos"),
		TTL:     rapid.Byte().Draw(t, "ttl"),
		Payload: rapid.SliceOfN(rapid.Byte(), 0, 1472).Draw(t, "payload"),
	}
}

func same(a, b inet.Datagram) bool {
	return a.Src == b.Src && a.Dst == b.Dst && a.TOS == b.TOS && a.TTL == b.TTL && bytes.Equal(a.Payload, b.Payload)
}

// What is built is byte for byte what gopacket builds, and comes back as it was,
// Ethernet padding and all.
func TestDatagram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genDatagram(t)
		packet, err := want.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if oracle := gopacketDatagram(t, want); !bytes.Equal(packet, oracle) {
			t.Fatalf("built   %x\ngopacket %x", packet, oracle)
		}
		padding := rapid.SliceOfN(rapid.Byte(), 0, 18).Draw(t, "padding")
		var got inet.Datagram
		if err := got.Decode(append(packet, padding...)); err != nil || !same(got, want) {
			t.Fatalf("%+v came back as %+v, %v", want, got, err)
		}
	})
}

func gopacketDatagram(t *rapid.T, d inet.Datagram) []byte {
	udp := &layers.UDP{SrcPort: layers.UDPPort(d.Src.Port()), DstPort: layers.UDPPort(d.Dst.Port())}
	var ip gopacket.SerializableLayer
	if src, dst := net.IP(d.Src.Addr().AsSlice()), net.IP(d.Dst.Addr().AsSlice()); d.Src.Addr().Is4() {
		ip4 := &layers.IPv4{Version: 4, TOS: d.TOS, TTL: d.TTL, Flags: layers.IPv4DontFragment,
			Protocol: layers.IPProtocolUDP, SrcIP: src, DstIP: dst}
		_ = udp.SetNetworkLayerForChecksum(ip4)
		ip = ip4
	} else {
		ip6 := &layers.IPv6{Version: 6, TrafficClass: d.TOS, HopLimit: d.TTL,
			NextHeader: layers.IPProtocolUDP, SrcIP: src, DstIP: dst}
		_ = udp.SetNetworkLayerForChecksum(ip6)
		ip = ip6
	}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, ip, udp, gopacket.Payload(d.Payload)); err != nil {
		t.Fatal(err)
	}
	b := buf.Bytes()
	head := inet.HeaderSize(d.Src.Addr())
	if b[head-2] == 0 && b[head-1] == 0 { // gopacket sends a sum of 0 as it is
		b[head-2], b[head-1] = 0xff, 0xff
	}
	return b
}

// A packet with a flipped bit is refused or, where no checksum covers the bit
// (IPv6's traffic class, flow label and hop limit), at least not misread.
func TestDamage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genDatagram(t)
		packet, _ := want.Append(nil)
		at := rapid.IntRange(0, len(packet)*8-1).Draw(t, "bit")
		packet[at/8] ^= 0x80 >> (at % 8)
		var got inet.Datagram
		if err := got.Decode(packet); err != nil {
			if !same(got, inet.Datagram{}) {
				t.Fatalf("failed and left %+v", got)
			}
			return
		}
		got.TOS, got.TTL = want.TOS, want.TTL
		if want.Src.Addr().Is4() || !same(got, want) {
			t.Fatalf("bit %d of %x flipped: came back as %+v", at, packet, got)
		}
	})
}

func TestEthernet(t *testing.T) {
	want := inet.Ethernet{Dst: inet.MAC{2, 0, 0, 0, 0, 1}, Src: inet.MAC{2, 0, 0, 0, 0, 2}, Type: inet.EtherTypeIPv6}
	var got inet.Ethernet
	rest, err := got.Decode(append(want.Append(nil), 7, 8))
	if err != nil || got != want || !bytes.Equal(rest, []byte{7, 8}) {
		t.Errorf("got %+v, %x, %v", got, rest, err)
	}
	if _, err := got.Decode(make([]byte, 13)); !errors.Is(err, inet.ErrTruncated) || got != (inet.Ethernet{}) {
		t.Errorf("13 bytes: %+v, %v", got, err)
	}
	if want.Dst.String() != "02:00:00:00:00:01" {
		t.Error(want.Dst)
	}
}

// A sum that comes out as 0 must be sent as 0xffff: 0 means "not computed".
func TestZeroChecksum(t *testing.T) {
	a := netip.MustParseAddrPort("[2001:db8::1]:0")
	d := inet.Datagram{Src: a, Dst: a, TTL: 64, Payload: []byte{0, 0}}
	packet, _ := d.Append(nil)
	// The payload that makes the sum 0 is the checksum over the rest.
	copy(packet[48:], packet[46:48])
	d.Payload = packet[48:]
	packet, _ = d.Append(nil)
	if packet[46] != 0xff || packet[47] != 0xff {
		t.Errorf("checksum %x, want ffff", packet[46:48])
	}
	if err := d.Decode(packet); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	const ok4 = "4500001d00004000401166cd0a0000010a0000020001000200090000" + "2a"
	fix := func(s string, edit func(b []byte)) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		edit(b)
		b[10], b[11] = 0, 0
		sum := slowChecksum(b[:20])
		b[10], b[11] = byte(sum>>8), byte(sum)
		return b
	}
	v6 := func(edit func(b []byte)) []byte {
		a := netip.MustParseAddrPort("[2001:db8::1]:1")
		d := inet.Datagram{Src: a, Dst: a, Payload: []byte{42}}
		b, _ := d.Append(nil)
		edit(b)
		return b
	}
	for _, c := range []struct {
		name   string
		packet []byte
		want   error
	}{
		{"no checksum over IPv4", fix(ok4, func([]byte) {}), nil},
		{"nothing", nil, inet.ErrTruncated},
		{"19 bytes", fix(ok4, func([]byte) {})[:19], inet.ErrTruncated},
		{"version 5", []byte{0x50}, inet.ErrTruncated},
		{"version 5, long", fix(ok4, func(b []byte) { b[0] = 0x55 }), inet.ErrTruncated},
		{"IHL 4", fix(ok4, func(b []byte) { b[0] = 0x44 }), inet.ErrLength},
		{"total length below IHL", fix(ok4, func(b []byte) { b[3] = 19 }), inet.ErrLength},
		{"total length beyond the packet", fix(ok4, func(b []byte) { b[3] = 30 }), inet.ErrTruncated},
		{"header checksum", append(fix(ok4, func([]byte) {})[:10], fix(ok4, func(b []byte) { b[8]-- })[10:]...), inet.ErrChecksum},
		{"first fragment", fix(ok4, func(b []byte) { b[6] = 0x20 }), inet.ErrFragment},
		{"later fragment", fix(ok4, func(b []byte) { b[7] = 1 }), inet.ErrFragment},
		{"TCP", fix(ok4, func(b []byte) { b[9] = 6 }), inet.ErrProtocol},
		{"UDP length 7", fix(ok4, func(b []byte) { b[25] = 7 }), inet.ErrLength},
		{"UDP length beyond the packet", fix(ok4, func(b []byte) { b[25] = 10 }), inet.ErrTruncated},
		{"no room for UDP", fix(ok4, func(b []byte) { b[3] = 27 }), inet.ErrTruncated},
		{"wrong UDP checksum", fix(ok4, func(b []byte) { b[27] = 1 }), inet.ErrChecksum},
		{"IPv6 without UDP checksum", v6(func(b []byte) { b[46], b[47] = 0, 0 }), inet.ErrChecksum},
		{"IPv6 payload length", v6(func(b []byte) { b[5] = 10 }), inet.ErrTruncated},
		{"version 7", v6(func(b []byte) { b[0] = 0x70 }), inet.ErrVersion},
		{"IPv6 extension header", v6(func(b []byte) { b[6] = 0 }), inet.ErrProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := inet.Datagram{TTL: 9}
			if err := d.Decode(c.packet); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	four, six := netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("[::1]:1")
	for _, d := range []inet.Datagram{{}, {Src: four, Dst: six}, {Src: six, Dst: four}} {
		if _, err := d.Append(nil); !errors.Is(err, inet.ErrAddress) {
			t.Errorf("%s → %s: %v", d.Src, d.Dst, err)
		}
	}
	long := inet.Datagram{Src: four, Dst: four, Payload: make([]byte, inet.MaxUDPPayload+1)}
	if _, err := long.Append(nil); !errors.Is(err, inet.ErrLength) {
		t.Errorf("too long: %v", err)
	}
}

func FuzzDatagram(f *testing.F) {
	four, six := netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("[2001:db8::1]:1")
	for _, d := range []inet.Datagram{{Src: four, Dst: four, Payload: []byte("x")}, {Src: six, Dst: six}} {
		packet, _ := d.Append(nil)
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		var d, again inet.Datagram
		if d.Decode(packet) != nil {
			return
		}
		// Options, flow labels and identifications are not kept, so compare
		// what is.
		out, err := d.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Decode(out); err != nil || !same(d, again) {
			t.Fatalf("%+v became %+v, %v", d, again, err)
		}
	})
}

func work(tb testing.TB) map[string]func() {
	d4 := inet.Datagram{Src: netip.MustParseAddrPort("10.0.0.1:1"), Dst: netip.MustParseAddrPort("10.0.0.2:4344"), TTL: 64, Payload: make([]byte, 1328)}
	d6 := inet.Datagram{Src: netip.MustParseAddrPort("[2001:db8::1]:1"), Dst: netip.MustParseAddrPort("[2001:db8::2]:4344"), TTL: 64, Payload: make([]byte, 18)}
	p4, _ := d4.Append(nil)
	p6, _ := d6.Append(nil)
	buf := make([]byte, 0, 2048)
	var got inet.Datagram
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	return map[string]func(){
		"Checksum1328":  func() { inet.Checksum(d4.Payload) },
		"Encode4x1328":  func() { _, err := d4.Append(buf); must(err) },
		"Encode6Header": func() { _, err := d6.Append(buf); must(err) },
		"Decode4x1328":  func() { must(got.Decode(p4)) },
		"Decode6Header": func() { must(got.Decode(p6)) },
	}
}

func TestNoAllocation(t *testing.T) {
	for name, f := range work(t) {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkInet(b *testing.B) {
	for name, f := range work(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
