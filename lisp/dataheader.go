package lisp

import (
	"encoding/binary"
	"fmt"
)

// DataHeaderSize is the size of the LISP data header in bytes.
const DataHeaderSize = 8

// Flags are the first byte of the LISP data header.
type Flags uint8

// The flags of RFC 9300 §5.3.
const (
	FlagNonce      Flags = 0x80 // N: Nonce is a nonce
	FlagLSB        Flags = 0x40 // L: LocatorStatus is in use
	FlagEchoNonce  Flags = 0x20 // E: please echo the nonce; needs N
	FlagMapVersion Flags = 0x10 // V: Nonce holds two map-versions; excludes N
	FlagInstance   Flags = 0x08 // I: InstanceID is in use
	flagReserved   Flags = 0x04 // R: sent as 0, ignored on receipt
	FlagKeys       Flags = 0x03 // KK: which key encrypts the payload; 0 = none
)

const max24 = 1<<24 - 1

// DataHeader is the LISP header of an encapsulated data packet, RFC 9300 §5.3:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-----------------------------------------------+
//	|N|L|E|V|I|R|K|K|            Nonce / Map-Version                |
//	+-+-+-+-+-+-+-+-+-----------------------------------------------+
//	|                Instance ID / Locator-Status-Bits              |
//	+---------------------------------------------------------------+
//
// with I set, the second word is
//
//	+-----------------------------------------------+---------------+
//	|                  Instance ID                  |     LSBs      |
//	+-----------------------------------------------+---------------+
type DataHeader struct {
	Flags         Flags
	Nonce         uint32 // 24 bits: with N the nonce, with V the map-versions
	InstanceID    uint32 // 24 bits, with I
	LocatorStatus uint32 // with L; 32 bits, or 8 when I is set too
}

// MapVersions returns the source and destination map-versions (RFC 9302),
// which are there when FlagMapVersion is set.
func (h *DataHeader) MapVersions() (src, dst uint16) {
	return uint16(h.Nonce >> 12), uint16(h.Nonce & 0xfff)
}

// Decode reads the header at the start of packet and returns what follows it.
// What RFC 9300 has a receiver ignore reads as 0: the R bit, E without N, V
// beside N, and fields whose flag is not set.
func (h *DataHeader) Decode(packet []byte) ([]byte, error) {
	*h = DataHeader{}
	if len(packet) < DataHeaderSize {
		return nil, fmt.Errorf("%w: %d bytes, a LISP data header has %d", ErrTruncated, len(packet), DataHeaderSize)
	}
	first, second := binary.BigEndian.Uint32(packet), binary.BigEndian.Uint32(packet[4:])
	h.Flags = Flags(first>>24) &^ flagReserved
	if h.Flags&FlagNonce != 0 {
		h.Flags &^= FlagMapVersion
	} else {
		h.Flags &^= FlagEchoNonce
	}
	if h.Flags&(FlagNonce|FlagMapVersion) != 0 {
		h.Nonce = first & max24
	}
	status := second
	if h.Flags&FlagInstance != 0 {
		h.InstanceID = second >> 8
		status = second & 0xff
	}
	if h.Flags&FlagLSB != 0 {
		h.LocatorStatus = status
	}
	return packet[DataHeaderSize:], nil
}

// Append appends the header to dst. It refuses a header that Decode could not
// return: contradictory flags, or a value without its flag or too large.
func (h *DataHeader) Append(dst []byte) ([]byte, error) {
	if err := h.valid(); err != nil {
		return dst, err
	}
	second := h.LocatorStatus
	if h.Flags&FlagInstance != 0 {
		second |= h.InstanceID << 8
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.Flags)<<24|h.Nonce)
	return binary.BigEndian.AppendUint32(dst, second), nil
}

func (h *DataHeader) valid() error {
	f := h.Flags
	has := func(flag Flags) bool { return f&flag != 0 }
	switch {
	case has(FlagNonce) && has(FlagMapVersion):
		return fmt.Errorf("%w: both N and V are set", ErrHeader)
	case has(FlagEchoNonce) && !has(FlagNonce):
		return fmt.Errorf("%w: E is set without N", ErrHeader)
	case has(flagReserved):
		return fmt.Errorf("%w: the reserved bit is set", ErrHeader)
	case h.Nonce > max24, h.Nonce != 0 && !has(FlagNonce|FlagMapVersion):
		return fmt.Errorf("%w: nonce %#x with flags %#02x", ErrHeader, h.Nonce, f)
	case h.InstanceID > max24, h.InstanceID != 0 && !has(FlagInstance):
		return fmt.Errorf("%w: instance-id %d with flags %#02x", ErrHeader, h.InstanceID, f)
	case has(FlagInstance) && h.LocatorStatus > 0xff, h.LocatorStatus != 0 && !has(FlagLSB):
		return fmt.Errorf("%w: locator-status-bits %#x with flags %#02x", ErrHeader, h.LocatorStatus, f)
	}
	return nil
}
