package lisp

import (
	"encoding/binary"
	"fmt"
)

// Header sizes in bytes, without options.
const (
	ipv4Size = 20
	ipv6Size = 40
	udpSize  = 8
)

// checkIP checks that packet is exactly one IPv4 or IPv6 packet as far as its
// lengths go, and returns its IP version. It does not look at checksums: a
// tunnel carries what it is given.
func checkIP(packet []byte) (version int, err error) {
	if len(packet) == 0 {
		return 0, fmt.Errorf("%w: no bytes at all", ErrInner)
	}
	var head, total int
	switch version = int(packet[0] >> 4); version {
	case 4:
		if len(packet) < ipv4Size {
			return 0, fmt.Errorf("%w: %d bytes, an IPv4 header has %d", ErrInner, len(packet), ipv4Size)
		}
		head, total = int(packet[0]&0xf)*4, int(binary.BigEndian.Uint16(packet[2:]))
		if head < ipv4Size {
			return 0, fmt.Errorf("%w: IPv4 header length %d", ErrInner, head)
		}
	case 6:
		if len(packet) < ipv6Size {
			return 0, fmt.Errorf("%w: %d bytes, an IPv6 header has %d", ErrInner, len(packet), ipv6Size)
		}
		head, total = ipv6Size, ipv6Size+int(binary.BigEndian.Uint16(packet[4:]))
	default:
		return 0, fmt.Errorf("%w: IP version %d", ErrInner, version)
	}
	if total < head || total != len(packet) {
		return 0, fmt.Errorf("%w: %d bytes, its IP header announces %d", ErrInner, len(packet), total)
	}
	return version, nil
}

// tosAndTTL reads the TOS (traffic class) and TTL (hop limit) of a checked
// IP packet.
func tosAndTTL(packet []byte) (tos, ttl uint8) {
	if packet[0]>>4 == 4 {
		return packet[1], packet[8]
	}
	return packet[0]<<4 | packet[1]>>4, packet[7]
}

// setTOSAndTTL writes them, keeping an IPv4 header checksum as right or wrong
// as it was (RFC 1624).
func setTOSAndTTL(packet []byte, tos, ttl uint8) {
	if packet[0]>>4 == 6 {
		packet[0] = packet[0]&0xf0 | tos>>4
		packet[1] = packet[1]&0x0f | tos<<4
		packet[7] = ttl
		return
	}
	oldTOS, oldTTL := uint32(packet[1]), uint32(packet[8])<<8
	packet[1], packet[8] = tos, ttl
	acc := uint32(^binary.BigEndian.Uint16(packet[10:]))
	acc += 0xffff - oldTOS + uint32(tos)
	acc += 0xffff - oldTTL + uint32(ttl)<<8
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	binary.BigEndian.PutUint16(packet[10:], ^uint16(acc))
}

// SourcePort returns the outer UDP source port for an inner IP packet: a hash
// of its addresses, protocol and (TCP, UDP, SCTP, unfragmented) ports, RFC
// 9300 §12, in the dynamic port range. Packets of one flow share it, so they
// share a path; so do a channel's copy and its headers, whose 5-tuples are
// the same. The hash is FNV-1a; any other would interoperate.
func SourcePort(inner []byte) (uint16, error) {
	if _, err := checkIP(inner); err != nil {
		return 0, err
	}
	return sourcePort(inner), nil
}

// sourcePort is SourcePort for a packet that checkIP has passed.
func sourcePort(inner []byte) uint16 {
	var addresses, rest []byte
	var protocol byte
	whole := true
	if inner[0]>>4 == 4 {
		addresses, protocol = inner[12:20], inner[9]
		rest = inner[int(inner[0]&0xf)*4:]
		whole = binary.BigEndian.Uint16(inner[6:])&0x3fff == 0
	} else {
		addresses, protocol, rest = inner[8:40], inner[6], inner[ipv6Size:]
	}
	hash := fnv1a(fnvOffset, addresses)
	const tcp, udp, sctp = 6, 17, 132
	if whole && len(rest) >= 4 && (protocol == tcp || protocol == udp || protocol == sctp) {
		hash = fnv1a((hash^uint32(protocol))*fnvPrime, rest[:4])
	}
	return 0xc000 | uint16(hash^hash>>16)&0x3fff
}

const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

func fnv1a(hash uint32, b []byte) uint32 {
	for _, c := range b {
		hash = (hash ^ uint32(c)) * fnvPrime
	}
	return hash
}
