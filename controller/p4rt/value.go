package p4rt

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"net"
	"net/netip"
	"strconv"

	"github.com/antoninbas/p4runtime-go-client/pkg/util/conversion"
)

// Value is a field or parameter value: its bytes in network order without
// leading zeros, as P4Runtime wants them, so that equal numbers are equal
// Values.
type Value string

// Uint is the value of a number.
func Uint[T ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int](v T) Value {
	return Bytes(binary.BigEndian.AppendUint64(nil, uint64(v)))
}

// Addr is the value of an IP address, of its own family.
func Addr(a netip.Addr) Value { return Bytes(a.AsSlice()) }

// MAC is the value of an Ethernet address.
func MAC(m [6]byte) Value { return Bytes(m[:]) }

// Bytes is the value of a byte string in network order.
func Bytes(b []byte) Value {
	if len(b) == 0 {
		return "\x00"
	}
	return Value(conversion.ToCanonicalBytestring(b))
}

// bitLen is the number of bits the value needs.
func (v Value) bitLen() int {
	if v == "" {
		return 0
	}
	return 8*(len(v)-1) + bits.Len8(v[0])
}

// fill returns the value in exactly n bytes; it must fit.
func (v Value) fill(n int) []byte {
	b := make([]byte, n)
	copy(b[n-len(v):], v)
	return b
}

// masked clears all but the first plen of width bits.
func (v Value) masked(plen, width int) Value {
	n := (width + 7) / 8
	b := v.fill(n)
	for bit := plen; bit < width; bit++ {
		at := n*8 - width + bit
		b[at/8] &^= 0x80 >> (at % 8)
	}
	return Bytes(b)
}

// String guesses from the length what a human wants to see: an IPv4 or MAC
// address, else a number.
func (v Value) String() string {
	switch n := len(v); {
	case n == 4:
		return netip.AddrFrom4([4]byte([]byte(v))).String()
	case n == 5 || n == 6:
		return net.HardwareAddr(v.fill(6)).String()
	case n < 4:
		return strconv.FormatUint(uint64(binary.BigEndian.Uint32(v.fill(4))), 10)
	case n == 16:
		return netip.AddrFrom16([16]byte([]byte(v))).String()
	}
	return fmt.Sprintf("0x%s", hex.EncodeToString([]byte(v)))
}

// Uint64 is the number that the value is; of a longer value the last 64 bits.
func (v Value) Uint64() uint64 { return number([]byte(v)) }

// Addr is the IPv4 or IPv6 address that the value is; the zero Addr if it does
// not fit.
func (v Value) Addr(v6 bool) netip.Addr {
	size := 4
	if v6 {
		size = 16
	}
	if len(v) > size {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(v.fill(size))
	return a
}

// MAC is the Ethernet address that the value is; the zero address if it does not
// fit.
func (v Value) MAC() (mac [6]byte) {
	if len(v) <= len(mac) {
		copy(mac[:], v.fill(len(mac)))
	}
	return mac
}
