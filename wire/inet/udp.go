package inet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// UDP is a UDP header (RFC 768).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------------------------------+-------------------------------+
//	|          source port          |       destination port        |
//	+-------------------------------+-------------------------------+
//	|            length             |           checksum            |
//	+-------------------------------+-------------------------------+
type UDP struct {
	SrcPort, DstPort uint16
}

// Decode reads and verifies a UDP datagram that travelled between src and dst
// and returns what it carries. A checksum of 0 (not computed) is accepted over
// IPv4; over IPv6 only zeroChecksum6 allows it (RFC 6935, for tunnels).
func (u *UDP) Decode(datagram []byte, src, dst netip.Addr, zeroChecksum6 bool) ([]byte, error) {
	*u = UDP{}
	if len(datagram) < UDPSize {
		return nil, fmt.Errorf("%w: %d bytes, a UDP header has %d", ErrTruncated, len(datagram), UDPSize)
	}
	length := int(binary.BigEndian.Uint16(datagram[4:]))
	if length < UDPSize {
		return nil, fmt.Errorf("%w: UDP length %d, want at least %d", ErrLength, length, UDPSize)
	}
	if length > len(datagram) {
		return nil, fmt.Errorf("%w: %d bytes, its UDP header announces %d", ErrTruncated, len(datagram), length)
	}
	datagram = datagram[:length]
	check := binary.BigEndian.Uint16(datagram[6:])
	if check == 0 && !src.Is4() && !zeroChecksum6 {
		return nil, fmt.Errorf("%w: UDP over IPv6 without one", ErrChecksum)
	}
	if check != 0 && fold(sum(pseudo(src, dst, length), datagram)) != 0xffff {
		return nil, fmt.Errorf("%w: UDP header has %04x", ErrChecksum, check)
	}
	u.SrcPort, u.DstPort = binary.BigEndian.Uint16(datagram), binary.BigEndian.Uint16(datagram[2:])
	return datagram[UDPSize:], nil
}

// Append appends the header, with checksum, of a datagram from src to dst that
// carries payload. The payload itself is not appended: it may lie anywhere,
// and when it already lies behind dst's end the datagram is complete.
func (u *UDP) Append(dst []byte, src, dest netip.Addr, payload []byte) []byte {
	length := UDPSize + len(payload)
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, u.SrcPort)
	dst = binary.BigEndian.AppendUint16(dst, u.DstPort)
	dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	dst = append(dst, 0, 0)
	check := ^fold(sum(sum(pseudo(src, dest, length), dst[start:]), payload))
	if check == 0 {
		check = 0xffff // 0 means "not computed"
	}
	binary.BigEndian.PutUint16(dst[start+6:], check)
	return dst
}
