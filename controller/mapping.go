package controller

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
)

// Mapping is an entry of the map-cache: an EID prefix and the RLOCs behind
// which it is, or what else to do with packets for it.
type Mapping struct {
	InstanceID uint32
	Prefix     netip.Prefix
	RLOCs      []config.RLOC
	// Action says what happens where there are no RLOCs: Natively-Forward
	// sends by plain IP to the transit router, everything else drops.
	Action lisp.Action
}

// EID is the mapping's key.
func (m *Mapping) EID() lisp.EID { return lisp.EID{InstanceID: m.InstanceID, Prefix: m.Prefix} }

// negative reports whether the mapping says that there are no RLOCs.
func (m *Mapping) negative() bool { return len(m.RLOCs) == 0 }

func (m *Mapping) equal(o *Mapping) bool {
	return m.EID() == o.EID() && m.Action == o.Action && slices.Equal(m.RLOCs, o.RLOCs)
}

// StaticMappings are the mappings that the configuration itself knows: every
// site's prefixes at its RLOCs.
func StaticMappings(cfg *config.Config) []Mapping {
	var ms []Mapping
	for _, s := range cfg.Sites {
		for _, prefix := range s.EIDPrefixes {
			if len(s.RLOCs) > 0 {
				ms = append(ms, Mapping{InstanceID: s.InstanceID, Prefix: prefix, RLOCs: s.RLOCs})
			}
		}
	}
	return ms
}

// mapping is a Mapping as all switches share it: those that say the same of it
// hold the very same entry, so that a mapping costs a switch no more than a
// pointer.
type mapping struct {
	Mapping
	learned bool // by one switch alone

	mu    sync.Mutex // guards items
	items []*item    // one for each way that a switch says it
}

// table is the mappings in use, by EID.
type table map[lisp.EID]*mapping

// newTable indexes mappings; each EID prefix must be there once. The error names
// those that are left out.
func newTable(ms []Mapping) (table, error) {
	t := make(table, len(ms))
	var errs []error
	for i := range ms {
		eid := ms[i].EID()
		switch {
		case !eid.Prefix.IsValid() || eid.Prefix != eid.Prefix.Masked():
			errs = append(errs, fmt.Errorf("mapping %v: want a prefix without host bits", eid))
		case t[eid] != nil:
			errs = append(errs, fmt.Errorf("two mappings of %v: want one, with all its RLOCs", eid))
		default:
			t[eid] = &mapping{Mapping: ms[i]}
		}
	}
	return t, errors.Join(errs...)
}

// longest is the mapping that covers an EID, or nil.
func (t table) longest(instance uint32, eid netip.Addr) *mapping {
	for bits := eid.BitLen(); bits >= 0; bits-- {
		prefix, _ := eid.Prefix(bits)
		if m := t[lisp.EID{InstanceID: instance, Prefix: prefix}]; m != nil {
			return m
		}
	}
	return nil
}

// eidMatch is how a table of EIDs matches an EID prefix.
func eidMatch(e lisp.EID) []p4rt.Match {
	return []p4rt.Match{
		p4rt.Exact(build.FieldEids4InstanceID, p4rt.Uint(e.InstanceID)),
		p4rt.LPM(build.FieldEids4EID, p4rt.Addr(e.Prefix.Addr()), e.Prefix.Bits()),
	}
}

// eidKey is the key of the canonical entry of an EID prefix.
func eidKey(e lisp.EID) string {
	match := eidMatch(e)
	if e.Prefix.Bits() == 0 {
		match = match[:1] // does not matter
	}
	entry := p4rt.Entry{Table: familyOf(e.Prefix.Addr()).eids, Match: match}
	return entry.Key()
}

// item returns the entry that says r of the mapping, with number for what it
// refers to.
func (m *mapping) item(schema *p4rt.Schema, r route, number int) (*item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, it := range m.items {
		if it.number == number && it.use.equal(r) {
			return it, nil
		}
	}
	entry := r.entry(m.EID(), number)
	canonical, err := schema.Canonical(&entry)
	if err != nil {
		return nil, err
	}
	it := &item{entry: canonical, objects: []Object{object(KindMapping, m.EID())}, of: m, use: r, number: number}
	m.items = append(m.items, it)
	return it, nil
}
