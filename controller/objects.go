package controller

import (
	"cmp"
	"slices"
	"time"

	"github.com/corecast/corecast/controller/p4rt"
)

// FailingUpdate is something that a switch refuses, and who wanted it.
type FailingUpdate struct {
	Objects []Object  `json:"objects,omitempty"` // none: an entry that nobody wants and the switch keeps
	Update  string    `json:"update"`
	Why     string    `json:"why"`
	Since   time.Time `json:"since"`
}

// maxFailing bounds the failing updates that a status carries.
const maxFailing = 20

// failing lists what the switch refuses, the first of it, and how many wanted
// things it lacks for that.
func (o *owner) failing() (list []FailingUpdate, wanted int) {
	refused, _ := o.ledger.all()
	for i, r := range refused {
		if r.update.Op != p4rt.Delete {
			wanted++
		}
		if i < maxFailing {
			list = append(list, FailingUpdate{o.plan.wanters(r.update.Object.Key()), r.update.String(), r.why, r.since})
		}
	}
	return list, wanted
}

// wanters are the objects that want what has a key. What mappings share (an
// RLOC, a set of them) is wanted by the mappings too; the first few are named.
func (p *plan) wanters(key string) []Object {
	const shown = 5
	p.mu.Lock()
	defer p.mu.Unlock()
	if by, ok := p.b.wanters[key]; ok {
		return []Object{by}
	}
	it := p.b.items[key]
	if it == nil {
		return nil
	}
	all := slices.Clone(it.objects)
	if k := it.objects[0].Kind; k != KindRLOC && k != KindRLOCSet {
		return all
	}
	for _, m := range p.b.items {
		if m.of != nil && len(all) < shown && m.use.refersTo(it.objects[0]) {
			all = append(all, m.objects...)
		}
	}
	slices.SortFunc(all[1:], func(a, b Object) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// refersTo reports whether a route needs an RLOC or set.
func (r route) refersTo(o Object) bool {
	if o.Kind == KindRLOCSet {
		return r.set == o.Name
	}
	return slices.ContainsFunc(r.shares, func(s share) bool { return s.rloc.String() == o.Name })
}

// ObjectState is how far an object is on a switch.
type ObjectState string

// States of objects.
const (
	Wanted    ObjectState = "wanted"    // the switch was not told of all of it yet
	Installed ObjectState = "installed" // the switch holds all of it
	Refused   ObjectState = "failing"   // the switch refuses some of it, or it cannot be programmed
)

// ObjectStatus is the state of one object on one switch.
type ObjectStatus struct {
	Object
	Switch    string      `json:"switch"`
	State     ObjectState `json:"state"`
	Wanted    int         `json:"wanted"` // entries, groups and meter cells
	Installed int         `json:"installed"`
	Why       string      `json:"why,omitempty"`   // it is not installed, where that is known
	Since     *time.Time  `json:"since,omitempty"` // that it has been failing
}

// Objects returns the state of the objects of a kind on every switch that has
// to do with them, sorted by name and switch; with a name, only of that one.
func (c *Controller) Objects(kind Kind, name string) []ObjectStatus {
	var all []ObjectStatus
	for _, o := range c.allOwners() {
		all = append(all, o.objects(kind, name)...)
	}
	slices.SortFunc(all, func(a, b ObjectStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Switch, b.Switch))
	})
	return all
}

// knows reports whether anything of a channel or stream is wanted, or cannot be.
func (p *plan) knows(o Object) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.b.wantedBy[o]) > 0 || len(p.b.problems[o]) > 0
}

// objects is what Objects returns of one switch.
func (o *owner) objects(kind Kind, name string) []ObjectStatus {
	if name != "" && indexed(kind) && !o.plan.knows(Object{kind, name}) {
		return nil
	}
	refused, synced := o.ledger.all()
	why := make(map[string]refusedUpdate, len(refused))
	for _, r := range refused {
		why[r.update.Object.Key()] = r
	}
	found := map[Object]*ObjectStatus{}
	p := o.plan
	p.mu.Lock()
	defer p.mu.Unlock()
	count := func(by Object, key string) {
		if by.Kind != kind || name != "" && by.Name != name {
			return
		}
		s := found[by]
		if s == nil {
			s = &ObjectStatus{Object: by, Switch: o.name, State: Installed}
			found[by] = s
		}
		_, untold := p.changed[key]
		r, fails := why[key]
		s.add(fails, untold || !synced, r)
	}
	if one := (Object{kind, name}); name != "" && indexed(kind) {
		for _, key := range p.b.wantedBy[one] {
			count(one, key)
		}
	} else {
		p.b.eachWanted(kind, count)
	}
	trouble := func(by Object, problems []string) {
		if len(problems) > 0 && found[by] == nil {
			found[by] = &ObjectStatus{Object: by, Switch: o.name, State: Refused, Wanted: 1, Why: problems[0]}
		}
	}
	if name != "" {
		trouble(Object{kind, name}, p.b.problems[Object{kind, name}])
	} else {
		for by, problems := range p.b.problems {
			if by.Kind == kind {
				trouble(by, problems)
			}
		}
	}
	list := make([]ObjectStatus, 0, len(found))
	unready := o.board.unready()
	for _, s := range found {
		if s.State == Wanted {
			s.Why = unready
		}
		list = append(list, *s)
	}
	return list
}

// eachWanted calls yield with each key of what a switch is to hold and whoever
// wants it.
func (b *builder) eachWanted(kind Kind, yield func(by Object, key string)) {
	for key, it := range b.items {
		for _, by := range it.objects {
			yield(by, key)
		}
		if it.of != nil && kind == KindMapping {
			for _, s := range it.use.shares {
				e := rlocEntry(b.rlocs.numbers[s.rloc.String()])
				yield(it.objects[0], e.Key())
			}
		}
	}
	for key, by := range b.wanters {
		yield(by, key)
	}
}

// add counts one entry of the object.
func (s *ObjectStatus) add(fails, pending bool, r refusedUpdate) {
	s.Wanted++
	switch {
	case fails:
		if s.Since == nil || r.since.Before(*s.Since) {
			s.Why, s.Since = r.update.String()+": "+r.why, &r.since
		}
		s.State = Refused
	case pending:
		if s.State == Installed {
			s.State = Wanted
		}
	default:
		s.Installed++
	}
}
