package wire

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
)

// Header4 is a HEADER4 packet: the IPv4 viewers that are to receive one
// payload. Count is 1 in the paper's header packet, up to MaxEntries in a list.
//
//	+-------+-------+---------------+-------------------------------+
//	| ver=1 |   2   |     count     |        payload length         |
//	+-------+-------+---------------+-------------------------------+
//	|                           sequence                            |
//	+---------------------------------------------------------------+
//	|                         payload hash                          |
//	+---------------------------------------------------------------+
//	|                          viewer EID                           |   \
//	+-------------------------------+-------------------------------+    > × count
//	|        viewer UDP port        |                                   /
//	+-------------------------------+
type Header4 struct {
	ID      ID     // the payload to deliver
	entries []byte // aliases the packet it was decoded from
}

// Decode reads a HEADER4 packet.
func (h *Header4) Decode(packet []byte) error {
	*h = Header4{}
	var hdr Header
	if err := hdr.expect(packet, TypeHeader4); err != nil {
		return err
	}
	*h = Header4{ID: hdr.ID, entries: packet[HeaderSize:]}
	return nil
}

// Len returns the number of viewers.
func (h *Header4) Len() int { return len(h.entries) / Entry4Size }

// Viewer returns the i-th viewer; it panics unless 0 ≤ i < Len.
func (h *Header4) Viewer(i int) netip.AddrPort {
	e := h.entries[i*Entry4Size:][:Entry4Size]
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(e)), binary.BigEndian.Uint16(e[4:]))
}

// Viewers iterates over the viewers in order.
func (h *Header4) Viewers() iter.Seq[netip.AddrPort] {
	return func(yield func(netip.AddrPort) bool) {
		for i := range h.Len() {
			if !yield(h.Viewer(i)) {
				return
			}
		}
	}
}

// AppendHeader4 appends to dst the HEADER4 packet that asks for the payload
// named id to be delivered to viewers, 1 to MaxEntries IPv4 EIDs.
func AppendHeader4(dst []byte, id ID, viewers []netip.AddrPort) ([]byte, error) {
	h := Header{Type: TypeHeader4, Count: entryCount(viewers), ID: id}
	if err := h.valid(); err != nil {
		return dst, err
	}
	out := h.append(dst)
	for _, v := range viewers {
		if !v.Addr().Is4() {
			return dst, fmt.Errorf("%w: %s in a %s, want IPv4", ErrViewer, v.Addr(), h.Type)
		}
		eid := v.Addr().As4()
		out = binary.BigEndian.AppendUint16(append(out, eid[:]...), v.Port())
	}
	return out, nil
}

// entryCount is the count field for viewers; too many stay too many.
func entryCount(viewers []netip.AddrPort) uint8 {
	return uint8(min(len(viewers), MaxEntries+1))
}
