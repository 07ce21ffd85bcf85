package mapserver

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/lisp"
)

// Site is the configuration of one LISP site: what its xTRs may register, and
// how requests for its EIDs are answered.
type Site struct {
	Name       string
	InstanceID uint32
	// EIDPrefixes are what the site's xTRs may register. Where prefixes of
	// two sites overlap, the longest one decides whose an EID is.
	EIDPrefixes []netip.Prefix
	// AcceptMoreSpecifics lets xTRs register prefixes within EIDPrefixes, not
	// only these themselves.
	AcceptMoreSpecifics bool
	// RLOCs are the mapping of each of EIDPrefixes while nobody has registered
	// that very prefix.
	RLOCs []RLOC
	// AllowedLocators, unless empty, are what registered locators must be in.
	AllowedLocators []netip.Prefix
	// ProxyReply answers Map-Requests for the site whether or not its xTRs ask
	// for it (P bit of the Map-Register).
	ProxyReply bool
	// CoreCast tells requesters who ask for it that the site has CoreCast
	// switches.
	CoreCast bool
	// Deny answers Map-Requests for the site with Drop/Policy-Denied.
	Deny bool
	// Keys authenticate Map-Registers. Several are there while one replaces
	// the other.
	Keys []Key
	// Replay is which Map-Registers count as replayed.
	Replay Replay
	// MaxMappings bounds what the site's xTRs may register; 0 means 1,048,576.
	MaxMappings int
	// Timeout is how long a registration lasts without the T bit; 0 means the
	// 3 minutes of RFC 9301 §8.2.
	Timeout time.Duration
}

// RLOC is a configured locator of a site.
type RLOC struct {
	Address          netip.Addr
	Priority, Weight uint8
}

// Key is a secret that the site's xTRs share with the Map-Server.
type Key struct {
	// ID is the Key ID of Map-Registers. xTRs that know only the 16-bit key id
	// of RFC 6830 send 0, which stands for every key of their algorithm unless
	// one has ID 0.
	ID uint8
	// Algorithm is the one that must be used; lisp.AlgorithmNone allows all.
	Algorithm lisp.Algorithm
	Secret    []byte
}

// Replay is how a site is protected from Map-Registers that somebody recorded
// and sends again.
type Replay uint8

const (
	// ReplayMonotonic wants nonces that increase for each xTR-ID and key; xTRs
	// without xTR-ID share one sequence for each key. The very message that
	// came last may come again, since xTRs repeat it until they see the
	// Map-Notify: it is acknowledged and changes nothing.
	ReplayMonotonic Replay = iota
	// ReplayStrict wants an xTR-ID too, and drops even repetitions, as RFC 9301
	// §5.6 has it.
	ReplayStrict
	// ReplayOff takes any nonce: for xTRs that send random ones
	// (OpenOverlayRouter) or always 0 (NX-OS).
	ReplayOff
)

// String returns the mode as it is configured.
func (r Replay) String() string {
	switch r {
	case ReplayMonotonic:
		return "monotonic"
	case ReplayStrict:
		return "strict"
	case ReplayOff:
		return "off"
	}
	return fmt.Sprintf("replay mode %d", uint8(r))
}

const (
	registrationTimeout = 3 * time.Minute
	defaultMaxMappings  = 1 << 20
	maxKeys             = 16 // each costs an HMAC when xTRs do not say which they use
)

// check refuses sites that cannot be served, and says what would be right.
func (s *Site) check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("site %q: %s", s.Name, fmt.Sprintf(format, args...))
	}
	switch {
	case s.Name == "":
		return fmt.Errorf("a site has no name: give it one")
	case len(s.EIDPrefixes) == 0:
		return wrong("no EID-prefixes: nothing could be registered")
	case s.Replay > ReplayOff:
		return wrong("%s: want monotonic, strict or off", s.Replay)
	case s.Timeout != 0 && (s.Timeout < time.Second || s.Timeout > maxTimeout):
		return wrong("registration timeout %s: want 1s to %s, or 0 for 3m", s.Timeout, maxTimeout)
	case len(s.Keys) > maxKeys:
		return wrong("%d keys: at most %d", len(s.Keys), maxKeys)
	case s.MaxMappings < 0:
		return wrong("at most %d mappings: want 1 or more, or 0 for %d", s.MaxMappings, defaultMaxMappings)
	case len(s.RLOCs) > maxLocators:
		return wrong("%d RLOCs: at most %d", len(s.RLOCs), maxLocators)
	}
	for _, p := range s.EIDPrefixes {
		if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() || p.Addr().Zone() != "" {
			return wrong("EID-prefix %s: want a prefix without host bits, such as 10.1.0.0/16", p)
		}
	}
	for _, p := range s.AllowedLocators {
		if !p.IsValid() {
			return wrong("allowed locators %s: want a prefix such as 192.0.2.0/24", p)
		}
	}
	for _, r := range s.RLOCs {
		if !routable(r.Address) {
			return wrong("RLOC %s: want a unicast address", r.Address)
		}
	}
	return s.checkKeys(wrong)
}

func (s *Site) checkKeys(wrong func(string, ...any) error) error {
	seen := map[uint8]bool{}
	for _, k := range s.Keys {
		switch {
		case len(k.Secret) == 0:
			return wrong("key id %d has no secret", k.ID)
		case k.Algorithm != lisp.AlgorithmNone && k.Algorithm.Size() == 0:
			return wrong("key id %d has algorithm %d: want 1, 2 or 3", k.ID, k.Algorithm)
		case seen[k.ID]:
			return wrong("two keys have id %d: give each its own", k.ID)
		}
		seen[k.ID] = true
	}
	return nil
}

// routable reports whether packets could be sent to an RLOC.
func routable(a netip.Addr) bool {
	return a.IsValid() && a.Zone() == "" && !a.Is4In6() && !a.IsUnspecified() && !a.IsMulticast() &&
		!a.IsLinkLocalUnicast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
