package lisp_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/corecast/corecast/lisp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

// The inner packet is the one that gopacket makes, checksums included.
func TestInnerProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t, lisp.TypeECM).(*lisp.ECM)
		packet, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := slowInner(t, &m.Inner); !bytes.Equal(packet[4+len(m.Auth):], want) {
			t.Fatalf("got  %x\nwant %x", packet[4+len(m.Auth):], want)
		}
	})
}

func slowInner(t *rapid.T, in *lisp.Inner) []byte {
	src, dst := in.Src.Addr(), in.Dst.Addr()
	udp := &layers.UDP{SrcPort: layers.UDPPort(in.Src.Port()), DstPort: layers.UDPPort(in.Dst.Port())}
	var network interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	if src.Is4() {
		network = &layers.IPv4{Version: 4, TTL: 64, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolUDP,
			SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	} else {
		network = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP,
			SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	}
	if err := udp.SetNetworkLayerForChecksum(network); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, options, network, udp, gopacket.Payload(in.Message)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// A checksum that comes out as 0 is sent as ffff: 0 would say that there is
// none.
func TestInnerChecksumZero(t *testing.T) {
	a := netip.MustParseAddrPort("10.0.0.1:1")
	m := lisp.ECM{Inner: lisp.Inner{Src: a, Dst: a, Message: []byte{0, 0}}}
	for n := range 1 << 16 {
		m.Inner.Message[0], m.Inner.Message[1] = byte(n>>8), byte(n)
		packet, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if packet[30] == 0 && packet[31] == 0 {
			t.Fatalf("message %04x has no checksum", n)
		}
	}
}
