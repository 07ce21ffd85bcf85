package lisp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// EID is an EID-prefix in its instance: the key of a mapping. It is
// comparable; two are the same prefix exactly when they are equal and both
// Prefix.Masked, as all that this package returns are.
//
// An instance-id has 32 bits in control messages, of which a data packet
// carries 24 (RFC 8060 §4.1).
type EID struct {
	InstanceID uint32
	Prefix     netip.Prefix
}

// EIDOf returns the EID of one address: a /32 or a /128.
func EIDOf(instance uint32, addr netip.Addr) EID {
	return EID{instance, netip.PrefixFrom(addr, addr.BitLen())}
}

// String returns "[instance-id]prefix", and the prefix alone in instance 0.
func (e EID) String() string {
	if e.InstanceID == 0 {
		return e.Prefix.String()
	}
	return "[" + strconv.FormatUint(uint64(e.InstanceID), 10) + "]" + e.Prefix.String()
}

// ParseEID reads what String writes; an address alone is its own prefix, and
// host bits are cleared.
func ParseEID(s string) (EID, error) {
	var e EID
	rest := s
	if strings.HasPrefix(s, "[") {
		digits, after, ok := strings.Cut(s[1:], "]")
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil {
			return EID{}, fmt.Errorf("EID %q: want an instance-id of 0 to 4294967295 in its brackets, as in [7]10.1.0.0/16", s)
		}
		e.InstanceID, rest = uint32(n), after
	}
	if !strings.Contains(rest, "/") {
		addr, err := netip.ParseAddr(rest)
		if err != nil || addr.Zone() != "" {
			return EID{}, fmt.Errorf("EID %q: want an IP address or prefix, as in 10.1.0.11 or 10.1.0.0/16", s)
		}
		return EIDOf(e.InstanceID, addr), nil
	}
	prefix, err := netip.ParsePrefix(rest)
	if err != nil {
		return EID{}, fmt.Errorf("EID %q: want an IP address or prefix, as in 10.1.0.11 or 10.1.0.0/16", s)
	}
	e.Prefix = prefix.Masked()
	return e, nil
}
