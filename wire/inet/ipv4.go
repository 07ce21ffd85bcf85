package inet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// IPv4 is an IPv4 header (RFC 791).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-------+---------------+-------------------------------+
//	| ver=4 |  IHL  |      TOS      |         total length          |
//	+-------+-------+---------------+-----+-------------------------+
//	|        identification         |flags|     fragment offset     |
//	+---------------+---------------+-----+-------------------------+
//	|      TTL      |   protocol    |        header checksum        |
//	+---------------+---------------+-------------------------------+
//	|                        source address                         |
//	+---------------------------------------------------------------+
//	|                      destination address                      |
//	+---------------------------------------------------------------+
type IPv4 struct {
	TOS            uint8 // DSCP and ECN
	ID             uint16
	DontFragment   bool
	MoreFragments  bool
	FragmentOffset uint16 // in units of 8 bytes
	TTL            uint8
	Protocol       uint8
	Src, Dst       netip.Addr
}

const (
	flagDF       = 0x4000
	flagMF       = 0x2000
	fragmentMask = 0x1fff
)

// Decode reads the header of packet, verifies its checksum and returns what
// the packet carries. Options are skipped.
func (h *IPv4) Decode(packet []byte) ([]byte, error) {
	*h = IPv4{}
	if len(packet) < IPv4Size {
		return nil, fmt.Errorf("%w: %d bytes, an IPv4 header has %d", ErrTruncated, len(packet), IPv4Size)
	}
	if v := packet[0] >> 4; v != 4 {
		return nil, fmt.Errorf("%w: %d, want 4", ErrVersion, v)
	}
	head, total := int(packet[0]&0xf)*4, int(binary.BigEndian.Uint16(packet[2:]))
	if head < IPv4Size || total < head {
		return nil, fmt.Errorf("%w: IPv4 header of %d bytes in a packet of %d", ErrLength, head, total)
	}
	if total > len(packet) {
		return nil, fmt.Errorf("%w: %d bytes, its IPv4 header announces %d", ErrTruncated, len(packet), total)
	}
	if Checksum(packet[:head]) != 0 {
		return nil, fmt.Errorf("%w: IPv4 header has %04x", ErrChecksum, packet[10:12])
	}
	frag := binary.BigEndian.Uint16(packet[6:])
	*h = IPv4{
		TOS:            packet[1],
		ID:             binary.BigEndian.Uint16(packet[4:]),
		DontFragment:   frag&flagDF != 0,
		MoreFragments:  frag&flagMF != 0,
		FragmentOffset: frag & fragmentMask,
		TTL:            packet[8],
		Protocol:       packet[9],
		Src:            netip.AddrFrom4([4]byte(packet[12:])),
		Dst:            netip.AddrFrom4([4]byte(packet[16:])),
	}
	return packet[head:total], nil
}

// Append appends the header, without options, of a packet that carries
// payloadSize bytes. Src and Dst must be IPv4 addresses.
func (h *IPv4) Append(dst []byte, payloadSize int) []byte {
	frag := h.FragmentOffset & fragmentMask
	if h.DontFragment {
		frag |= flagDF
	}
	if h.MoreFragments {
		frag |= flagMF
	}
	start := len(dst)
	dst = append(dst, 0x45, h.TOS)
	dst = binary.BigEndian.AppendUint16(dst, uint16(IPv4Size+payloadSize))
	dst = binary.BigEndian.AppendUint16(dst, h.ID)
	dst = binary.BigEndian.AppendUint16(dst, frag)
	dst = append(dst, h.TTL, h.Protocol, 0, 0)
	src, dest := h.Src.As4(), h.Dst.As4()
	dst = append(append(dst, src[:]...), dest[:]...)
	binary.BigEndian.PutUint16(dst[start+10:], Checksum(dst[start:]))
	return dst
}
