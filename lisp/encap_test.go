package lisp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/corecast/corecast/lisp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

// innerPacket builds a UDP packet with gopacket.
func innerPacket(t interface{ Fatal(...any) }, src, dst netip.AddrPort, tos, ttl uint8, payload []byte) []byte {
	udp := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
	ip4 := &layers.IPv4{Version: 4, TOS: tos, TTL: ttl, Protocol: layers.IPProtocolUDP,
		SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	ip6 := &layers.IPv6{Version: 6, TrafficClass: tos, HopLimit: ttl, NextHeader: layers.IPProtocolUDP,
		SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	var ip gopacket.SerializableLayer = ip6
	_ = udp.SetNetworkLayerForChecksum(ip6)
	if src.Addr().Is4() {
		ip = ip4
		_ = udp.SetNetworkLayerForChecksum(ip4)
	}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, ip, udp, gopacket.Payload(payload)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

var (
	source4  = netip.MustParseAddrPort("10.0.0.10:7000")
	channel4 = netip.MustParseAddrPort("10.255.0.1:4344")
	source6  = netip.MustParseAddrPort("[2001:db8::10]:7000")
	channel6 = netip.MustParseAddrPort("[2001:db8:ff::1]:4344")
	rloc4    = [2]netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.21")}
	rloc6    = [2]netip.Addr{netip.MustParseAddr("2001:db8:a::1"), netip.MustParseAddr("2001:db8:b::1")}
)

func inner(t interface{ Fatal(...any) }, v6 bool, tos, ttl uint8, payload []byte) []byte {
	if v6 {
		return innerPacket(t, source6, channel6, tos, ttl, payload)
	}
	return innerPacket(t, source4, channel4, tos, ttl, payload)
}

func tunnel(v6 bool) lisp.Tunnel {
	rlocs := rloc4
	if v6 {
		rlocs = rloc6
	}
	return lisp.Tunnel{Src: rlocs[0], Dst: rlocs[1],
		Header: lisp.DataHeader{Flags: lisp.FlagInstance, InstanceID: 7}}
}

// All four mixes of EID and RLOC families: what goes in comes out, and the
// outer headers are what RFC 9300 and an independent parser say.
func TestEncapsulate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tun := tunnel(rapid.Bool().Draw(t, "IPv6 RLOCs"))
		tos, ttl := rapid.Byte().Draw(t, "tos"), rapid.Byte().Draw(t, "ttl")
		in := inner(t, rapid.Bool().Draw(t, "IPv6 EIDs"), tos, ttl, rapid.SliceOfN(rapid.Byte(), 0, 1484).Draw(t, "payload"))
		packet, err := tun.Append(nil, in)
		if err != nil {
			t.Fatal(err)
		}
		if len(packet) != len(in)+lisp.Overhead(tun.Dst) {
			t.Fatalf("%d bytes became %d", len(in), len(packet))
		}
		checkOuter(t, packet, tun, tos, ttl)

		var got lisp.Packet
		if err := got.Decode(append(packet, make([]byte, 4)...)); err != nil {
			t.Fatal(err)
		}
		if got.Src != tun.Src || got.Dst != tun.Dst || got.Header != tun.Header || got.TOS != tos || got.TTL != ttl {
			t.Fatalf("came back as %+v", got)
		}
		if port, err := lisp.SourcePort(in); err != nil || port != got.SourcePort || port < 0xc000 {
			t.Fatalf("source port %d, SourcePort says %d, %v", got.SourcePort, port, err)
		}
		if !bytes.Equal(got.Inner, in) {
			t.Fatalf("inner packet changed")
		}
	})
}

func checkOuter(t *rapid.T, packet []byte, tun lisp.Tunnel, tos, ttl uint8) {
	first := gopacket.LayerType(layers.LayerTypeIPv4)
	if tun.Src.Is6() {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(packet, first, gopacket.Default)
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		if ip.TOS != tos || ip.TTL != ttl || ip.Flags != layers.IPv4DontFragment || int(ip.Length) != len(packet) {
			t.Fatalf("outer header %+v", ip)
		}
		var sum uint32
		for i := 0; i < 20; i += 2 {
			sum += uint32(packet[i])<<8 | uint32(packet[i+1])
		}
		if sum>>16+sum&0xffff != 0xffff {
			t.Fatalf("outer header checksum %04x", ip.Checksum)
		}
	case *layers.IPv6:
		if ip.TrafficClass != tos || ip.HopLimit != ttl || int(ip.Length)+40 != len(packet) {
			t.Fatalf("outer header %+v", ip)
		}
	}
	udp, ok := p.TransportLayer().(*layers.UDP)
	if !ok || udp.DstPort != lisp.DataPort || udp.Checksum != 0 {
		t.Fatalf("outer UDP header %+v", udp)
	}
}

func TestEncapsulateRefused(t *testing.T) {
	good := inner(t, false, 0, 64, []byte("media"))
	mixed := lisp.Tunnel{Src: rloc4[0], Dst: rloc6[1]}
	contradiction := tunnel(false)
	contradiction.Header.Flags = lisp.FlagEchoNonce
	four := tunnel(false)
	huge := make([]byte, 65520)
	huge[0], huge[2], huge[3] = 0x45, 0xff, 0xf0
	for _, c := range []struct {
		name   string
		tunnel lisp.Tunnel
		inner  []byte
		want   error
	}{
		{"two families", mixed, good, lisp.ErrLocator},
		{"no RLOCs", lisp.Tunnel{}, good, lisp.ErrLocator},
		{"contradictory header", contradiction, good, lisp.ErrHeader},
		{"nothing inside", four, nil, lisp.ErrInner},
		{"truncated inside", four, good[:len(good)-1], lisp.ErrInner},
		{"tail inside", four, append(bytes.Clone(good), 0), lisp.ErrInner},
		{"no IP inside", four, []byte("media"), lisp.ErrInner},
		{"too long", four, huge, lisp.ErrInner},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := c.tunnel.Append([]byte("x"), c.inner)
			if !errors.Is(err, c.want) || string(out) != "x" {
				t.Errorf("%d bytes, %v, want %v", len(out), err, c.want)
			}
		})
	}
}

// The packets of one channel share a path; other flows spread out.
func TestSourcePort(t *testing.T) {
	port := func(packet []byte) uint16 {
		p, err := lisp.SourcePort(packet)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, v6 := range []bool{false, true} {
		if port(inner(t, v6, 0, 64, make([]byte, 1328))) != port(inner(t, v6, 0, 9, make([]byte, 18))) {
			t.Errorf("IPv6 %v: a payload and its header take different paths", v6)
		}
	}
	seen := map[uint16]bool{}
	for i := range uint16(1000) {
		seen[port(innerPacket(t, netip.AddrPortFrom(source4.Addr(), 7000+i), channel4, 0, 64, nil))] = true
	}
	if len(seen) < 900 {
		t.Errorf("1000 flows share %d source ports", len(seen))
	}
	// A later fragment has no ports, so neither may the first count.
	a, b := inner(t, false, 0, 64, []byte("12345678")), inner(t, false, 0, 64, []byte("12345678"))
	a[6], b[7] = 0x20, 1
	b[20]++
	if port(a) != port(b) {
		t.Error("fragments of one packet take different paths")
	}
	if _, err := lisp.SourcePort(nil); !errors.Is(err, lisp.ErrInner) {
		t.Error(err)
	}
}
