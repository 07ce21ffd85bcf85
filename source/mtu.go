package source

import (
	"github.com/corecast/corecast/source/ts"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// DefaultMTU is the IP MTU that paths are taken to have.
const DefaultMTU = 1500

// What a LISP tunnel puts in front of a packet: outer IP, UDP and LISP headers.
// IPv4 EIDs are taken to have IPv4 RLOCs, IPv6 EIDs either.
const (
	lispOverhead4 = inet.IPv4Size + inet.UDPSize + 8
	lispOverhead6 = inet.IPv6Size + inet.UDPSize + 8
)

// PayloadFor returns the size of the largest payload that fits an IP MTU on the
// transit links with every header in place: a multiple of a transport stream
// packet, 0 when not even one fits.
func PayloadFor(mtu int, ipv6 bool) int {
	if ipv6 {
		return payloadIn(mtu-lispOverhead6, ipv6)
	}
	return payloadIn(mtu-lispOverhead4, ipv6)
}

// payloadIn is the size of the largest payload in an IP packet of length bytes
// on its way to the ITR.
func payloadIn(length int, ipv6 bool) int {
	ip := inet.IPv4Size
	if ipv6 {
		ip = inet.IPv6Size
	}
	room := min(length-ip-inet.UDPSize-wire.HeaderSize, wire.MaxPayload)
	return max(room-room%ts.PacketSize, 0)
}

// pathSize is how the payload size follows from the path.
type pathSize struct {
	sender pathSender // nil when the path is not known
	ipv6   bool
	mtu    int // at the last look
}

// first returns the payload size for a path that nothing has been sent on yet.
// The MTU that the sender knows is that of its own link: the encapsulation is
// still to come.
func (p *pathSize) first(configured int) int {
	if configured == 0 {
		configured = DefaultMTU
		if p.mtu > 0 {
			configured = min(configured, p.mtu)
		}
	}
	return PayloadFor(configured, p.ipv6)
}

// shorter returns the payload size after one of size bytes was too long. What
// routers tell is the MTU for the packet as they got it. Without any news, it
// is one packet less.
func (p *pathSize) shorter(size int) int {
	less := (size - 1) / ts.PacketSize * ts.PacketSize
	if p.sender == nil {
		return less
	}
	if p.mtu = p.sender.PathMTU(); p.mtu > 0 {
		less = min(less, payloadIn(p.mtu, p.ipv6))
	}
	return less
}

func newPathSize(sender Sender, ipv6 bool) pathSize {
	p := pathSize{ipv6: ipv6}
	if known, ok := sender.(pathSender); ok {
		p.sender, p.mtu = known, known.PathMTU()
	}
	return p
}
