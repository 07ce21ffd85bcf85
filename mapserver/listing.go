package mapserver

import (
	"cmp"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/lisp"
)

const defaultListing = 1000

// Mappings lists mappings in order of instance-id and prefix.
func (s *Server) Mappings(f MappingFilter) []Mapping {
	limit := orDefault(f.Limit, defaultListing)
	var out []Mapping
	list := func(m *mapping) bool {
		if f.InstanceID != nil && m.eid.InstanceID > *f.InstanceID || len(out) >= limit {
			return false
		}
		if f.wants(m) {
			out = append(out, m.exportLocked())
		}
		return len(out) < limit
	}
	after := lisp.EID{}
	if f.InstanceID != nil {
		after.InstanceID = *f.InstanceID
	}
	if f.After != nil && f.After.InstanceID >= after.InstanceID {
		after = *f.After
	}
	if f.Within.IsValid() && f.InstanceID != nil {
		s.around(lisp.EID{InstanceID: *f.InstanceID, Prefix: f.Within.Masked()}, f.After, list)
	} else {
		s.walk(after, list)
	}
	return out
}

// walkChunk is how many mappings are looked at before those who register get
// their turn. (While they wait for the lock, so do those who look something
// up.)
const walkChunk = 256

// walk calls visit for every mapping after one in the order of listing, or for
// all of an instance and those after it if no prefix is given, until it returns
// false. What changes meanwhile may be seen or not. visit has a reader's lock.
func (s *Server) walk(after lisp.EID, visit func(*mapping) bool) {
	for {
		s.mu.RLock()
		n, last, more := 0, after, true
		for m := range s.db.after(after) {
			last = m.eid
			if more = visit(m); !more {
				break
			}
			if n++; n == walkChunk {
				break
			}
		}
		s.mu.RUnlock()
		if !more || n < walkChunk {
			return
		}
		after = last
	}
}

// around calls list for the mappings that cover a prefix, and for those within
// it, after one if given.
func (s *Server) around(eid lisp.EID, after *lisp.EID, list func(*mapping) bool) {
	s.mu.RLock()
	var covering []*mapping
	for up := s.db.above(eid); up != nil; up = s.db.above(up.eid) {
		covering = append(covering, up)
	}
	for _, m := range slices.Backward(covering) {
		if !list(m) {
			s.mu.RUnlock()
			return
		}
	}
	m := s.db.get(eid)
	if m != nil {
		list(m)
	}
	s.mu.RUnlock()
	from := eid
	if after != nil && covers(eid, *after) {
		from = *after
	}
	s.walk(from, func(m *mapping) bool { return covers(eid, m.eid) && list(m) })
}

// after yields the mappings after one in the order of listing: by instance-id,
// then IPv4 before IPv6, then by address, then wider ones first. Without a
// prefix it begins with the instance. It takes no longer the more there are
// before.
func (db *database) after(last lisp.EID) iter.Seq[*mapping] {
	return func(yield func(*mapping) bool) {
		for _, id := range slices.Sorted(maps.Keys(db.tables)) {
			if id < last.InstanceID {
				continue
			}
			start := netip.Prefix{}
			if id == last.InstanceID {
				start = last.Prefix
			}
			for p := range restOf(start) {
				for _, m := range db.tables[id].Subnets(p) {
					if m.eid.Prefix != start && !yield(m) {
						return
					}
				}
			}
		}
	}
}

// restOf yields prefixes that together contain what comes after one, in order:
// what is within it, and the neighbors to its right, from near to far.
func restOf(p netip.Prefix) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		if !p.IsValid() {
			_ = yield(allIPv4) && yield(allIPv6)
			return
		}
		if !yield(p) {
			return
		}
		b := p.Addr().AsSlice()
		for bits := p.Bits(); bits > 0; bits-- {
			i, mask := (bits-1)/8, byte(0x80)>>((bits-1)%8)
			if b[i]&mask == 0 {
				b[i] |= mask
				a, _ := netip.AddrFromSlice(b)
				if !yield(netip.PrefixFrom(a, bits)) {
					return
				}
			}
			b[i] &^= mask
		}
		if p.Addr().Is4() {
			yield(allIPv6)
		}
	}
}

var (
	allIPv4 = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	allIPv6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
)

func (f *MappingFilter) wants(m *mapping) bool {
	switch {
	case m.origin == unregistered && !f.All:
		return false
	case f.Site != "" && m.site.name != f.Site:
		return false
	case f.InstanceID != nil && m.eid.InstanceID != *f.InstanceID:
		return false
	case f.Within.IsValid() && !f.Within.Overlaps(m.eid.Prefix):
		return false
	case f.After != nil && compareEIDs(m.eid, *f.After) <= 0:
		return false
	}
	return true
}

// compareEIDs orders EID-prefixes as they are listed.
func compareEIDs(a, b lisp.EID) int {
	if c := cmp.Compare(a.InstanceID, b.InstanceID); c != 0 {
		return c
	}
	if c := a.Prefix.Addr().Compare(b.Prefix.Addr()); c != 0 {
		return c
	}
	return a.Prefix.Bits() - b.Prefix.Bits()
}
