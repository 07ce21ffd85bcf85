package controller

import (
	"errors"
	"fmt"

	"github.com/corecast/corecast/lisp"
)

// updates are the mappings that changed, by EID; nil: gone.
type updates map[lisp.EID]*mapping

func (u updates) applyTo(t table) {
	for eid, m := range u {
		if m == nil {
			delete(t, eid)
		} else {
			t[eid] = m
		}
	}
}

// SetMappings makes ms the mappings in use, instead of the configuration's own:
// each EID prefix of an instance once. Only what differs from the mappings
// before is computed and written. A mapping that cannot be is left out, and the
// error names it.
func (c *Controller) SetMappings(ms []Mapping) error {
	next, wrong := newTable(ms)
	c.desired.Lock()
	var changes change
	for eid, m := range next {
		if old := c.state.table[eid]; old == nil || !old.equal(&m.Mapping) {
			changes.set = append(changes.set, m)
		}
	}
	for eid := range c.state.table {
		if next[eid] == nil {
			changes.remove = append(changes.remove, eid)
		}
	}
	c.fed, c.updated = true, nil
	changed, err := c.change(changes)
	c.desired.Unlock()
	nudge(changed)
	return desiredErr(wrong, err)
}

func desiredErr(errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("desired state: %w", err)
	}
	return nil
}

// UpdateMappings brings mappings that are new or different into use, and ends
// the use of others. It costs what changes, whatever else is in use. A mapping
// that cannot be is left out, and the error names it.
func (c *Controller) UpdateMappings(set []Mapping, remove []lisp.EID) error {
	fresh, wrong := newTable(set)
	c.desired.Lock()
	var changes change
	for eid, m := range fresh {
		if old := c.state.table[eid]; old == nil || !old.equal(&m.Mapping) {
			changes.set = append(changes.set, m)
		}
	}
	for _, eid := range remove {
		if c.state.table[eid] != nil && fresh[eid] == nil {
			changes.remove = append(changes.remove, eid)
		}
	}
	if !c.fed {
		changes.record(&c.updated)
	}
	changed, err := c.change(changes)
	c.desired.Unlock()
	nudge(changed)
	return desiredErr(wrong, err)
}

// change is mappings that are new or different, and those that go.
type change struct {
	set    []*mapping
	remove []lisp.EID
}

// record adds the change to u.
func (ch change) record(u *updates) {
	if *u == nil {
		*u = updates{}
	}
	for _, m := range ch.set {
		(*u)[m.EID()] = m
	}
	for _, eid := range ch.remove {
		(*u)[eid] = nil
	}
}

// change changes the mappings in use, and the plans of the switches that have to
// do with them, which it returns. Its caller holds desired.
func (c *Controller) change(ch change) ([]*owner, error) {
	if len(ch.set) == 0 && len(ch.remove) == 0 {
		return nil, nil
	}
	c.mu.Lock()
	for _, m := range ch.set {
		c.state.table[m.EID()] = m
	}
	for _, eid := range ch.remove {
		delete(c.state.table, eid)
	}
	owners := c.ownersLocked()
	c.mu.Unlock()
	changed, again := make([]bool, len(owners)), make([]bool, len(owners))
	inParallel(len(owners), func(i int) {
		changed[i], again[i] = owners[i].plan.setMappings(ch.set, ch.remove)
	})
	var list, rebuilt []*owner
	for i, o := range owners {
		if again[i] {
			rebuilt = append(rebuilt, o)
		}
		if changed[i] || again[i] {
			list = append(list, o)
		}
	}
	return list, c.build(rebuilt)
}

func nudge(owners []*owner) {
	for _, o := range owners {
		o.mustWrite()
	}
}
