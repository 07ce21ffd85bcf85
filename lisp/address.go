package lisp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
)

// AFI is an address family number.
type AFI uint16

// The address families whose lengths are known. Any other makes the rest of a
// message unreadable.
const (
	AFINone  AFI = 0     // no address: nothing follows
	AFIIPv4  AFI = 1     // 4 bytes
	AFIIPv6  AFI = 2     // 16 bytes
	AFI802   AFI = 6     // a MAC address of 6 bytes (RFC 8060 §4.10.2)
	AFIName  AFI = 17    // a distinguished name: ASCII up to a 0 byte (RFC 9735)
	AFILCAF  AFI = 16387 // a LISP canonical address, RFC 8060
	AFIMAC   AFI = 16389 // a MAC address of 6 bytes
	AFIEUI64 AFI = 16390 // a MAC address of 8 bytes
)

// Address is an address field of a control message with its family: an EID or
// an RLOC. The zero Address is the field of AFI 0, no address at all.
//
// An IP address is in IP, and so is one within an instance-id LCAF, with
// HasInstance set. Every other address is in Raw, whole as it is on the wire,
// from its AFI on: an LCAF (see ParseLCAF), a name or a MAC address. Raw
// aliases the packet that it was decoded from.
type Address struct {
	IP          netip.Addr
	InstanceID  uint32 // of the LCAF around IP, with HasInstance
	HasInstance bool
	Raw         []byte
}

// AFI returns the address family: of what is inside for an address within an
// instance-id LCAF.
func (a *Address) AFI() AFI {
	switch {
	case a.IP.Is4():
		return AFIIPv4
	case a.IP.IsValid():
		return AFIIPv6
	case len(a.Raw) >= 2:
		return AFI(binary.BigEndian.Uint16(a.Raw))
	}
	return AFINone
}

// String returns the address as people write it: "[7]10.0.0.1", "cpe-router",
// "LCAF 14".
func (a *Address) String() string {
	switch afi := a.AFI(); {
	case a.IP.IsValid() && a.HasInstance:
		return "[" + strconv.FormatUint(uint64(a.InstanceID), 10) + "]" + a.IP.String()
	case a.IP.IsValid():
		return a.IP.String()
	case afi == AFINone:
		return "none"
	case afi == AFILCAF:
		return fmt.Sprintf("LCAF %d", a.LCAFType())
	case afi == AFIName:
		return strconv.Quote(string(bytes.TrimRight(a.Raw[2:], "\x00")))
	}
	return hex.EncodeToString(a.Raw[2:])
}

// decode reads an AFI and the address that follows it.
func (a *Address) decode(c *cursor) {
	*a = Address{}
	start := c.rest
	switch afi := AFI(c.uint16("AFI")); afi {
	case AFINone:
		return
	case AFIIPv4:
		if b := c.take(4, "IPv4 address"); b != nil {
			a.IP = netip.AddrFrom4([4]byte(b))
		}
		return
	case AFIIPv6:
		if b := c.take(16, "IPv6 address"); b != nil {
			a.IP = netip.AddrFrom16([16]byte(b))
		}
		return
	case AFILCAF:
		if a.decodeLCAF(c) {
			return
		}
	case AFI802, AFIMAC:
		c.take(6, "MAC address")
	case AFIEUI64:
		c.take(8, "EUI-64 address")
	case AFIName:
		c.take(nameSize(c.rest), "distinguished name")
	default:
		c.fail(fmt.Errorf("%w: AFI %d", ErrAFI, afi))
	}
	if c.err == nil {
		size := len(start) - len(c.rest)
		a.Raw = start[:size:size]
	}
}

// nameSize returns the size of the name at the start of b with its 0 byte: one
// more than b has when it does not end there.
func nameSize(b []byte) int {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return i + 1
	}
	return len(b) + 1
}

// decodeLCAF reads an LCAF after its AFI. It folds an instance-id around an IP
// address into the Address and reports true; any other it steps over.
func (a *Address) decodeLCAF(c *cursor) (folded bool) {
	head := c.take(lcafHeaderSize-2, "LCAF header")
	if head == nil {
		return false
	}
	body := c.take(int(binary.BigEndian.Uint16(head[4:])), "LCAF")
	if body == nil || LCAFType(head[2]) != LCAFInstanceID {
		return false
	}
	in := cursor{rest: body}
	id := in.uint32("instance-id")
	if len(in.rest) >= 2 {
		family := AFI(binary.BigEndian.Uint16(in.rest))
		if family != AFIIPv4 && family != AFIIPv6 {
			return false
		}
	}
	a.decode(&in)
	if in.err != nil || len(in.rest) > 0 {
		c.fail(fmt.Errorf("%w: an instance-id and its address do not make its length, %d", ErrLCAF, len(body)))
		*a = Address{}
		return false
	}
	a.InstanceID, a.HasInstance = id, true
	return true
}

// wholeInstanceID is the IID mask-len of an instance-id that is not a range. RFC
// 8060 gives it no meaning there, but OpenOverlayRouter takes addresses for
// different ones when theirs differ, and sends 32.
const wholeInstanceID = 32

// append appends the AFI and the address.
func (a *Address) append(dst []byte) ([]byte, error) {
	if !a.IP.IsValid() {
		return a.appendRaw(dst)
	}
	if len(a.Raw) > 0 {
		return dst, fmt.Errorf("%w: address %s has %d raw bytes too", ErrValue, a.IP, len(a.Raw))
	}
	if a.HasInstance {
		dst = append(dst, byte(AFILCAF>>8), byte(AFILCAF&0xff), 0, 0, byte(LCAFInstanceID), wholeInstanceID)
		dst = binary.BigEndian.AppendUint16(dst, uint16(6+a.IP.BitLen()/8))
		dst = binary.BigEndian.AppendUint32(dst, a.InstanceID)
	} else if a.InstanceID != 0 {
		return dst, fmt.Errorf("%w: address %s has instance-id %d without HasInstance", ErrValue, a.IP, a.InstanceID)
	}
	return appendIP(dst, a.IP), nil
}

// appendRaw appends an address that is not an IP address.
func (a *Address) appendRaw(dst []byte) ([]byte, error) {
	if a.HasInstance || a.InstanceID != 0 {
		return dst, fmt.Errorf("%w: instance-id %d without an IP address", ErrValue, a.InstanceID)
	}
	if len(a.Raw) == 0 {
		return append(dst, 0, 0), nil
	}
	var whole Address
	c := cursor{rest: a.Raw}
	whole.decode(&c)
	if c.err != nil || len(c.rest) > 0 || whole.Raw == nil {
		return dst, fmt.Errorf("%w: raw address %x is not one that decodes to itself", ErrValue, a.Raw)
	}
	return append(dst, a.Raw...), nil
}

// appendIP appends the AFI of an IP address and the address.
func appendIP(dst []byte, ip netip.Addr) []byte {
	if ip.Is4() {
		b := ip.As4()
		return append(append(dst, 0, byte(AFIIPv4)), b[:]...)
	}
	b := ip.As16()
	return append(append(dst, 0, byte(AFIIPv6)), b[:]...)
}

// EIDPrefix is an EID-prefix of a record: an address and its mask length. IP
// addresses have their host bits cleared.
type EIDPrefix struct {
	Address
	MaskLen uint8
}

// PrefixOf returns the record's form of an EID: an instance-id LCAF unless the
// instance is 0.
func PrefixOf(e EID) EIDPrefix {
	return EIDPrefix{
		Address: Address{IP: e.Prefix.Masked().Addr(), InstanceID: e.InstanceID, HasInstance: e.InstanceID != 0},
		MaskLen: uint8(e.Prefix.Bits()),
	}
}

// EID returns the prefix as the key of a mapping; false if it is not an IP
// prefix.
func (p *EIDPrefix) EID() (EID, bool) {
	if !p.IP.IsValid() {
		return EID{}, false
	}
	return EID{p.InstanceID, netip.PrefixFrom(p.IP, int(p.MaskLen))}, true
}

// String returns the prefix as people write it.
func (p *EIDPrefix) String() string {
	return p.Address.String() + "/" + strconv.Itoa(int(p.MaskLen))
}

// decodeEID reads the address of an EID-prefix whose mask length came before.
func (p *EIDPrefix) decodeEID(c *cursor, maskLen uint8) {
	p.MaskLen = maskLen
	p.Address.decode(c)
	if !p.IP.IsValid() {
		return
	}
	masked, err := p.IP.Prefix(int(maskLen))
	if err != nil {
		c.fail(fmt.Errorf("%w: %d bits of %s", ErrMaskLen, maskLen, p.IP))
		*p = EIDPrefix{}
		return
	}
	p.IP = masked.Addr()
}

// check checks an EID-prefix before it is written.
func (p *EIDPrefix) check() error {
	if !p.IP.IsValid() {
		return nil
	}
	if masked, err := p.IP.Prefix(int(p.MaskLen)); err != nil || masked.Addr() != p.IP.WithZone("") {
		return fmt.Errorf("%w: EID-prefix %s", ErrValue, p)
	}
	return nil
}
