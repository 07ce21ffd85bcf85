package inet

import (
	"fmt"
	"net/netip"
)

// MaxUDPPayload is the most a datagram can carry over either IP version.
const MaxUDPPayload = 65535 - IPv4Size - UDPSize

// Datagram is a whole UDP packet: IP header, UDP header and payload.
type Datagram struct {
	Src, Dst netip.AddrPort
	TOS      uint8 // IPv4's TOS, IPv6's traffic class
	TTL      uint8 // IPv4's TTL, IPv6's hop limit
	Payload  []byte
}

// HeaderSize returns the bytes of IP and UDP headers of a packet to addr.
func HeaderSize(addr netip.Addr) int {
	if addr.Is4() {
		return IPv4Size + UDPSize
	}
	return IPv6Size + UDPSize
}

// Decode reads an IPv4 or IPv6 packet that is an unfragmented UDP datagram,
// verifying lengths and checksums. Payload aliases packet.
func (d *Datagram) Decode(packet []byte) error {
	*d = Datagram{}
	if len(packet) == 0 {
		return fmt.Errorf("%w: no bytes at all", ErrTruncated)
	}
	decode := d.decode6
	if packet[0]>>4 == 4 {
		decode = d.decode4
	}
	if err := decode(packet); err != nil {
		*d = Datagram{}
		return err
	}
	return nil
}

func (d *Datagram) decode4(packet []byte) error {
	var ip IPv4
	body, err := ip.Decode(packet)
	if err != nil {
		return err
	}
	if ip.MoreFragments || ip.FragmentOffset != 0 {
		return fmt.Errorf("%w: %d of packet %d from %s", ErrFragment, ip.FragmentOffset, ip.ID, ip.Src)
	}
	d.TOS, d.TTL = ip.TOS, ip.TTL
	return d.decodeUDP(body, ip.Protocol, ip.Src, ip.Dst)
}

func (d *Datagram) decode6(packet []byte) error {
	var ip IPv6
	body, err := ip.Decode(packet)
	if err != nil {
		return err
	}
	d.TOS, d.TTL = ip.TrafficClass, ip.HopLimit
	return d.decodeUDP(body, ip.NextHeader, ip.Src, ip.Dst)
}

func (d *Datagram) decodeUDP(body []byte, protocol uint8, src, dst netip.Addr) error {
	if protocol != ProtocolUDP {
		return fmt.Errorf("%w: %d, want UDP (%d)", ErrProtocol, protocol, ProtocolUDP)
	}
	var udp UDP
	payload, err := udp.Decode(body, src, dst, false)
	if err != nil {
		return err
	}
	d.Src, d.Dst = netip.AddrPortFrom(src, udp.SrcPort), netip.AddrPortFrom(dst, udp.DstPort)
	d.Payload = payload
	return nil
}

// Append appends the whole packet to dst. IPv4 packets are sent with DF, so
// that their identification needs no value (RFC 6864).
func (d *Datagram) Append(dst []byte) ([]byte, error) {
	out, err := d.AppendHeaders(dst)
	if err != nil {
		return dst, err
	}
	return append(out, d.Payload...), nil
}

// AppendHeaders appends the IP and UDP headers of the packet only. Use it to
// write the headers in front of a payload that is already in place.
func (d *Datagram) AppendHeaders(dst []byte) ([]byte, error) {
	src, dest := d.Src.Addr(), d.Dst.Addr()
	if !src.IsValid() || !dest.IsValid() || src.Is4() != dest.Is4() {
		return dst, fmt.Errorf("%w: from %s to %s, want two of one family", ErrAddress, src, dest)
	}
	if len(d.Payload) > MaxUDPPayload {
		return dst, fmt.Errorf("%w: %d bytes in a datagram, want at most %d", ErrLength, len(d.Payload), MaxUDPPayload)
	}
	size := UDPSize + len(d.Payload)
	if src.Is4() {
		ip := IPv4{TOS: d.TOS, TTL: d.TTL, DontFragment: true, Protocol: ProtocolUDP, Src: src, Dst: dest}
		dst = ip.Append(dst, size)
	} else {
		ip := IPv6{TrafficClass: d.TOS, HopLimit: d.TTL, NextHeader: ProtocolUDP, Src: src, Dst: dest}
		dst = ip.Append(dst, size)
	}
	udp := UDP{SrcPort: d.Src.Port(), DstPort: d.Dst.Port()}
	return udp.Append(dst, src, dest, d.Payload), nil
}
