package wire

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
)

// Header6 is a HEADER6 packet: the IPv6 viewers that are to receive one
// payload.
//
//	+-------+-------+---------------+-------------------------------+
//	| ver=1 |   3   |     count     |        payload length         |
//	+-------+-------+---------------+-------------------------------+
//	|                           sequence                            |
//	+---------------------------------------------------------------+
//	|                         payload hash                          |
//	+---------------------------------------------------------------+
//	|                          viewer EID                           |   \
//	|                          (16 bytes)                           |    > × count
//	+-------------------------------+-------------------------------+   /
//	|        viewer UDP port        |
//	+-------------------------------+
type Header6 struct {
	ID      ID     // the payload to deliver
	entries []byte // aliases the packet it was decoded from
}

// Decode reads a HEADER6 packet.
func (h *Header6) Decode(packet []byte) error {
	*h = Header6{}
	var hdr Header
	if err := hdr.expect(packet, TypeHeader6); err != nil {
		return err
	}
	*h = Header6{ID: hdr.ID, entries: packet[HeaderSize:]}
	return nil
}

// Len returns the number of viewers.
func (h *Header6) Len() int { return len(h.entries) / Entry6Size }

// Viewer returns the i-th viewer; it panics unless 0 ≤ i < Len.
func (h *Header6) Viewer(i int) netip.AddrPort {
	e := h.entries[i*Entry6Size:][:Entry6Size]
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(e)), binary.BigEndian.Uint16(e[16:]))
}

// Viewers iterates over the viewers in order.
func (h *Header6) Viewers() iter.Seq[netip.AddrPort] {
	return func(yield func(netip.AddrPort) bool) {
		for i := range h.Len() {
			if !yield(h.Viewer(i)) {
				return
			}
		}
	}
}

// AppendHeader6 appends to dst the HEADER6 packet that asks for the payload
// named id to be delivered to viewers, 1 to MaxEntries IPv6 EIDs without zone.
func AppendHeader6(dst []byte, id ID, viewers []netip.AddrPort) ([]byte, error) {
	h := Header{Type: TypeHeader6, Count: entryCount(viewers), ID: id}
	if err := h.valid(); err != nil {
		return dst, err
	}
	out := h.append(dst)
	for _, v := range viewers {
		if !v.Addr().Is6() || v.Addr().Zone() != "" {
			return dst, fmt.Errorf("%w: %s in a %s, want IPv6 without zone", ErrViewer, v.Addr(), h.Type)
		}
		eid := v.Addr().As16()
		out = binary.BigEndian.AppendUint16(append(out, eid[:]...), v.Port())
	}
	return out, nil
}
