package mappings

import (
	"hash/fnv"
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/source/dstlist"
)

// maxLocators bounds what is kept of a mapping.
const maxLocators = 32

// Mapping is what is known of an EID-prefix. It does not change.
type Mapping struct {
	Prefix netip.Prefix
	// RLOCs are those of the best priority that can be sent to; none if the
	// prefix has no LISP site, or it cannot be reached.
	RLOCs []RLOC
	// CoreCast: the site has a CoreCast ETR.
	CoreCast bool
	// Native: packets to the prefix go without LISP. Without it, and without
	// RLOCs, they go nowhere.
	Native bool
}

// RLOC is a locator, and its share of what goes to the site.
type RLOC struct {
	Address netip.Addr
	Weight  uint8
}

// mappingOf reads a record that has an IP prefix; false if it says to ask again
// for each packet, which is not to be kept.
func mappingOf(r *lisp.Record) (m Mapping, ok bool) {
	eid, _ := r.Prefix.EID()
	m.Prefix = eid.Prefix.Masked()
	if len(r.Locators) == 0 {
		m.Native = r.Action == lisp.ActionForward || r.Action == lisp.ActionNone
		return m, r.Action != lisp.ActionSendMapRequest
	}
	best := uint8(lisp.PriorityUnused)
	for i := range r.Locators {
		l := &r.Locators[i]
		if _, capable := l.Capability(); capable {
			m.CoreCast = true
			continue
		}
		switch a := l.Address.IP; {
		case !sendable(a) || l.Priority == lisp.PriorityUnused || l.Priority > best:
		case l.Priority < best:
			best, m.RLOCs = l.Priority, []RLOC{{a, l.Weight}}
		case len(m.RLOCs) < maxLocators:
			m.RLOCs = append(m.RLOCs, RLOC{a, l.Weight})
		}
	}
	return m, true
}

// sendable says whether packets can be sent to an RLOC.
func sendable(a netip.Addr) bool {
	return a.IsValid() && a.Zone() == "" && !a.Is4In6() && (a.IsGlobalUnicast() || a.IsLoopback()) &&
		a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// RLOC returns the locator that a channel's packets to the site go to; the zero
// Addr if there is none. It is the same for all viewers of the prefix: one copy
// of each payload goes there. usable, unless it is nil, says which can be used.
func (m *Mapping) RLOC(channel string, usable func(netip.Addr) bool) netip.Addr {
	total := 0
	can := func(r RLOC) bool { return usable == nil || usable(r.Address) }
	for _, r := range m.RLOCs {
		if can(r) {
			total += max(int(r.Weight), 1)
		}
	}
	if total == 0 {
		return netip.Addr{}
	}
	h := fnv.New32a()
	b, _ := m.Prefix.MarshalBinary() // of a valid prefix
	_, _ = h.Write(append(b, channel...))
	at := int(h.Sum32() % uint32(total))
	for _, r := range m.RLOCs {
		if !can(r) {
			continue
		}
		if at -= max(int(r.Weight), 1); at < 0 {
			return r.Address
		}
	}
	return netip.Addr{}
}

// Delivery is how viewers of the site are served who say nothing, with the RLOC
// that RLOC returned.
func (m *Mapping) Delivery(rloc netip.Addr) dstlist.Delivery {
	unicast := !m.CoreCast && (m.Native || rloc.IsValid())
	return dstlist.Delivery{RLOC: rloc, Unicast: unicast}
}

func (m *Mapping) equal(o *Mapping) bool {
	return m.Prefix == o.Prefix && m.CoreCast == o.CoreCast && m.Native == o.Native && slices.Equal(m.RLOCs, o.RLOCs)
}

// How long a mapping is believed before it is asked for again, whatever its TTL:
// a Map-Server that lost its memory tells nobody.
const (
	leastRefresh = 10 * time.Second
	mostRefresh  = 15 * time.Minute
)

// refreshAfter is when to ask again for a record.
func refreshAfter(r *lisp.Record) time.Duration {
	ttl, bounded := r.Lifetime()
	if !bounded {
		return mostRefresh
	}
	return min(max(ttl/5*4, leastRefresh), mostRefresh)
}
