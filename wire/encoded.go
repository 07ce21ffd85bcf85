package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// AppendEntry appends one viewer to dst as a HEADER4 or HEADER6 holds it.
func AppendEntry(dst []byte, viewer netip.AddrPort) []byte {
	if eid := viewer.Addr(); eid.Is4() {
		b := eid.As4()
		dst = append(dst, b[:]...)
	} else {
		b := eid.As16()
		dst = append(dst, b[:]...)
	}
	return binary.BigEndian.AppendUint16(dst, viewer.Port())
}

// AppendEncoded appends to dst the HEADER4 or HEADER6 packet, as t says, whose
// entries are encoded already. For sources that keep their viewers so.
func AppendEncoded(dst []byte, t Type, id ID, entries []byte) ([]byte, error) {
	size := Entry4Size
	if t == TypeHeader6 {
		size = Entry6Size
	}
	h := Header{Type: t, Count: uint8(min(len(entries)/size, MaxEntries+1)), ID: id}
	if err := h.valid(); err != nil {
		return dst, err
	}
	if t == TypePayload || len(entries)%size != 0 {
		return dst, fmt.Errorf("%w: %d bytes of entries in a %s", ErrLength, len(entries), t)
	}
	return append(h.append(dst), entries...), nil
}
