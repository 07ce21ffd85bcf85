package lisp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Tunnel is one direction of a LISP tunnel: what an ITR needs to encapsulate.
// Src and Dst are RLOCs of one address family.
type Tunnel struct {
	Src, Dst netip.Addr
	Header   DataHeader
}

// Overhead returns the bytes that encapsulation towards an RLOC adds: 36 over
// IPv4, 56 over IPv6.
func Overhead(rloc netip.Addr) int {
	if rloc.Is4() {
		return ipv4Size + udpSize + DataHeaderSize
	}
	return ipv6Size + udpSize + DataHeaderSize
}

// Append appends inner, which must be exactly one IP packet, encapsulated
// according to RFC 9300 §5:
//
//	+-----------------------------------------------------+
//	| outer IPv4 (20) or IPv6 (40): RLOC to RLOC          |
//	+-----------------------------------------------------+
//	| UDP (8): hash of the inner 5-tuple to 4341          |
//	+-----------------------------------------------------+
//	| LISP data header (8)                                |
//	+-----------------------------------------------------+
//	| inner, unchanged                                    |
//	+-----------------------------------------------------+
//
// TTL, DSCP and ECN are copied from the inner packet; the router that
// forwards it has decremented the inner TTL before. The UDP checksum is 0
// over both families (§5.3; RFC 6935). DF is set: an ITR does not fragment
// what it encapsulates (§7.1), a packet too big is the caller's to report.
func (t *Tunnel) Append(dst, inner []byte) ([]byte, error) {
	if !t.Src.IsValid() || !t.Dst.IsValid() || t.Src.Is4() != t.Dst.Is4() {
		return dst, fmt.Errorf("%w: %s to %s, want two of one family", ErrLocator, t.Src, t.Dst)
	}
	if _, err := checkIP(inner); err != nil {
		return dst, err
	}
	size := udpSize + DataHeaderSize + len(inner)
	if t.Dst.Is4() && size > 0xffff-ipv4Size || size > 0xffff {
		return dst, fmt.Errorf("%w: %d bytes are too many to encapsulate", ErrInner, len(inner))
	}
	tos, ttl := tosAndTTL(inner)
	var out []byte
	if t.Src.Is4() {
		out = t.appendIPv4(dst, tos, ttl, size)
	} else {
		out = t.appendIPv6(dst, tos, ttl, size)
	}
	out = binary.BigEndian.AppendUint16(out, sourcePort(inner))
	out = binary.BigEndian.AppendUint16(out, DataPort)
	out = binary.BigEndian.AppendUint16(out, uint16(size))
	out = append(out, 0, 0)
	out, err := t.Header.Append(out)
	if err != nil {
		return dst, err
	}
	return append(out, inner...), nil
}

func (t *Tunnel) appendIPv4(dst []byte, tos, ttl uint8, size int) []byte {
	start := len(dst)
	dst = append(dst, 0x45, tos)
	dst = binary.BigEndian.AppendUint16(dst, uint16(ipv4Size+size))
	dst = append(dst, 0, 0, 0x40, 0) // identification 0 (RFC 6864), DF
	dst = append(dst, ttl, 17, 0, 0)
	src, dest := t.Src.As4(), t.Dst.As4()
	dst = append(append(dst, src[:]...), dest[:]...)
	var acc uint32
	for h := dst[start:]; len(h) > 0; h = h[2:] {
		acc += uint32(binary.BigEndian.Uint16(h))
	}
	acc = acc>>16 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	binary.BigEndian.PutUint16(dst[start+10:], ^uint16(acc))
	return dst
}

func (t *Tunnel) appendIPv6(dst []byte, tos, ttl uint8, size int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, 6<<28|uint32(tos)<<20)
	dst = binary.BigEndian.AppendUint16(dst, uint16(size))
	dst = append(dst, 17, ttl)
	src, dest := t.Src.As16(), t.Dst.As16()
	return append(append(dst, src[:]...), dest[:]...)
}
