package bmv2test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// channelPort is the UDP source port of the channel's packets.
const channelPort = 40000

func addrPort(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a, port) }

func discardPort(h *Host) netip.AddrPort { return addrPort(h.Addr, 9) }

// reserved is where the channel's packets go.
func (t *T) reserved() netip.AddrPort {
	if t.six {
		return addrPort(ReservedEID6, wire.Port)
	}
	return addrPort(ReservedEID, wire.Port)
}

// eid is the address of a host in the family that t is about.
func (t *T) eid(v4 netip.Addr) netip.Addr {
	if t.six {
		return EID6(v4)
	}
	return v4
}

// at is where a viewer receives in the family that t is about.
func (t *T) at(v Viewer) netip.AddrPort {
	if t.six {
		return v.EID6
	}
	return v.EID
}

// rloc is switch d's RLOC in the family that t's tunnels have.
func (t *T) rloc(d int) netip.Addr {
	if t.outer6 {
		return t.fig.RLOC6(d)
	}
	return t.fig.RLOC(d)
}

// datagram returns a UDP frame from a host's own address.
func (t *T) datagram(h *Host, dst netip.AddrPort, payload []byte) []byte {
	t.Helper()
	src := h.Addr
	if dst.Addr().Is6() {
		src = EID6(src)
	}
	return t.datagramFrom(h, inet.Datagram{Src: addrPort(src, channelPort), Dst: dst, Payload: payload})
}

func (t *T) datagramFrom(h *Host, d inet.Datagram) []byte {
	t.Helper()
	frame, err := h.Datagram(d)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// fromSource returns a UDP frame of the source.
func (t *T) fromSource(dst netip.AddrPort, payload []byte) []byte {
	t.Helper()
	return t.datagram(t.fig.Host(SourceName), dst, payload)
}

// media is a payload with a sequence number nobody used before.
type media struct {
	id    wire.ID
	bytes []byte
}

func (t *T) media(size int) media {
	t.sequence++
	return mediaOf(t.sequence, size)
}

func mediaOf(sequence uint32, size int) media {
	b := make([]byte, size)
	random := rand.New(rand.NewPCG(uint64(sequence), uint64(size)))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return mediaFrom(sequence, b)
}

func mediaFrom(sequence uint32, b []byte) media { return media{wire.Identify(sequence, b), b} }

// datagramOf is what a host should see.
func datagramOf(src, dst netip.AddrPort, ttl uint8, payload []byte) inet.Datagram {
	return inet.Datagram{Src: src, Dst: dst, TTL: ttl, Payload: payload}
}

// payload returns the payload packet of m.
func (t *T) payload(m media) []byte {
	t.Helper()
	return t.fromSource(t.reserved(), must(wire.AppendPayload(nil, m.id, m.bytes)))
}

// header returns the header packet that asks for m for viewers.
func (t *T) header(m media, viewers ...netip.AddrPort) []byte {
	t.Helper()
	return t.fromSource(t.reserved(), must(t.appendHeader(m.id, viewers)))
}

func (t *T) appendHeader(id wire.ID, viewers []netip.AddrPort) ([]byte, error) {
	if t.six {
		return wire.AppendHeader6(nil, id, viewers)
	}
	return wire.AppendHeader4(nil, id, viewers)
}

// encapsulated returns a frame to ETR (or ITR) d around an inner packet, as a
// switch with that RLOC would send it.
func (t *T) encapsulated(d int, from netip.Addr, inner []byte) []byte {
	t.Helper()
	tunnel := lisp.Tunnel{Src: from, Dst: t.fig.RLOC(d)}
	if from.Is6() {
		tunnel.Dst = t.fig.RLOC6(d)
	}
	return must(tunnel.Append(transitEthernet(d, from), inner))
}

// fromITR returns the frame in which the ITR would send a frame of the
// source's to ETR d.
func (t *T) fromITR(d int, frame []byte) []byte {
	t.Helper()
	return t.encapsulated(d, t.rloc(0), ipOf(frame))
}

// transitEthernet returns the Ethernet header of a frame to the transit port
// of switch d, of an IP packet from src.
func transitEthernet(d int, src netip.Addr) []byte {
	eth := inet.Ethernet{Dst: SwitchMAC(d, TransitPort), Src: inet.MAC{2, 9, 9, 9, 9, 9}, Type: etherType(src)}
	return eth.Append(nil)
}

func etherType(a netip.Addr) uint16 {
	if a.Is6() {
		return inet.EtherTypeIPv6
	}
	return inet.EtherTypeIPv4
}

// must is for packets that cannot fail to build.
func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// with returns a copy of frame, changed by f.
func with(frame []byte, f func(b []byte)) []byte {
	b := slices.Clone(frame)
	f(b)
	return b
}

// edit returns a copy of a frame with an IP packet in it, changed by f, which
// is given the packet; an IPv4 header's checksum is then made right.
func edit(frame []byte, f func(ip []byte)) []byte {
	return with(frame, func(b []byte) {
		f(ipOf(b))
		fixChecksum(ipOf(b))
	})
}

func fixChecksum(ip []byte) {
	if ip[0]>>4 == 6 {
		return
	}
	size := int(ip[0]&15) * 4
	if size < inet.IPv4Size || size > len(ip) {
		return
	}
	binary.BigEndian.PutUint16(ip[10:], 0)
	binary.BigEndian.PutUint16(ip[10:], inet.Checksum(ip[:size]))
}

// Offsets in an IPv4 packet without options.
const (
	atIPLength = 2
	atTTL      = 8
	atUDP      = inet.IPv4Size
	atUDPSize  = atUDP + 4
	atCoreCast = inet.IPv4Size + inet.UDPSize
	atType     = atCoreCast // version and type
	atCount    = atCoreCast + 1
	atSize     = atCoreCast + 2 // payload length
	atHash     = atCoreCast + 8
)

// resize makes the IP and UDP lengths of a packet right by delta.
func resize(ip []byte, delta int) {
	be := binary.BigEndian
	be.PutUint16(ip[atIPLength:], uint16(int(be.Uint16(ip[atIPLength:]))+delta))
	be.PutUint16(ip[atUDPSize:], uint16(int(be.Uint16(ip[atUDPSize:]))+delta))
}
