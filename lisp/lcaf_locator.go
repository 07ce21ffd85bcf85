package lisp

import (
	"encoding/binary"
	"fmt"
)

// The LCAFs that say more about a locator than one address can.

// AFIList is any number of addresses, RFC 8060 §4.10:
//
//	+-------------------------------+-------------------------------+
//	|              AFI = x          |         Address  ...          |
//	+-------------------------------+-------------------------------+
//	|              AFI = y          |         Address  ...          |
//	+-------------------------------+-------------------------------+
type AFIList struct {
	Addresses []Address
}

// Type returns LCAFAFIList.
func (l *AFIList) Type() LCAFType { return LCAFAFIList }

func (l *AFIList) decode(c *cursor, _ byte) {
	for c.err == nil && len(c.rest) > 0 {
		next(&l.Addresses).decode(c)
	}
}

func (l *AFIList) append(dst []byte) ([]byte, byte, error) {
	var err error
	for i := 0; err == nil && i < len(l.Addresses); i++ {
		dst, err = l.Addresses[i].append(dst)
	}
	return dst, 0, err
}

func (l *AFIList) visit(f func(*Address)) {
	for i := range l.Addresses {
		f(&l.Addresses[i])
	}
}

// ELP is an explicit locator path, RFC 8060 §4.6:
//
//	+-------------------------+-+-+-+-------------------------------+
//	|           Rsvd3         |L|P|S|           AFI = x             |
//	+-------------------------+-+-+-+-------------------------------+
//	|                         Reencap Hop  ...                      |
//	+---------------------------------------------------------------+
type ELP struct {
	Hops []Hop
}

// Hop is one re-encapsulator of an ELP.
type Hop struct {
	Lookup  bool // L: look the address up, do not encapsulate to it
	Probe   bool // P: may be RLOC-probed
	Strict  bool // S: must not be skipped
	Address Address
}

// Type returns LCAFELP.
func (l *ELP) Type() LCAFType { return LCAFELP }

func (l *ELP) decode(c *cursor, _ byte) {
	for c.err == nil && len(c.rest) > 0 {
		hop := next(&l.Hops)
		flags := c.uint16("ELP hop")
		hop.Lookup, hop.Probe, hop.Strict = flags&4 != 0, flags&2 != 0, flags&1 != 0
		hop.Address.decode(c)
	}
}

func (l *ELP) append(dst []byte) ([]byte, byte, error) {
	var err error
	for i := 0; err == nil && i < len(l.Hops); i++ {
		hop := &l.Hops[i]
		dst = append(dst, 0, bit(hop.Lookup, 4)|bit(hop.Probe, 2)|bit(hop.Strict, 1))
		dst, err = hop.Address.append(dst)
	}
	return dst, 0, err
}

func (l *ELP) visit(f func(*Address)) {
	for i := range l.Hops {
		f(&l.Hops[i].Address)
	}
}

// NAT tells an xTR and a Map-Server how they look from across a NAT, RFC 8060
// §4.4:
//
//	+-------------------------------+-------------------------------+
//	|       MS UDP Port Number      |      ETR UDP Port Number      |
//	+-------------------------------+-------------------------------+
//	|              AFI = x          |  Global ETR RLOC Address  ... |
//	+-------------------------------+-------------------------------+
//	|              AFI = x          |       MS RLOC Address  ...    |
//	+-------------------------------+-------------------------------+
//	|              AFI = x          | Private ETR RLOC Address  ... |
//	+-------------------------------+-------------------------------+
//	|              AFI = x          |      RTR RLOC Address k ...   |
//	+-------------------------------+-------------------------------+
type NAT struct {
	MSPort, ETRPort           uint16
	GlobalETR, MS, PrivateETR Address
	RTRs                      []Address
}

// Type returns LCAFNAT.
func (l *NAT) Type() LCAFType { return LCAFNAT }

func (l *NAT) decode(c *cursor, _ byte) {
	l.MSPort, l.ETRPort = c.uint16("MS port"), c.uint16("ETR port")
	l.GlobalETR.decode(c)
	l.MS.decode(c)
	l.PrivateETR.decode(c)
	for c.err == nil && len(c.rest) > 0 {
		next(&l.RTRs).decode(c)
	}
}

func (l *NAT) append(dst []byte) (out []byte, _ byte, err error) {
	out = binary.BigEndian.AppendUint16(dst, l.MSPort)
	out = binary.BigEndian.AppendUint16(out, l.ETRPort)
	l.visit(func(a *Address) {
		if err == nil {
			out, err = a.append(out)
		}
	})
	return out, 0, err
}

func (l *NAT) visit(f func(*Address)) {
	f(&l.GlobalETR)
	f(&l.MS)
	f(&l.PrivateETR)
	for i := range l.RTRs {
		f(&l.RTRs[i])
	}
}

// Geo is an address with the place where it is, RFC 8060 §4.3:
//
//	+-+-----------------------------+---------------+---------------+
//	|N|     Latitude Degrees        |    Minutes    |    Seconds    |
//	+-+-----------------------------+---------------+---------------+
//	|E|     Longitude Degrees       |    Minutes    |    Seconds    |
//	+-+-----------------------------+---------------+---------------+
//	|                            Altitude                           |
//	+-------------------------------+-------------------------------+
//	|              AFI = x          |         Address  ...          |
//	+-------------------------------+-------------------------------+
type Geo struct {
	North, East         bool
	Latitude, Longitude Angle
	Altitude            int32 // meters; NoAltitude if not known
	Address             Address
}

// Angle is a latitude of up to 90 degrees or a longitude of up to 180.
type Angle struct {
	Degrees          uint16
	Minutes, Seconds uint8
}

// NoAltitude says that a Geo has no altitude.
const NoAltitude = 0x7fffffff

const flagPositive = 0x8000 // N or E

// Type returns LCAFGeo.
func (l *Geo) Type() LCAFType { return LCAFGeo }

func (l *Geo) decode(c *cursor, _ byte) {
	l.North, l.Latitude = decodeAngle(c, 90)
	l.East, l.Longitude = decodeAngle(c, 180)
	l.Altitude = int32(c.uint32("altitude"))
	l.Address.decode(c)
}

func decodeAngle(c *cursor, most uint16) (positive bool, a Angle) {
	word := c.uint32("geo-coordinate")
	degrees := uint16(word >> 16)
	a = Angle{degrees &^ flagPositive, uint8(word >> 8), uint8(word)}
	if !a.valid(most) {
		c.fail(fmt.Errorf("%w: coordinate of %d degrees %d minutes %d seconds", ErrLCAF, a.Degrees, a.Minutes, a.Seconds))
	}
	return degrees&flagPositive != 0, a
}

func (a Angle) valid(most uint16) bool {
	return a.Degrees <= most && a.Minutes < 60 && a.Seconds < 60
}

func (l *Geo) append(dst []byte) ([]byte, byte, error) {
	if !l.Latitude.valid(90) || !l.Longitude.valid(180) {
		return dst, 0, fmt.Errorf("%w: coordinates %v, %v", ErrValue, l.Latitude, l.Longitude)
	}
	out := appendAngle(dst, l.North, l.Latitude)
	out = appendAngle(out, l.East, l.Longitude)
	out, err := l.Address.append(binary.BigEndian.AppendUint32(out, uint32(l.Altitude)))
	return out, 0, err
}

func appendAngle(dst []byte, positive bool, a Angle) []byte {
	if positive {
		a.Degrees |= flagPositive
	}
	return append(binary.BigEndian.AppendUint16(dst, a.Degrees), a.Minutes, a.Seconds)
}

func (l *Geo) visit(f func(*Address)) { f(&l.Address) }

// JSON is an address with a JSON text, RFC 8060 §5.4. The B bit is the lowest
// of the header's Rsvd2:
//
//	+-------------------------------+-------------------------------+
//	|           JSON length         | JSON binary/text encoding ... |
//	+-------------------------------+-------------------------------+
//	|              AFI = x          |       Optional Address ...    |
//	+-------------------------------+-------------------------------+
type JSON struct {
	Binary  bool // B: Text is binary JSON
	Text    []byte
	Address Address
}

// Type returns LCAFJSON.
func (l *JSON) Type() LCAFType { return LCAFJSON }

func (l *JSON) decode(c *cursor, rsvd2 byte) {
	l.Binary = rsvd2&1 != 0
	l.Text = c.take(int(c.uint16("JSON length")), "JSON text")
	l.Address.decode(c)
}

func (l *JSON) append(dst []byte) ([]byte, byte, error) {
	if len(l.Text) > 0xffff {
		return dst, 0, fmt.Errorf("%w: JSON text of %d bytes", ErrValue, len(l.Text))
	}
	out := binary.BigEndian.AppendUint16(dst, uint16(len(l.Text)))
	out, err := l.Address.append(append(out, l.Text...))
	return out, bit(l.Binary, 1), err
}

func (l *JSON) visit(f func(*Address)) { f(&l.Address) }
