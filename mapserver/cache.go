package mapserver

import (
	"slices"
	"time"

	"github.com/gaissmai/bart"

	"github.com/corecast/corecast/lisp"
)

// upstreamCache remembers what upstream Map-Resolvers answered, for its TTL, by
// longest match. When it is full, what was put first goes first. It is not safe
// for concurrent use.
type upstreamCache struct {
	tables map[uint32]*bart.Table[*cached]
	order  []*cached // in order of put; some are not in the tables any more
	most   int
}

type cached struct {
	eid     lisp.EID
	mapping Mapping
	err     error
	until   time.Time
	gone    bool
}

func newUpstreamCache(most int) *upstreamCache {
	return &upstreamCache{tables: map[uint32]*bart.Table[*cached]{}, most: most}
}

// get returns what is remembered for an EID, with what is left of its TTL.
func (c *upstreamCache) get(now time.Time, eid lisp.EID) (Mapping, error, bool) {
	t := c.tables[eid.InstanceID]
	if t == nil {
		return Mapping{}, nil, false
	}
	e, ok := t.LookupPrefix(eid.Prefix)
	if !ok {
		return Mapping{}, nil, false
	}
	if !now.Before(e.until) {
		c.remove(e)
		return c.get(now, eid)
	}
	m := e.mapping
	m.Locators = slices.Clone(m.Locators)
	m.TTL = e.until.Sub(now)
	return m, e.err, true
}

// forget forgets all that is remembered for an EID prefix, what covers it and
// what is part of it.
func (c *upstreamCache) forget(eid lisp.EID) {
	t := c.tables[eid.InstanceID]
	if t == nil {
		return
	}
	var all []*cached
	for _, e := range t.Supernets(eid.Prefix) {
		all = append(all, e)
	}
	for _, e := range t.Subnets(eid.Prefix) {
		all = append(all, e)
	}
	for _, e := range all {
		c.remove(e)
	}
}

// put remembers an answer, or a failure.
func (c *upstreamCache) put(now time.Time, eid lisp.EID, m Mapping, err error, ttl time.Duration) {
	if ttl <= 0 {
		return
	}
	t := c.tables[eid.InstanceID]
	if t == nil {
		t = new(bart.Table[*cached])
		c.tables[eid.InstanceID] = t
	}
	if old, ok := t.Get(eid.Prefix); ok {
		old.gone = true
	}
	m.Locators = slices.Clone(m.Locators)
	e := &cached{eid: eid, mapping: m, err: err, until: now.Add(ttl)}
	t.Insert(eid.Prefix, e)
	c.order = append(c.order, e)
	for len(c.order) > c.most {
		c.remove(c.order[0])
		c.order = c.order[1:]
	}
}

func (c *upstreamCache) remove(e *cached) {
	if e.gone {
		return
	}
	e.gone = true
	t := c.tables[e.eid.InstanceID]
	t.Delete(e.eid.Prefix)
	if t.Size() == 0 {
		delete(c.tables, e.eid.InstanceID)
	}
}
