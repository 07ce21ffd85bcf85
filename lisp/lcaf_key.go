package lisp

import (
	"encoding/binary"
	"fmt"
)

// The LCAFs that qualify the address they are around, and so can be keys of
// the mapping system.

// InstanceID is an address in an instance, or with no address a range of
// instances. RFC 8060 §4.1, after the LCAF header, whose Rsvd2 is MaskLen:
//
//	+---------------------------------------------------------------+
//	|                         Instance ID                           |
//	+-------------------------------+-------------------------------+
//	|              AFI = x          |         Address  ...          |
//	+-------------------------------+-------------------------------+
//
// Around an IP address it is folded into Address; this type is for the rest.
type InstanceID struct {
	MaskLen uint8 // of a range of instances: how many high bits of ID count
	ID      uint32
	Address Address
}

// Type returns LCAFInstanceID.
func (l *InstanceID) Type() LCAFType { return LCAFInstanceID }

func (l *InstanceID) decode(c *cursor, rsvd2 byte) {
	l.ID = c.uint32("instance-id")
	l.Address.decode(c)
	if l.Address.AFI() != AFINone || c.err != nil {
		return
	}
	if rsvd2 > 32 {
		c.fail(fmt.Errorf("%w: %d bits of an instance-id", ErrMaskLen, rsvd2))
		return
	}
	l.MaskLen = rsvd2
	l.ID &= ^uint32(0) << (32 - rsvd2)
}

func (l *InstanceID) append(dst []byte) ([]byte, byte, error) {
	isRange := l.Address.AFI() == AFINone
	if l.MaskLen > 32 || l.MaskLen > 0 && !isRange || isRange && l.ID&^(^uint32(0)<<(32-l.MaskLen)) != 0 {
		return dst, 0, fmt.Errorf("%w: instance-id %d/%d around %s", ErrValue, l.ID, l.MaskLen, &l.Address)
	}
	out, err := l.Address.append(binary.BigEndian.AppendUint32(dst, l.ID))
	if !isRange {
		return out, wholeInstanceID, err
	}
	return out, l.MaskLen, err
}

func (l *InstanceID) visit(f func(*Address)) { f(&l.Address) }

// ASNumber is an address with the AS it belongs to, RFC 8060 §4.2:
//
//	+---------------------------------------------------------------+
//	|                           AS Number                           |
//	+-------------------------------+-------------------------------+
//	|              AFI = x          |         Address  ...          |
//	+-------------------------------+-------------------------------+
type ASNumber struct {
	AS      uint32
	Address Address
}

// Type returns LCAFASNumber.
func (l *ASNumber) Type() LCAFType { return LCAFASNumber }

func (l *ASNumber) decode(c *cursor, _ byte) {
	l.AS = c.uint32("AS number")
	l.Address.decode(c)
}

func (l *ASNumber) append(dst []byte) ([]byte, byte, error) {
	out, err := l.Address.append(binary.BigEndian.AppendUint32(dst, l.AS))
	return out, 0, err
}

func (l *ASNumber) visit(f func(*Address)) { f(&l.Address) }

// AppData is an address for certain flows only, RFC 8060 §5.1:
//
//	+-----------------------------------------------+---------------+
//	|       IP TOS, IPv6 TC, or Flow Label          |    Protocol   |
//	+-------------------------------+---------------+---------------+
//	|    Local Port (lower-range)   |    Local Port (upper-range)   |
//	+-------------------------------+-------------------------------+
//	|   Remote Port (lower-range)   |   Remote Port (upper-range)   |
//	+-------------------------------+-------------------------------+
//	|              AFI = x          |         Address  ...          |
//	+-------------------------------+-------------------------------+
type AppData struct {
	TOS                   uint32 // 24 bits: TOS, traffic class or flow label
	Protocol              uint8
	LocalLow, LocalHigh   uint16
	RemoteLow, RemoteHigh uint16
	Address               Address
}

// Type returns LCAFAppData.
func (l *AppData) Type() LCAFType { return LCAFAppData }

func (l *AppData) decode(c *cursor, _ byte) {
	first := c.uint32("TOS and protocol")
	l.TOS, l.Protocol = first>>8, uint8(first)
	l.LocalLow, l.LocalHigh = c.uint16("local port"), c.uint16("local port")
	l.RemoteLow, l.RemoteHigh = c.uint16("remote port"), c.uint16("remote port")
	l.Address.decode(c)
}

func (l *AppData) append(dst []byte) ([]byte, byte, error) {
	if l.TOS > max24 {
		return dst, 0, fmt.Errorf("%w: flow label %#x", ErrValue, l.TOS)
	}
	out := binary.BigEndian.AppendUint32(dst, l.TOS<<8|uint32(l.Protocol))
	for _, port := range [...]uint16{l.LocalLow, l.LocalHigh, l.RemoteLow, l.RemoteHigh} {
		out = binary.BigEndian.AppendUint16(out, port)
	}
	out, err := l.Address.append(out)
	return out, 0, err
}

func (l *AppData) visit(f func(*Address)) { f(&l.Address) }

// SourceDest is a key of source and destination prefix, RFC 8060 §4.8:
//
//	+-------------------------------+---------------+---------------+
//	|            Reserved           |   Source-ML   |    Dest-ML    |
//	+-------------------------------+---------------+---------------+
//	|              AFI = x          |         Source-Prefix ...     |
//	+-------------------------------+-------------------------------+
//	|              AFI = y          |     Destination-Prefix ...    |
//	+-------------------------------+-------------------------------+
type SourceDest struct {
	Source, Dest EIDPrefix
}

// Type returns LCAFSourceDest.
func (l *SourceDest) Type() LCAFType { return LCAFSourceDest }

func (l *SourceDest) decode(c *cursor, _ byte) {
	lengths := c.uint32("mask lengths")
	l.Source.decodeEID(c, uint8(lengths>>8))
	l.Dest.decodeEID(c, uint8(lengths))
}

func (l *SourceDest) append(dst []byte) ([]byte, byte, error) {
	if err := l.Source.check(); err != nil {
		return dst, 0, err
	}
	if err := l.Dest.check(); err != nil {
		return dst, 0, err
	}
	out, err := l.Source.Address.append(append(dst, 0, 0, l.Source.MaskLen, l.Dest.MaskLen))
	if err == nil {
		out, err = l.Dest.Address.append(out)
	}
	return out, 0, err
}

func (l *SourceDest) visit(f func(*Address)) {
	f(&l.Source.Address)
	f(&l.Dest.Address)
}
