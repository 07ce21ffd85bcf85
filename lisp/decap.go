package lisp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Packet is a LISP-encapsulated data packet, as an ETR receives it.
type Packet struct {
	Src, Dst   netip.Addr // RLOCs
	SourcePort uint16     // of the outer UDP header
	TOS, TTL   uint8      // of the outer IP header
	Header     DataHeader
	Inner      []byte // exactly one IP packet; aliases what was decoded
}

// Decode reads an encapsulated packet from its outer IP header on. Bytes after
// the outer packet (Ethernet padding) are cut off. A UDP checksum of 0 is
// accepted, as RFC 9300 §5.3 demands, and any other is not verified, as it
// allows: the inner packet carries its own.
func (p *Packet) Decode(packet []byte) error {
	*p = Packet{}
	var d Packet
	datagram, err := d.decodeOuter(packet)
	if err != nil {
		return err
	}
	body, err := d.decodeUDP(datagram)
	if err != nil {
		return err
	}
	if d.Inner, err = d.Header.Decode(body); err != nil {
		return err
	}
	if key := d.Header.Flags & FlagKeys; key != 0 {
		return fmt.Errorf("%w: with key %d, from %s", ErrEncrypted, key, d.Src)
	}
	if _, err := checkIP(d.Inner); err != nil {
		return err
	}
	*p = d
	return nil
}

// decodeOuter reads the outer IP header and returns the UDP datagram.
func (p *Packet) decodeOuter(packet []byte) ([]byte, error) {
	if len(packet) == 0 {
		return nil, fmt.Errorf("%w: no bytes at all", ErrTruncated)
	}
	var head, total int
	var protocol byte
	switch version := packet[0] >> 4; version {
	case 4:
		if len(packet) < ipv4Size {
			return nil, fmt.Errorf("%w: %d bytes, an IPv4 header has %d", ErrTruncated, len(packet), ipv4Size)
		}
		head, total = int(packet[0]&0xf)*4, int(binary.BigEndian.Uint16(packet[2:]))
		if frag := binary.BigEndian.Uint16(packet[6:]) & 0x3fff; frag != 0 {
			return nil, fmt.Errorf("%w: an IPv4 fragment (%#04x)", ErrOuter, frag)
		}
		protocol = packet[9]
		p.Src, p.Dst = netip.AddrFrom4([4]byte(packet[12:])), netip.AddrFrom4([4]byte(packet[16:]))
	case 6:
		if len(packet) < ipv6Size {
			return nil, fmt.Errorf("%w: %d bytes, an IPv6 header has %d", ErrTruncated, len(packet), ipv6Size)
		}
		head, total = ipv6Size, ipv6Size+int(binary.BigEndian.Uint16(packet[4:]))
		protocol = packet[6]
		p.Src, p.Dst = netip.AddrFrom16([16]byte(packet[8:])), netip.AddrFrom16([16]byte(packet[24:]))
	default:
		return nil, fmt.Errorf("%w: IP version %d", ErrOuter, version)
	}
	if head < ipv4Size || total < head {
		return nil, fmt.Errorf("%w: IP header of %d bytes in a packet of %d", ErrOuter, head, total)
	}
	if total > len(packet) {
		return nil, fmt.Errorf("%w: %d bytes, its IP header announces %d", ErrTruncated, len(packet), total)
	}
	if protocol != 17 {
		return nil, fmt.Errorf("%w: IP protocol %d, want UDP (17)", ErrOuter, protocol)
	}
	p.TOS, p.TTL = tosAndTTL(packet)
	return packet[head:total], nil
}

// decodeUDP reads the outer UDP header and returns what it carries.
func (p *Packet) decodeUDP(datagram []byte) ([]byte, error) {
	if len(datagram) < udpSize {
		return nil, fmt.Errorf("%w: %d bytes, a UDP header has %d", ErrTruncated, len(datagram), udpSize)
	}
	if port := binary.BigEndian.Uint16(datagram[2:]); port != DataPort {
		return nil, fmt.Errorf("%w: UDP port %d, want %d", ErrOuter, port, DataPort)
	}
	length := int(binary.BigEndian.Uint16(datagram[4:]))
	if length < udpSize {
		return nil, fmt.Errorf("%w: UDP length %d, want at least %d", ErrOuter, length, udpSize)
	}
	if length > len(datagram) {
		return nil, fmt.Errorf("%w: %d bytes, its UDP header announces %d", ErrTruncated, len(datagram), length)
	}
	p.SourcePort = binary.BigEndian.Uint16(datagram)
	return datagram[udpSize:length], nil
}

// Restore writes into the inner packet what the tunnel changed (RFC 9300
// §5.3, RFC 6040): the TTL where the outer one is lower, the outer DSCP, and
// the congestion mark. Call it once, after Decode.
func (p *Packet) Restore() error {
	tos, ttl := tosAndTTL(p.Inner)
	ecn, ok := combineECN(tos, p.TOS)
	if !ok {
		return fmt.Errorf("%w: from %s", ErrCongestion, p.Src)
	}
	setTOSAndTTL(p.Inner, p.TOS&^ecnMask|ecn, min(ttl, p.TTL))
	return nil
}

// The ECN codepoints.
const (
	notECT  = 0
	ect1    = 1
	ect0    = 2
	ce      = 3
	ecnMask = 3
)

// combineECN is the table of RFC 6040 §4.2; false means drop.
func combineECN(inner, outer uint8) (uint8, bool) {
	inner, outer = inner&ecnMask, outer&ecnMask
	switch {
	case inner == notECT:
		return notECT, outer != ce
	case inner == ce, outer == ce:
		return ce, true
	case outer == ect1:
		return ect1, true
	}
	return inner, true
}
