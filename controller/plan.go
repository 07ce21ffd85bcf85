package controller

import (
	"maps"
	"net/netip"
	"sync"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/lisp"
)

// plan is what one switch is to hold, and what of it has changed since its
// owner last took it. What changes often (a mapping, a neighbor, a channel) changes
// its own entries alone; everything else builds the plan anew and compares.
//
// Everybody may change a plan; its owner alone takes from it. Where the
// Controller's lock is needed too, it is taken first.
type plan struct {
	mu      sync.Mutex // guards what follows
	b       *builder   // nil before the first build
	learned *learned
	version uint64         // counts changes
	adopted *SwitchNumbers // for the next build, instead of b's own
	// changed holds, for the entries that have changed since the last take,
	// what they were then; nil: nothing.
	changed map[string]*p4rt.Entry
	// whole says that groups or meters have changed, which are only compared
	// with all that the switch holds.
	whole bool
}

func newPlan() *plan {
	return &plan{learned: newLearned(), changed: map[string]*p4rt.Entry{}}
}

// build makes the plan what s asks for. After an error it is as before.
func (p *plan) build(s *State, sw *config.Switch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var before SwitchNumbers
	old := p.b
	if old != nil {
		before = old.allNumbers()
	}
	if p.adopted != nil {
		before = *p.adopted
	}
	b := newBuilder(s, sw, p.learned)
	b.version = p.version + 1
	if err := b.build(before); err != nil {
		return err
	}
	p.version++
	if old == nil {
		old = &builder{}
		p.whole = true
	}
	for key, it := range old.items {
		if !sameEntry(it, b.items[key]) {
			p.replaced(key, it)
		}
	}
	for key := range b.items {
		if old.items[key] == nil {
			p.replaced(key, nil)
		}
	}
	p.whole = p.whole || !sameObjects(old.groups, b.groups) || !sameObjects(old.meters, b.meters)
	b.replaced, b.remetered = p.replaced, func() { p.whole = true }
	p.b, p.adopted = b, nil
	return nil
}

// built reports whether there is a plan at all.
func (p *plan) built() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b != nil
}

// sameObjects reports whether two sets of groups or meters are the same.
func sameObjects[T p4rt.Object](x, y map[string]T) bool {
	return maps.EqualFunc(x, y, func(x, y T) bool { return x.String() == y.String() })
}

// replaced notes that the entry of a key is not what it was.
func (p *plan) replaced(key string, before *item) {
	if _, noted := p.changed[key]; noted {
		return
	}
	p.changed[key] = nil
	if before != nil {
		p.changed[key] = before.entry
	}
}

// setMappings brings in mappings that have changed, and takes out others. It
// reports whether it changed anything, and whether streams depend on one of
// them, so that the plan must be built anew.
func (p *plan) setMappings(set []*mapping, remove []lisp.EID) (changed, rebuild bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.changed)
	p.version++
	p.b.version = p.version
	for _, m := range set {
		if eid := m.EID(); p.b.concerns(eid) {
			p.b.setMapping(eid, m)
			rebuild = rebuild || p.b.follow(eid)
		}
	}
	for _, eid := range remove {
		if p.b.concerns(eid) {
			p.b.setMapping(eid, p.learned.mappings[eid])
			rebuild = rebuild || p.b.follow(eid)
		}
	}
	return len(p.changed) > before || before > 0, rebuild
}

// follow reports whether a mapping of e says where a stream comes from.
func (b *builder) follow(e lisp.EID) bool {
	for _, source := range b.follows {
		if covers(e, b.site.InstanceID, source) {
			return true
		}
	}
	return false
}

// learn puts a mapping into this switch's map-cache alone, or with nil takes it
// out again. One that all switches have goes before it.
func (p *plan) learn(eid lisp.EID, m *mapping) (version uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learned.setMapping(eid, m)
	if !p.b.concerns(eid) || p.b.hasShared(eid) {
		return p.version
	}
	p.version++
	p.b.version = p.version
	p.b.setMapping(eid, m)
	return p.version
}

// hasShared reports whether all switches have a mapping of that very prefix.
func (b *builder) hasShared(eid lisp.EID) bool {
	if it := b.items[eidKey(eid)]; it != nil && it.of != nil {
		return !it.of.learned
	}
	m := b.unplaced[eid]
	return m != nil && !m.learned
}

// reach notes that an RLOC answers, or does not, and moves the mappings that
// name it.
func (p *plan) reach(rloc netip.Addr, up bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.learned.down[rloc] != up {
		return
	}
	if up {
		delete(p.learned.down, rloc)
	} else {
		p.learned.down[rloc] = true
	}
	p.b.noteDown(rloc)
	var moved []*mapping
	for _, it := range p.b.items {
		if it.of != nil && it.of.uses(rloc) {
			moved = append(moved, it.of)
		}
	}
	p.version++
	p.b.version = p.version
	for _, m := range moved {
		p.b.setMapping(m.EID(), m)
	}
}

// take returns the changes since the last take as updates to what the switch
// held then, and the version that they lead to. whole says that they are not
// enough: everything must be compared.
func (p *plan) take() (todo stages, version uint64, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.whole {
		return nil, p.version, true
	}
	writes, deletes := map[string][]p4rt.Update{}, map[string][]p4rt.Update{}
	for key, before := range p.changed {
		now := p.b.items[key]
		switch {
		case now == nil && before != nil:
			deletes[before.Table] = append(deletes[before.Table], p4rt.Update{Op: p4rt.Delete, Object: before})
		case now == nil || before != nil && before.Equal(now.entry):
		case before != nil || now.entry.Default:
			writes[now.entry.Table] = append(writes[now.entry.Table], p4rt.Update{Op: p4rt.Modify, Object: now.entry})
		default:
			writes[now.entry.Table] = append(writes[now.entry.Table], p4rt.Update{Op: p4rt.Insert, Object: now.entry})
		}
	}
	clear(p.changed)
	return inOrder(writes, deletes), p.version, false
}

// takeAll returns everything, to be compared with what the switch holds, and
// the changes that it was not told of.
func (p *plan) takeAll() (wanted *Holding, untold map[string]*p4rt.Entry, version uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	untold, p.changed = p.changed, map[string]*p4rt.Entry{}
	p.whole = false
	return p.b.unsorted(), untold, p.version
}

// settled says that the switch holds the plan as it was at version. That may
// make room for mappings that found none; it reports whether it did.
func (p *plan) settled(version uint64) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rlocs, sets := p.b.rlocs.settle(version), p.b.sets.settle(version)
	if !rlocs && !sets || len(p.b.unplaced) == 0 {
		return false
	}
	p.version++
	p.b.version = p.version
	before := len(p.changed)
	for eid, m := range maps.Clone(p.b.unplaced) {
		p.b.setMapping(eid, m)
	}
	return len(p.changed) > before
}

// count is how many objects the switch is to hold, and how many of them it has
// not been told of yet.
func (p *plan) count() (wanted, untold int, problems []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range p.changed {
		if p.b.items[key] != nil {
			untold++
		}
	}
	return len(p.b.items) + len(p.b.groups) + len(p.b.meters), untold, p.b.problemList()
}

// numbers are those that the plan has given.
func (p *plan) numbers() SwitchNumbers {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.allNumbers().clone()
}
