package inet

import (
	"encoding/binary"
	"fmt"
)

// MAC is an Ethernet address.
type MAC [6]byte

func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// Ethernet is an Ethernet II header, without VLAN tag and FCS.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------------------------------------------------------+
//	|                        destination MAC                        |
//	+-------------------------------+-------------------------------+
//	|                               |                               |
//	+-------------------------------+                               |
//	|                          source MAC                           |
//	+-------------------------------+-------------------------------+
//	|           EtherType           |
//	+-------------------------------+
type Ethernet struct {
	Dst, Src MAC
	Type     uint16
}

// Decode reads the header of frame and returns what follows it.
func (e *Ethernet) Decode(frame []byte) ([]byte, error) {
	*e = Ethernet{}
	if len(frame) < EthernetSize {
		return nil, fmt.Errorf("%w: frame of %d bytes, an Ethernet header has %d", ErrTruncated, len(frame), EthernetSize)
	}
	e.Dst, e.Src = MAC(frame), MAC(frame[6:])
	e.Type = binary.BigEndian.Uint16(frame[12:])
	return frame[EthernetSize:], nil
}

// Append appends the header to dst.
func (e *Ethernet) Append(dst []byte) []byte {
	dst = append(append(dst, e.Dst[:]...), e.Src[:]...)
	return binary.BigEndian.AppendUint16(dst, e.Type)
}
