// Package inet builds and parses the headers below CoreCast: Ethernet, IPv4,
// IPv6 and UDP, for whoever has to make or look at whole packets (the source,
// test hosts, the viewers of the demo).
//
// It promises that
//   - building appends to the caller's buffer and parsing aliases it, neither
//     allocates (errors do), and every field is overwritten on decode;
//   - what it builds is a complete, valid packet: lengths, the IPv4 header
//     checksum and the UDP checksum are right, and a UDP checksum that comes
//     out as 0 is sent as 0xffff;
//   - parsing checks every length before it is used, verifies checksums, and
//     cuts off what follows the packet (Ethernet padding).
//
// It is not an IP stack: IPv4 options are skipped, fragments and IPv6
// extension headers are reported and not followed.
package inet

import "errors"

// Header sizes in bytes, without options.
const (
	EthernetSize = 14
	IPv4Size     = 20
	IPv6Size     = 40
	UDPSize      = 8
)

// ProtocolUDP is UDP's IP protocol number.
const ProtocolUDP = 17

// EtherTypes.
const (
	EtherTypeIPv4 = 0x0800
	EtherTypeARP  = 0x0806
	EtherTypeIPv6 = 0x86dd
)

// Why a packet is refused. Every error of this package wraps one of these with
// the value that was found.
var (
	// ErrTruncated: the packet ends before what its headers announce.
	ErrTruncated = errors.New("truncated packet")
	// ErrVersion: neither IPv4 nor IPv6, or not the one asked for.
	ErrVersion = errors.New("wrong IP version")
	// ErrLength: a length field that no packet has.
	ErrLength = errors.New("wrong length")
	// ErrChecksum: an IPv4 header or UDP checksum that is not right.
	ErrChecksum = errors.New("wrong checksum")
	// ErrFragment: a piece of a packet, of which the rest is elsewhere.
	ErrFragment = errors.New("IP fragment")
	// ErrProtocol: not the protocol asked for.
	ErrProtocol = errors.New("wrong protocol")
	// ErrAddress: addresses that cannot be in one packet.
	ErrAddress = errors.New("wrong address")
)
