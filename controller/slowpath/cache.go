package slowpath

import (
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/gaissmai/bart"
)

// cached is a mapping that the Path brought into the map-cache.
type cached struct {
	Resolution
	version uint64 // of the plan that has it
	expires time.Time
	until   time.Time // it is not true of all its prefix any more, and goes then
	asked   time.Time // resolved or renewed last
	hits    uint64    // of the switch's entry, at used
	used    time.Time
}

// worse reports whether c is the one of two that should go first.
func (c *cached) worse(o *cached) bool {
	if negative := len(c.RLOCs) == 0; negative != (len(o.RLOCs) == 0) {
		return negative
	}
	return c.used.Before(o.used)
}

func (c *cached) has(rloc netip.Addr) bool {
	return slices.ContainsFunc(c.RLOCs, func(r config.RLOC) bool { return r.Address == rloc })
}

// mapCache is the mappings that a Path brought into the map-cache, each EID
// prefix once.
type mapCache struct {
	byEID    map[lisp.EID]*cached
	prefixes map[uint32]*bart.Table[*cached] // by instance-id
}

func newMapCache() *mapCache {
	return &mapCache{byEID: map[lisp.EID]*cached{}, prefixes: map[uint32]*bart.Table[*cached]{}}
}

func (m *mapCache) len() int                 { return len(m.byEID) }
func (m *mapCache) get(eid lisp.EID) *cached { return m.byEID[eid] }

func (m *mapCache) put(c *cached) {
	m.byEID[c.EID] = c
	t := m.prefixes[c.EID.InstanceID]
	if t == nil {
		t = new(bart.Table[*cached])
		m.prefixes[c.EID.InstanceID] = t
	}
	t.Insert(c.EID.Prefix, c)
}

func (m *mapCache) remove(eid lisp.EID) {
	delete(m.byEID, eid)
	if t := m.prefixes[eid.InstanceID]; t != nil {
		t.Delete(eid.Prefix)
	}
}

// covering is the mapping of the longest prefix that contains an EID, or nil.
func (m *mapCache) covering(eid lisp.EID) *cached {
	t := m.prefixes[eid.InstanceID]
	if t == nil {
		return nil
	}
	c, _ := t.LookupPrefix(eid.Prefix)
	return c
}

// overlapping are the mappings of prefixes that contain an EID prefix, or are
// contained.
func (m *mapCache) overlapping(eid lisp.EID) []*cached {
	t := m.prefixes[eid.InstanceID]
	if t == nil {
		return nil
	}
	var list []*cached
	for _, c := range t.Supernets(eid.Prefix) {
		list = append(list, c)
	}
	for _, c := range t.Subnets(eid.Prefix) {
		if c.EID.Prefix != eid.Prefix { // that is among both
			list = append(list, c)
		}
	}
	return list
}
