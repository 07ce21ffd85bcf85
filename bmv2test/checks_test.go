package bmv2test

import (
	"bytes"
	"net/netip"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// tunnelled is a decoded frame of the transit segment.
type tunnelled struct {
	lisp.Packet
	frame  []byte
	inner  inet.Datagram
	header wire.Header // if inner is for port 4344
}

func (t *T) tunnelled(c crossing) tunnelled {
	t.Helper()
	p := tunnelled{frame: c.frame}
	var eth inet.Ethernet
	packet, err := eth.Decode(c.frame)
	if err == nil {
		err = p.Decode(packet)
	}
	if err == nil {
		err = p.inner.Decode(p.Inner)
	}
	if err == nil && p.inner.Dst.Port() == wire.Port {
		err = p.header.Decode(p.inner.Payload)
	}
	if err != nil {
		t.Fatalf("frame from %s to %s: %v: %x", c.from, c.to, err, c.frame)
	}
	return p
}

// checkCopy checks that a transit frame is the payload copy of m.
func (t *T) checkCopy(c crossing, m media) {
	t.Helper()
	p := t.tunnelled(c)
	var got wire.Payload
	if !summed(p.Inner) {
		t.Fatalf("the copy from %s to %s has no UDP checksum", c.from, c.to)
	}
	if err := got.Decode(p.inner.Payload); err != nil {
		t.Fatalf("from %s to %s: want a payload copy: %v", c.from, c.to, err)
	}
	if got.ID != m.id || !bytes.Equal(got.Media, m.bytes) {
		t.Fatalf("the payload copy is of %+v, want %+v", got.ID, m.id)
	}
}

// checkHeader checks that a transit frame is the header of m for viewers.
func (t *T) checkHeader(c crossing, m media, viewers ...netip.AddrPort) {
	t.Helper()
	want := must(t.appendHeader(m.id, viewers))
	if p := t.tunnelled(c); !bytes.Equal(p.inner.Payload, want) {
		t.Fatalf("from %s to %s: %x, want the header %x", c.from, c.to, p.inner.Payload, want)
	}
}

// summed reports whether a UDP packet has a checksum; whether it is right,
// decoding says.
func summed(packet []byte) bool {
	udp := packet[inet.HeaderSize(ipSource(packet))-inet.UDPSize:]
	return udp[6] != 0 || udp[7] != 0
}

// ipSource and ipDestination return the addresses of an IP packet.
func ipSource(packet []byte) netip.Addr {
	if packet[0]>>4 == 6 {
		return netip.AddrFrom16([16]byte(packet[8:]))
	}
	return netip.AddrFrom4([4]byte(packet[12:]))
}

func ipDestination(packet []byte) netip.Addr {
	if packet[0]>>4 == 6 {
		return netip.AddrFrom16([16]byte(packet[24:]))
	}
	return netip.AddrFrom4([4]byte(packet[16:]))
}

// checkViewerGot checks that a frame is m's media as viewer v should see it.
func (t *T) checkViewerGot(a arrival, m media, v Viewer) {
	t.Helper()
	t.checkMedia(a, DomainName(v.Domain), SwitchMAC(v.Domain, LocalPort), v.MAC, inet.Datagram{
		Src: addrPort(t.eid(SourceEID), channelPort), Dst: t.at(v), TTL: 62, Payload: m.bytes,
	})
}

// checkMedia also checks that a packet that a switch made has a checksum.
func (t *T) checkMedia(a arrival, host string, src, dst inet.MAC, want inet.Datagram) {
	t.Helper()
	t.checkDelivered(a, host, src, dst, want)
	if !summed(ipOf(a.frame)) {
		t.Fatalf("at %s, for %v: no UDP checksum", a.host, want.Dst)
	}
}

// checkDelivered checks where a UDP packet arrived and all that is in it.
func (t *T) checkDelivered(a arrival, host string, src, dst inet.MAC, want inet.Datagram) {
	t.Helper()
	var eth inet.Ethernet
	var got inet.Datagram
	packet, err := eth.Decode(a.frame)
	if err == nil {
		err = got.Decode(packet)
	}
	if err != nil {
		t.Fatalf("at %s: %v: %x", a.host, err, a.frame)
	}
	if wantEth := (inet.Ethernet{Dst: dst, Src: src, Type: etherType(want.Dst.Addr())}); a.host != host || eth != wantEth {
		t.Fatalf("at %s: Ethernet header %+v, want at %s: %+v", a.host, eth, host, wantEth)
	}
	if !bytes.Equal(got.Payload, want.Payload) {
		t.Fatalf("at %s, for %v: %d bytes that are not the %d sent", a.host, got.Dst, len(got.Payload), len(want.Payload))
	}
	if size := inet.EthernetSize + inet.HeaderSize(got.Dst.Addr()) + len(want.Payload); len(a.frame) != size {
		t.Fatalf("at %s, for %v: the frame has %d bytes, want %d", a.host, got.Dst, len(a.frame), size)
	}
	got.Payload, want.Payload = nil, nil
	if got.Src != want.Src || got.Dst != want.Dst || got.TTL != want.TTL || got.TOS != want.TOS {
		t.Fatalf("at %s: %+v, want %+v", a.host, got, want)
	}
}
