package inet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// IPv6 is an IPv6 header (RFC 8200).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+---------------+---------------------------------------+
//	| ver=6 | traffic class |              flow label               |
//	+-------+---------------+-------+---------------+---------------+
//	|        payload length         |  next header  |   hop limit   |
//	+-------------------------------+---------------+---------------+
//	|                   source address (16 bytes)                   |
//	+---------------------------------------------------------------+
//	|                destination address (16 bytes)                 |
//	+---------------------------------------------------------------+
type IPv6 struct {
	TrafficClass uint8 // DSCP and ECN
	FlowLabel    uint32
	NextHeader   uint8
	HopLimit     uint8
	Src, Dst     netip.Addr
}

const flowLabelMask = 0xfffff

// Decode reads the header of packet and returns what the packet carries.
func (h *IPv6) Decode(packet []byte) ([]byte, error) {
	*h = IPv6{}
	if len(packet) < IPv6Size {
		return nil, fmt.Errorf("%w: %d bytes, an IPv6 header has %d", ErrTruncated, len(packet), IPv6Size)
	}
	first := binary.BigEndian.Uint32(packet)
	if v := first >> 28; v != 6 {
		return nil, fmt.Errorf("%w: %d, want 6", ErrVersion, v)
	}
	total := IPv6Size + int(binary.BigEndian.Uint16(packet[4:]))
	if total > len(packet) {
		return nil, fmt.Errorf("%w: %d bytes, its IPv6 header announces %d", ErrTruncated, len(packet), total)
	}
	*h = IPv6{
		TrafficClass: uint8(first >> 20),
		FlowLabel:    first & flowLabelMask,
		NextHeader:   packet[6],
		HopLimit:     packet[7],
		Src:          netip.AddrFrom16([16]byte(packet[8:])),
		Dst:          netip.AddrFrom16([16]byte(packet[24:])),
	}
	return packet[IPv6Size:total], nil
}

// Append appends the header of a packet that carries payloadSize bytes.
func (h *IPv6) Append(dst []byte, payloadSize int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, 6<<28|uint32(h.TrafficClass)<<20|h.FlowLabel&flowLabelMask)
	dst = binary.BigEndian.AppendUint16(dst, uint16(payloadSize))
	dst = append(dst, h.NextHeader, h.HopLimit)
	src, dest := h.Src.As16(), h.Dst.As16()
	return append(append(dst, src[:]...), dest[:]...)
}
