package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// Hash is the payload hash of CoreCast: CRC-32/IEEE. It guards integrity, not
// authenticity.
func Hash(media []byte) uint32 { return crc32.ChecksumIEEE(media) }

// ID names one payload of a channel. Both switches drop a header whose ID is
// not exactly that of a payload they hold.
type ID struct {
	Sequence uint32 // +1 per payload, wraps
	Hash     uint32
	Length   uint16 // bytes of media
}

// Identify returns the ID of media when sent with the given sequence number.
// Media longer than MaxPayload has no ID that can be sent: the Append
// functions refuse it.
func Identify(sequence uint32, media []byte) ID {
	return ID{Sequence: sequence, Hash: Hash(media), Length: uint16(min(len(media), math.MaxUint16))}
}

func (id ID) valid() error {
	if id.Length == 0 || id.Length > MaxPayload {
		return fmt.Errorf("%w: payload length %d, want 1 to %d", ErrLength, id.Length, MaxPayload)
	}
	return nil
}

// Header is what every CoreCast packet starts with, in network order:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-------+---------------+-------------------------------+
//	| ver=1 | type  |     count     |        payload length         |
//	+-------+-------+---------------+-------------------------------+
//	|                  sequence (+1 per payload, wraps)             |
//	+---------------------------------------------------------------+
//	|                  payload hash (CRC-32/IEEE of the payload)    |
//	+---------------------------------------------------------------+
type Header struct {
	Type  Type
	Count uint8 // entries that follow; 0 in a PAYLOAD
	ID    ID    // the payload carried or named
}

// Decode reads and checks the header of packet, which must be exactly one
// CoreCast packet. It does not look at what follows the header: decode a
// Payload, Header4 or Header6 for that.
func (h *Header) Decode(packet []byte) error {
	*h = Header{}
	if len(packet) < HeaderSize {
		return fmt.Errorf("%w: %d bytes, a header has %d", ErrTruncated, len(packet), HeaderSize)
	}
	if v := packet[0] >> 4; v != Version {
		return fmt.Errorf("%w: %d, want %d", ErrVersion, v, Version)
	}
	d := Header{
		Type:  Type(packet[0] & 0xf),
		Count: packet[1],
		ID: ID{
			Length:   binary.BigEndian.Uint16(packet[2:]),
			Sequence: binary.BigEndian.Uint32(packet[4:]),
			Hash:     binary.BigEndian.Uint32(packet[8:]),
		},
	}
	if err := d.valid(); err != nil {
		return err
	}
	if size := d.size(); len(packet) < size {
		return fmt.Errorf("%w: %d bytes, its %s header announces %d", ErrTruncated, len(packet), d.Type, size)
	} else if len(packet) > size {
		return fmt.Errorf("%w: %d bytes, its %s header announces %d", ErrLength, len(packet), d.Type, size)
	}
	*h = d
	return nil
}

func (h *Header) valid() error {
	switch h.Type {
	case TypePayload:
		if h.Count != 0 {
			return fmt.Errorf("%w: %d in a %s, want 0", ErrCount, h.Count, h.Type)
		}
	case TypeHeader4, TypeHeader6:
		if h.Count == 0 || h.Count > MaxEntries {
			return fmt.Errorf("%w: %d in a %s, want 1 to %d", ErrCount, h.Count, h.Type, MaxEntries)
		}
	default:
		return fmt.Errorf("%w: %d, want 1, 2 or 3", ErrType, h.Type)
	}
	return h.ID.valid()
}

// size is the length of the whole packet.
func (h *Header) size() int {
	switch h.Type {
	case TypeHeader4:
		return HeaderSize + int(h.Count)*Entry4Size
	case TypeHeader6:
		return HeaderSize + int(h.Count)*Entry6Size
	}
	return HeaderSize + int(h.ID.Length)
}

// expect decodes the header of packet and insists on its type.
func (h *Header) expect(packet []byte, want Type) error {
	if err := h.Decode(packet); err != nil {
		return err
	}
	if h.Type != want {
		return fmt.Errorf("%w: %s, want %s", ErrType, h.Type, want)
	}
	return nil
}

func (h *Header) append(dst []byte) []byte {
	dst = append(dst, Version<<4|byte(h.Type), h.Count)
	dst = binary.BigEndian.AppendUint16(dst, h.ID.Length)
	dst = binary.BigEndian.AppendUint32(dst, h.ID.Sequence)
	return binary.BigEndian.AppendUint32(dst, h.ID.Hash)
}
