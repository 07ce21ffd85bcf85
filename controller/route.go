package controller

import (
	"net/netip"
	"slices"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
)

// route is what a switch does with the packets of a mapping: it encapsulates
// them to RLOCs, sends them natively, or drops them.
type route struct {
	shares []share
	set    string     // name of shares, where there are several
	native netip.Addr // the next hop, where there are no shares
}

func (r route) equal(o route) bool {
	return r.native == o.native && slices.Equal(r.shares, o.shares)
}

// entry is the route's for an EID prefix.
func (r route) entry(eid lisp.EID, number int) p4rt.Entry {
	f := familyOf(eid.Prefix.Addr())
	e := p4rt.Entry{Table: f.eids, Match: eidMatch(eid)}
	switch {
	case len(r.shares) == 1:
		e.Action, e.Params = build.ActionToRLOC, []p4rt.Param{param(build.ParamToRLOCRLOC, p4rt.Uint(number))}
	case len(r.shares) > 1:
		e.Action, e.Params = build.ActionToRLOCs, []p4rt.Param{param(build.ParamToRLOCsSet, p4rt.Uint(number))}
	case r.native.IsValid():
		e.Action, e.Params = familyOf(r.native).native, []p4rt.Param{param(build.ParamNative4NextHop, p4rt.Addr(r.native))}
	default:
		e.Action, e.Params = build.ActionDiscard, []p4rt.Param{param(build.ParamDiscardReason, p4rt.Uint(build.DropNoRoute))}
	}
	return e
}

// routeOf says what the switch does with a mapping. ok is false where the
// mapping has RLOCs and none can be used.
func (b *builder) routeOf(m *mapping) (r route, ok bool) {
	if m.negative() {
		if m.Action == lisp.ActionForward {
			r.native, _ = b.router(config.Transit, m.Prefix.Addr().Is6())
		}
		return r, true
	}
	r.shares = apportion(m.RLOCs, b.usable)
	if len(r.shares) == 0 {
		// All are down, or none can be reached at all: what is down may be
		// up again before we know.
		r.shares = apportion(m.RLOCs, b.reachable)
	}
	if len(r.shares) > 1 {
		r.set = setName(r.shares)
	}
	return r, len(r.shares) > 0
}

// reachable reports whether an RLOC can be encapsulated to: there is a way to
// it, and an RLOC of its family to send from.
func (b *builder) reachable(rloc netip.Addr) bool {
	_, port := b.towards(rloc)
	return port != nil && b.sourceRLOC(port, rloc.Is6()).IsValid()
}

// usable reports whether an RLOC can be encapsulated to and answers.
func (b *builder) usable(rloc netip.Addr) bool {
	return !b.learned.down[rloc] && b.reachable(rloc)
}

// noteDown has a problem say that an RLOC does not answer, while it does not.
func (b *builder) noteDown(rloc netip.Addr) {
	by := object(KindRLOC, rloc)
	delete(b.problems, by)
	if b.learned.down[rloc] {
		b.problemf(by, "RLOC %v does not answer probes: its mappings use others as far as they have any; see whether its xTR is up, or set map_cache.probe to false if it never answers", rloc)
	}
}

// concerns reports whether a mapping is for the switch's map-cache: its
// instance's, and not within its own site.
func (b *builder) concerns(eid lisp.EID) bool {
	return eid.InstanceID == b.site.InstanceID && !b.inSite(eid.Prefix)
}

// mappings fill the map-cache and the RLOCs it refers to: directly where one
// RLOC takes all traffic of a mapping, else through a set of buckets. Mappings
// that share RLOCs alike share a set, so that a site with several prefixes gets
// one payload copy.
func (b *builder) mappings(before SwitchNumbers) {
	var rlocs, sets []string
	var found []*mapping
	collect := func(m *mapping) {
		found = append(found, m)
		r, _ := b.routeOf(m)
		for _, s := range r.shares {
			rlocs = append(rlocs, s.rloc.String())
		}
		if r.set != "" {
			sets = append(sets, r.set)
		}
	}
	for eid, m := range b.state.table {
		if b.concerns(eid) {
			collect(m)
		}
	}
	for eid, m := range b.learned.mappings {
		if b.concerns(eid) && b.state.table[eid] == nil {
			collect(m)
		}
	}
	// What finds no number is reported by the mapping that does.
	rlocNumbers, _ := allot(before.RLOCs, rlocs, 0, build.MaxRLOCs)
	setNumbers, _ := allot(before.Sets, sets, 1, maxSets)
	b.rlocs, b.sets = newNumbering(rlocNumbers, 0, build.MaxRLOCs), newNumbering(setNumbers, 1, maxSets)
	for _, m := range found {
		b.setMapping(m.EID(), m)
	}
	for rloc := range b.learned.down {
		b.noteDown(rloc)
	}
}

// maxSets is how many sets of RLOCs a switch has room for; 0 is none.
const maxSets = build.MaxRLOCSets/build.RLOCBuckets + 1

// setMapping makes what the switch is to hold of a mapping so; nil removes it.
func (b *builder) setMapping(eid lisp.EID, m *mapping) {
	key := eidKey(eid)
	old := b.items[key]
	by := object(KindMapping, eid)
	delete(b.problems, by)
	delete(b.unplaced, eid)
	if old != nil && old.of == nil {
		if m != nil {
			b.problemf(by, "mapping %v is not used: the switch has %v", eid, old.entry)
			b.unplaced[eid] = m
		}
		return
	}
	var next *item
	if m != nil {
		if next = b.mappingItem(by, m); next == nil {
			b.unplaced[eid] = m
		}
	}
	if next != nil {
		key = next.entry.Key() // which all switches share
	}
	b.put(key, next)
	if old != nil {
		b.leave(old.use)
	}
}

// mappingItem uses the RLOCs of a mapping and returns its entry; nil if that
// cannot be.
func (b *builder) mappingItem(by Object, m *mapping) *item {
	r, ok := b.routeOf(m)
	if !ok {
		b.problemf(by, "mapping %v has no usable RLOC; give its site one with a priority below %d, of a family in which "+
			"site %s has an RLOC of this switch, in a transit port's subnet or behind its next_hop", m.Prefix, unusable, b.site.Name)
		return nil
	}
	number, ok := b.useRoute(by, r)
	if !ok {
		return nil
	}
	it, err := m.item(b.state.Schema, r, number)
	if err != nil { // of the mapping alone: the others are not to suffer
		b.problemf(by, "mapping %v cannot be an entry: %v", m.Prefix, err)
		b.leave(r)
		return nil
	}
	return it
}

// useRoute makes what a route refers to available, and returns its number.
func (b *builder) useRoute(by Object, r route) (number int, ok bool) {
	switch len(r.shares) {
	case 0:
		return 0, true
	case 1:
		return b.useRLOC(by, r.shares[0].rloc)
	}
	number, first, ok := b.sets.use(r.set)
	if !ok {
		b.noRoom(by, "set of RLOCs", r.set, build.MaxRLOCSets/build.RLOCBuckets)
		return 0, false
	}
	if first && !b.fillSet(by, number, r) {
		b.sets.leave(r.set, b.version)
		return 0, false
	}
	return number, true
}

// leave ends the use of what a route refers to.
func (b *builder) leave(r route) {
	switch {
	case len(r.shares) == 1:
		b.leaveRLOC(r.shares[0].rloc)
	case len(r.shares) > 1:
		number := b.sets.numbers[r.set]
		if b.sets.leave(r.set, b.version) {
			b.emptySet(number, r)
		}
	}
}

// fillSet uses the RLOCs of a set and fills its buckets; false if an RLOC has
// no number.
func (b *builder) fillSet(by Object, set int, r route) bool {
	for i, s := range r.shares {
		if _, ok := b.useRLOC(by, s.rloc); !ok {
			for _, used := range r.shares[:i] {
				b.leaveRLOC(used.rloc)
			}
			return false
		}
	}
	b.by = object(KindRLOCSet, r.set)
	for bucket, rloc := range r.buckets() {
		e := bucketEntry(set, bucket)
		e.Action, e.Params = build.ActionPick, []p4rt.Param{param(build.ParamPickRLOC, p4rt.Uint(b.rlocs.numbers[rloc.String()]))}
		b.add(e)
	}
	return true
}

func (b *builder) emptySet(set int, r route) {
	for bucket := range r.buckets() {
		e := bucketEntry(set, bucket)
		b.put(e.Key(), nil)
	}
	for _, s := range r.shares {
		b.leaveRLOC(s.rloc)
	}
}

// buckets are the RLOCs of a set, bucket by bucket.
func (r route) buckets() []netip.Addr {
	var all []netip.Addr
	for _, s := range r.shares {
		for range s.buckets {
			all = append(all, s.rloc)
		}
	}
	return all
}

func bucketEntry(set, bucket int) p4rt.Entry {
	return p4rt.Entry{Table: build.TableRLOCSets, Match: []p4rt.Match{
		p4rt.Exact(build.FieldRLOCSetsSet, p4rt.Uint(set)),
		p4rt.Exact(build.FieldRLOCSetsBucket, p4rt.Uint(bucket)),
	}}
}

// useRLOC makes a reachable RLOC so under its number.
func (b *builder) useRLOC(by Object, rloc netip.Addr) (number int, ok bool) {
	number, first, ok := b.rlocs.use(rloc.String())
	if !ok {
		b.noRoom(by, "RLOC", rloc, build.MaxRLOCs)
		return 0, false
	}
	if first {
		nextHop, port := b.towards(rloc)
		b.by = object(KindRLOC, rloc)
		e := rlocEntry(number)
		e.Action, e.Params = familyOf(rloc).encap, []p4rt.Param{
			param(build.ParamEncap4SourceRLOC, p4rt.Addr(b.sourceRLOC(port, rloc.Is6()))),
			param(build.ParamEncap4RLOC, p4rt.Addr(rloc)),
			param(build.ParamEncap4NextHop, p4rt.Addr(nextHop)),
		}
		b.add(e)
	}
	return number, true
}

func (b *builder) leaveRLOC(rloc netip.Addr) {
	number := b.rlocs.numbers[rloc.String()]
	if b.rlocs.leave(rloc.String(), b.version) {
		e := rlocEntry(number)
		b.put(e.Key(), nil)
	}
}

func rlocEntry(number int) p4rt.Entry {
	return p4rt.Entry{Table: build.TableRLOCs, Match: []p4rt.Match{p4rt.Exact(build.FieldRLOCsRLOC, p4rt.Uint(number))}}
}
