package live

import (
	"net/netip"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// sizes are those of the packets of one pair at its ITR, in bytes of IP and on
// average.
type sizes struct {
	payload float64 // a payload packet
	header  float64 // a header packet that names one viewer
	entry   float64 // each further viewer
	viewers float64 // that a header packet names
}

// sizesOf tells from what an ITR counted between two readings.
func sizesOf(ipv6 bool, payloads, payloadBytes, headers, headerBytes uint64) sizes {
	ip, entry := float64(inet.IPv4Size), float64(wire.Entry4Size)
	if ipv6 {
		ip, entry = inet.IPv6Size, wire.Entry6Size
	}
	s := sizes{entry: entry, header: ip + inet.UDPSize + wire.HeaderSize + entry, viewers: 1}
	if payloads > 0 {
		s.payload = float64(payloadBytes)/float64(payloads) - inet.EthernetSize
	}
	if headers > 0 {
		s.viewers = max(1, 1+(float64(headerBytes)/float64(headers)-inet.EthernetSize-s.header)/entry)
	}
	return s
}

// encapsulation is what LISP puts in front of a packet to an RLOC.
func encapsulation(rloc netip.Addr) float64 {
	if rloc.Is4() {
		return inet.IPv4Size + inet.UDPSize + lisp.DataHeaderSize
	}
	return inet.IPv6Size + inet.UDPSize + lisp.DataHeaderSize
}

// transit is how many bytes of IP copies and headers to an RLOC are.
func (s sizes) transit(rloc netip.Addr, copies, headers, viewersOfHeader float64) float64 {
	outer := encapsulation(rloc)
	return copies*(s.payload+outer) + headers*(s.header+(viewersOfHeader-1)*s.entry+outer)
}

// unicast is how many bytes of IP the same media would be to an RLOC, had each
// viewer been sent its own: the payload packet without CoreCast's header, inside
// LISP.
func (s sizes) unicast(rloc netip.Addr, deliveries float64) float64 {
	if s.payload == 0 {
		return 0
	}
	return deliveries * (s.payload - wire.HeaderSize + encapsulation(rloc))
}

// asDelivered is the size of the packet that a viewer gets.
func (s sizes) asDelivered() float64 { return max(0, s.payload-wire.HeaderSize) }
