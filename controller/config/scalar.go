package config

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Target is the kind of switch behind a P4Runtime address.
type Target string

// Targets.
const (
	Softswitch Target = "softswitch"
	BMv2       Target = "bmv2"
)

// Role is what a switch port faces.
type Role string

// Port roles.
const (
	Local   Role = "local"   // sources and viewers
	Transit Role = "transit" // the RLOC space
	Loop    Role = "loop"    // the switch itself, to grow packets on stock bmv2
)

// AcceptStreams is a site's policy for CoreCast streams from elsewhere.
type AcceptStreams string

// Policies for streams.
const (
	AcceptKnown AcceptStreams = "known" // of channels the controller knows
	AcceptAny   AcceptStreams = "any"   // and new ones, from any RLOC
	AcceptNone  AcceptStreams = "none"
)

// Delivery is how a stream reaches the viewers of a site.
type Delivery string

// Deliveries.
const (
	Unicast   Delivery = "unicast"
	Multicast Delivery = "multicast"
)

// Replay is which Map-Registers count as replayed.
type Replay string

// Replay protections.
const (
	ReplayMonotonic Replay = "monotonic" // nonces must grow, for each xTR-ID and key
	ReplayStrict    Replay = "strict"    // and xTRs must say their xTR-ID, and never repeat themselves
	ReplayOff       Replay = "off"       // any nonce: for xTRs that send random ones
)

// YesNo is a yes or no that has a default: the zero value means that neither is
// given.
type YesNo string

// What a YesNo can be.
const (
	Yes YesNo = "true"
	No  YesNo = "false"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (y *YesNo) UnmarshalText(b []byte) error { return oneOf(y, b, Yes, No) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Target) UnmarshalText(b []byte) error { return oneOf(t, b, Softswitch, BMv2) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Role) UnmarshalText(b []byte) error { return oneOf(r, b, Local, Transit, Loop) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *AcceptStreams) UnmarshalText(b []byte) error {
	return oneOf(a, b, AcceptKnown, AcceptAny, AcceptNone)
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Delivery) UnmarshalText(b []byte) error { return oneOf(d, b, Unicast, Multicast) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Replay) UnmarshalText(b []byte) error {
	return oneOf(r, b, ReplayMonotonic, ReplayStrict, ReplayOff)
}

func oneOf[T ~string](dst *T, text []byte, allowed ...T) error {
	if v := T(text); slices.Contains(allowed, v) {
		*dst = v
		return nil
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	return fmt.Errorf("must be %s", joinOr(names))
}

func joinOr(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// MAC is an Ethernet address; the zero value means that none is given.
type MAC [6]byte

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *MAC) UnmarshalText(b []byte) error {
	hw, err := net.ParseMAC(string(b))
	if err != nil || len(hw) != len(m) {
		return fmt.Errorf("must be a MAC address such as \"02:00:00:00:00:10\"")
	}
	copy(m[:], hw)
	return nil
}

func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// IsZero reports whether no address is given.
func (m MAC) IsZero() bool { return m == MAC{} }

// IsUnicast reports whether a single station can have the address.
func (m MAC) IsUnicast() bool { return !m.IsZero() && m[0]&1 == 0 }

// PortMAC derives the MAC address of a switch port for which none is
// configured: locally administered, the same on every start, different for
// every switch and port.
func PortMAC(switchName string, port uint16) MAC {
	sum := sha256.Sum256(binary.BigEndian.AppendUint16([]byte(switchName+"\x00"), port))
	m := MAC(sum[:6])
	m[0] = m[0]&^0x03 | 0x02
	return m
}

// Duration is a time span.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < time.Second {
		return fmt.Errorf("must be a time of 1s or more with its unit, such as 90s, 3m or 24h")
	}
	*d = Duration(v)
	return nil
}

// Rate is media bits a second; 0 means unlimited.
type Rate uint64

var rateUnits = []struct {
	suffix string
	factor float64
}{{"Gbps", 1e9}, {"Mbps", 1e6}, {"kbps", 1e3}, {"bps", 1}}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(b []byte) error {
	const want = "must be a rate with its unit, such as 4Mbps, 384kbps or 1.5Gbps"
	for _, u := range rateUnits {
		digits, ok := strings.CutSuffix(string(b), u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil || !(v > 0) || v*u.factor > 1e15 || v*u.factor < 1 {
			return fmt.Errorf(want)
		}
		*r = Rate(v*u.factor + 0.5)
		return nil
	}
	return fmt.Errorf(want)
}

// Secret is key material; it prints as *** wherever it is logged.
type Secret string

func (Secret) String() string { return "***" }

// GoString keeps %#v from printing the secret.
func (Secret) GoString() string { return "***" }
