package slowpath

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// packet is a punted IP packet: what it is after decapsulation, and how it came
// in.
type packet struct {
	port  uint16
	frame []byte // whole, as received
	eth   inet.Ethernet

	ip       []byte // the packet that counts: the inner one of LISP data to us
	src, dst netip.Addr
	protocol uint8
	payload  []byte // of ip
	fragment bool   // not the first piece
	df       bool   // IPv4: must not be fragmented

	tunnel     bool // it was encapsulated
	sourceRLOC netip.Addr
}

var errNotIP = errors.New("not an IP packet")

// parse reads a frame; isRLOC tells whose LISP packets are decapsulated here.
func (k *packet) parse(frame []byte, isRLOC func(netip.Addr) bool) error {
	*k = packet{frame: frame}
	rest, err := k.eth.Decode(frame)
	if err != nil {
		return err
	}
	if k.eth.Type != inet.EtherTypeIPv4 && k.eth.Type != inet.EtherTypeIPv6 {
		return fmt.Errorf("%w: EtherType %04x", errNotIP, k.eth.Type)
	}
	if err := k.parseIP(rest); err != nil {
		return err
	}
	if k.protocol != inet.ProtocolUDP || k.fragment || !isRLOC(k.dst) || len(k.payload) < inet.UDPSize+lisp.DataHeaderSize ||
		binary.BigEndian.Uint16(k.payload[2:]) != lisp.DataPort {
		return nil
	}
	outer := k.src
	if err := k.parseIP(k.payload[inet.UDPSize+lisp.DataHeaderSize:]); err != nil {
		return err
	}
	k.tunnel, k.sourceRLOC = true, outer
	return nil
}

func (k *packet) parseIP(b []byte) error {
	if len(b) == 0 {
		return fmt.Errorf("%w: nothing", errNotIP)
	}
	if b[0]>>4 == 4 {
		var h inet.IPv4
		payload, err := h.Decode(b)
		if err != nil {
			return err
		}
		k.ip, k.payload = b[:int(b[0]&15)*4+len(payload)], payload
		k.src, k.dst, k.protocol = h.Src, h.Dst, h.Protocol
		k.fragment, k.df = h.FragmentOffset != 0, h.DontFragment
		return nil
	}
	var h inet.IPv6
	payload, err := h.Decode(b)
	if err != nil {
		return err
	}
	k.ip, k.payload = b[:inet.IPv6Size+len(payload)], payload
	k.src, k.dst, k.protocol, k.fragment, k.df = h.Src, h.Dst, h.NextHeader, false, true
	return nil
}

// corecast returns the header of a CoreCast packet, and the first viewer of a
// HEADER.
func (k *packet) corecast() (h wire.Header, viewer netip.Addr, ok bool) {
	if k.protocol != inet.ProtocolUDP || k.fragment || len(k.payload) < inet.UDPSize || binary.BigEndian.Uint16(k.payload[2:]) != wire.Port {
		return h, viewer, false
	}
	body := k.payload[inet.UDPSize:]
	if h.Decode(body) != nil {
		return h, viewer, false
	}
	switch h.Type {
	case wire.TypeHeader4:
		viewer, _ = netip.AddrFromSlice(body[wire.HeaderSize : wire.HeaderSize+4])
	case wire.TypeHeader6:
		viewer, _ = netip.AddrFromSlice(body[wire.HeaderSize : wire.HeaderSize+16])
	}
	return h, viewer, true
}

// near is the prefix within which the switch takes misses for those of one
// destination.
func near(a netip.Addr) netip.Prefix {
	bits := 24
	if a.Is6() {
		bits = 48
	}
	prefix, _ := a.Prefix(bits)
	return prefix
}
