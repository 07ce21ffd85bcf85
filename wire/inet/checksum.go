package inet

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Checksum returns the Internet checksum (RFC 1071) of b. Over a header that
// contains its own, correct checksum it is 0.
func Checksum(b []byte) uint16 { return ^fold(sum(0, b)) }

// sum adds b to acc in one's complement arithmetic, 8 bytes at a time: RFC
// 1071 §2(B) allows any word size as long as carries wrap around. A trailing
// odd byte counts as if followed by 0, so only the last piece may be odd.
func sum(acc uint64, b []byte) uint64 {
	var carry uint64
	for len(b) >= 32 {
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b), carry)
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b[8:]), carry)
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b[16:]), carry)
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b[24:]), carry)
		b = b[32:]
	}
	for len(b) >= 8 {
		acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(b), carry)
		b = b[8:]
	}
	var rest [8]byte
	copy(rest[:], b)
	acc, carry = bits.Add64(acc, binary.BigEndian.Uint64(rest[:]), carry)
	acc, carry = bits.Add64(acc, 0, carry)
	return acc + carry
}

// fold reduces a sum to 16 bits.
func fold(acc uint64) uint16 {
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>16 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	return uint16(acc)
}

// pseudo is the sum of the pseudo-header of a UDP datagram. IPv4 and IPv6 lay
// it out differently, but the sum of the same numbers is the same.
func pseudo(src, dst netip.Addr, length int) uint64 {
	acc := uint64(length) + ProtocolUDP
	if src.Is4() {
		s, d := src.As4(), dst.As4()
		return sum(sum(acc, s[:]), d[:])
	}
	s, d := src.As16(), dst.As16()
	return sum(sum(acc, s[:]), d[:])
}
