package mapserver

import (
	"github.com/gaissmai/bart"

	"github.com/corecast/corecast/lisp"
)

// database holds all mappings: for each instance a table of IPv4 and one of
// IPv6 prefixes, searched by longest match. Server.mu guards it: methods that
// change it need the lock, the others at least a reader's.
type database struct {
	tables map[uint32]*bart.Table[*mapping]
	wheel  wheel
	counts [registered + 1]int // mappings by origin
	regs   int                 // registrations
}

func newDatabase() *database { return &database{tables: map[uint32]*bart.Table[*mapping]{}} }

// get returns the mapping of this very prefix, or nil.
func (db *database) get(eid lisp.EID) *mapping {
	t := db.tables[eid.InstanceID]
	if t == nil {
		return nil
	}
	m, _ := t.Get(eid.Prefix)
	return m
}

// find returns the mapping with the longest prefix that covers an EID, or nil.
func (db *database) find(eid lisp.EID) *mapping {
	t := db.tables[eid.InstanceID]
	if t == nil {
		return nil
	}
	var m *mapping
	if eid.Prefix.IsSingleIP() {
		m, _ = t.Lookup(eid.Prefix.Addr())
	} else {
		m, _ = t.LookupPrefix(eid.Prefix)
	}
	return m
}

// above returns the mapping with the longest prefix that covers an EID-prefix
// and is shorter, or nil.
func (db *database) above(eid lisp.EID) *mapping {
	if eid.Prefix.Bits() == 0 {
		return nil
	}
	parent, _ := eid.Prefix.Addr().Prefix(eid.Prefix.Bits() - 1)
	return db.find(lisp.EID{InstanceID: eid.InstanceID, Prefix: parent})
}

// resolve returns the mapping that answers for an EID: the one with the longest
// prefix; but where a site has not registered one of its EID-prefixes, one of
// the same site that covers it without another site's between them.
func (db *database) resolve(eid lisp.EID) *mapping {
	m := db.find(eid)
	if m == nil || m.origin != unregistered {
		return m
	}
	for up := db.above(m.eid); up != nil; up = db.above(up.eid) {
		if up.site != m.site {
			break
		}
		if up.origin != unregistered {
			return up
		}
	}
	return m
}

// put makes m the mapping of its prefix and returns the one it replaces, if
// any.
func (db *database) put(m *mapping) *mapping {
	t := db.tables[m.eid.InstanceID]
	if t == nil {
		t = new(bart.Table[*mapping])
		db.tables[m.eid.InstanceID] = t
	}
	var old *mapping
	t.Modify(m.eid.Prefix, func(was *mapping, _ bool) (*mapping, bool) {
		old = was
		return m, false
	})
	if old != nil {
		db.counts[old.origin]--
		m.parts = old.parts
	} else {
		m.parts = db.divided(m.eid)
		if cover := db.above(m.eid); cover != nil {
			cover.parts = true
		}
	}
	db.counts[m.origin]++
	return old
}

// remove removes the mapping of a prefix.
func (db *database) remove(m *mapping) {
	t := db.tables[m.eid.InstanceID]
	t.Delete(m.eid.Prefix)
	db.counts[m.origin]--
	if t.Size() == 0 {
		delete(db.tables, m.eid.InstanceID)
	}
}

// within calls yield for every mapping within an EID-prefix, itself included,
// until it returns false.
func (db *database) within(eid lisp.EID, yield func(*mapping) bool) {
	t := db.tables[eid.InstanceID]
	if t == nil {
		return
	}
	for _, m := range t.Subnets(eid.Prefix) {
		if !yield(m) {
			return
		}
	}
}

// divided reports whether there are mappings within an EID-prefix, besides one
// for all of it.
func (db *database) divided(eid lisp.EID) bool {
	t := db.tables[eid.InstanceID]
	if t == nil {
		return false
	}
	for p := range t.Subnets(eid.Prefix) {
		if p.Bits() > eid.Prefix.Bits() {
			return true
		}
	}
	return false
}

// hole returns the widest prefix around an EID, of at least so many bits, that
// is not divided: nothing that it tells of an EID within is known otherwise. If
// the EID-prefix itself is divided, that is the answer.
func (db *database) hole(eid lisp.EID, least int) lisp.EID {
	at := func(bits int) lisp.EID {
		p, _ := eid.Prefix.Addr().Prefix(bits)
		return lisp.EID{InstanceID: eid.InstanceID, Prefix: p}
	}
	// A prefix within one that is not divided is not divided either.
	low, high := least, eid.Prefix.Bits()
	for low < high {
		middle := (low + high) / 2
		if db.divided(at(middle)) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return at(low)
}
