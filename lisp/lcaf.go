package lisp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// LCAFType is the type of a LISP canonical address, RFC 8060 §3.
type LCAFType uint8

// The types that ParseLCAF knows. Others keep their bytes.
const (
	LCAFAFIList    LCAFType = 1
	LCAFInstanceID LCAFType = 2
	LCAFASNumber   LCAFType = 3
	LCAFAppData    LCAFType = 4
	LCAFGeo        LCAFType = 5
	LCAFNAT        LCAFType = 7
	LCAFELP        LCAFType = 10
	LCAFSourceDest LCAFType = 12
	LCAFJSON       LCAFType = 14
)

// lcafHeaderSize is the size of an LCAF's header with its AFI, RFC 8060 §3:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------------------------------+---------------+---------------+
//	|           AFI = 16387         |     Rsvd1     |     Flags     |
//	+---------------+---------------+-------------------------------+
//	|    Type       |     Rsvd2     |            Length             |
//	+---------------+---------------+-------------------------------+
const lcafHeaderSize = 8

// LCAF is a LISP canonical address with its fields: *AFIList, *InstanceID,
// *ASNumber, *AppData, *Geo, *NAT, *ELP, *SourceDest, *JSON, or *OpaqueLCAF for
// every other type.
type LCAF interface {
	// Type returns the type on the wire.
	Type() LCAFType

	// decode reads what follows the header, of which rsvd2 is the byte after
	// the type.
	decode(c *cursor, rsvd2 byte)
	// append appends what follows the header and returns rsvd2 too.
	append(dst []byte) (out []byte, rsvd2 byte, err error)
	// visit calls f with the addresses in it, one level deep.
	visit(f func(*Address))
}

// maxLCAFDepth is how deep LCAFs are followed into LCAFs.
const maxLCAFDepth = 4

// LCAFType returns the type of an LCAF, and 0 (the null body) for an address
// that is none.
func (a *Address) LCAFType() LCAFType {
	switch {
	case a.HasInstance:
		return LCAFInstanceID
	case len(a.Raw) < lcafHeaderSize || a.AFI() != AFILCAF:
		return 0
	}
	return LCAFType(a.Raw[4])
}

// newLCAF returns an empty LCAF of the type.
func newLCAF(t LCAFType) LCAF {
	switch t {
	case LCAFAFIList:
		return new(AFIList)
	case LCAFInstanceID:
		return new(InstanceID)
	case LCAFASNumber:
		return new(ASNumber)
	case LCAFAppData:
		return new(AppData)
	case LCAFGeo:
		return new(Geo)
	case LCAFNAT:
		return new(NAT)
	case LCAFELP:
		return new(ELP)
	case LCAFSourceDest:
		return new(SourceDest)
	case LCAFJSON:
		return new(JSON)
	}
	return &OpaqueLCAF{Kind: t}
}

// ParseLCAF returns the fields of an address that is an LCAF. LCAFs within it
// stay encoded, in their Address, so parsing is not recursive. The result
// aliases what a aliases.
func ParseLCAF(a Address) (LCAF, error) {
	if a.HasInstance {
		return &InstanceID{ID: a.InstanceID, Address: Address{IP: a.IP}}, nil
	}
	if a.AFI() != AFILCAF || len(a.Raw) < lcafHeaderSize {
		return nil, fmt.Errorf("%w: %s is not an LCAF", ErrLCAF, &a)
	}
	body := a.Raw[lcafHeaderSize:]
	if length := int(binary.BigEndian.Uint16(a.Raw[6:])); length != len(body) {
		return nil, fmt.Errorf("%w: length %d in an address of %d bytes", ErrLCAF, length, len(body))
	}
	l := newLCAF(a.LCAFType())
	c := cursor{rest: body}
	l.decode(&c, a.Raw[5])
	if c.err == nil && len(c.rest) > 0 {
		c.fail(fmt.Errorf("%w: %d bytes after its last field", ErrLCAF, len(c.rest)))
	}
	if c.err != nil {
		return nil, fmt.Errorf("LCAF type %d: %w", l.Type(), c.err)
	}
	return l, nil
}

// LCAFAddress returns the address field of an LCAF, as Decode would return it:
// an instance-id around an IP address is not Raw.
func LCAFAddress(l LCAF) (Address, error) {
	raw := []byte{byte(AFILCAF >> 8), byte(AFILCAF & 0xff), 0, 0, byte(l.Type()), 0, 0, 0}
	raw, rsvd2, err := l.append(raw)
	if size := len(raw) - lcafHeaderSize; err == nil && size > 0xffff {
		err = fmt.Errorf("%w: %d bytes", ErrValue, size)
	}
	if err != nil {
		return Address{}, fmt.Errorf("LCAF type %d: %w", l.Type(), err)
	}
	raw[5] = rsvd2
	binary.BigEndian.PutUint16(raw[6:], uint16(len(raw)-lcafHeaderSize))
	var a Address
	c := cursor{rest: raw}
	a.decode(&c)
	return a, c.err
}

// AppendIPs appends every IP address in a, within LCAFs too, to at most 4
// levels: what a Map-Server must look at before it lets somebody register a
// as a locator. LCAFs of unknown types hide theirs; hidden reports whether
// there was one.
func (a *Address) AppendIPs(dst []netip.Addr) (out []netip.Addr, hidden bool, err error) {
	return a.appendIPs(dst, maxLCAFDepth)
}

func (a *Address) appendIPs(dst []netip.Addr, depth int) (out []netip.Addr, hidden bool, err error) {
	if a.IP.IsValid() {
		return append(dst, a.IP), false, nil
	}
	if a.AFI() != AFILCAF {
		return dst, false, nil
	}
	return a.appendNestedIPs(dst, depth)
}

// appendNestedIPs is appendIPs for an LCAF.
func (a *Address) appendNestedIPs(dst []netip.Addr, depth int) (out []netip.Addr, hidden bool, err error) {
	if depth == 0 {
		return dst, true, fmt.Errorf("%w: more than %d within each other", ErrLCAF, maxLCAFDepth)
	}
	l, err := ParseLCAF(*a)
	if err != nil {
		return dst, true, err
	}
	_, hidden = l.(*OpaqueLCAF)
	l.visit(func(inner *Address) {
		if err != nil {
			return
		}
		var more bool
		dst, more, err = inner.appendIPs(dst, depth-1)
		hidden = hidden || more
	})
	return dst, hidden, err
}

// OpaqueLCAF is an LCAF of a type that this package does not know.
type OpaqueLCAF struct {
	Kind  LCAFType
	Rsvd2 byte   // the byte after the type, which some types use
	Body  []byte // what follows the header
}

// Type returns l.Kind.
func (l *OpaqueLCAF) Type() LCAFType { return l.Kind }

func (l *OpaqueLCAF) decode(c *cursor, rsvd2 byte) {
	l.Rsvd2, l.Body = rsvd2, c.take(len(c.rest), "body")
}

func (l *OpaqueLCAF) append(dst []byte) ([]byte, byte, error) {
	if _, opaque := newLCAF(l.Kind).(*OpaqueLCAF); !opaque {
		return dst, 0, fmt.Errorf("%w: this type has fields", ErrValue)
	}
	return append(dst, l.Body...), l.Rsvd2, nil
}

func (l *OpaqueLCAF) visit(func(*Address)) {}
