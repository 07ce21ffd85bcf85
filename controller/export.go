package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/corecast/corecast/controller/p4rt"
)

// Writes are updates that fill an empty switch: one set after the other, since
// what is referred to comes first; within a set the order does not matter.
type Writes [][]p4rt.Update

// Export returns the writes that would make an empty switch hold what the named
// one is to hold: what the configuration asks for, the mappings in use and, of a
// switch that this controller masters, what was learned.
func (c *Controller) Export(name string) (Writes, error) {
	c.desired.RLock()
	defer c.desired.RUnlock()
	if o := c.owners[name]; o != nil {
		return o.plan.holding().Writes(), nil
	}
	sw := c.state.Config.FindSwitch(name)
	if sw == nil {
		return nil, fmt.Errorf("no switch %q in the configuration", name)
	}
	p := newPlan()
	if err := p.build(c.state, sw); err != nil {
		return nil, err
	}
	return p.holding().Writes(), nil
}

// ExportHeld is Export of what the switch holds in fact. It asks the switch.
func (c *Controller) ExportHeld(ctx context.Context, name string) (Writes, error) {
	session, err := c.session(name)
	if err != nil {
		return nil, err
	}
	have, err := readHeld(ctx, session)
	if err != nil {
		return nil, err
	}
	h := &Holding{Entries: have.entries, Groups: inWrittenOrder(have.groups), Meters: have.meters}
	return h.Writes(), nil
}

// inWrittenOrder puts the replicas of groups that were read into the order in which
// they are written, by instance: a copy goes before its header. bmv2 makes them in
// that order, but tells of them in another.
func inWrittenOrder(groups []*p4rt.Group) []*p4rt.Group {
	ordered := make([]*p4rt.Group, len(groups))
	for i, g := range groups {
		ordered[i] = &p4rt.Group{ID: g.ID, Replicas: slices.SortedFunc(slices.Values(g.Replicas), func(x, y p4rt.Replica) int {
			return cmp.Or(cmp.Compare(x.Instance, y.Instance), cmp.Compare(x.Port, y.Port))
		})}
	}
	return ordered
}

// Writes fill an empty switch with a holding, always in the same order.
func (h *Holding) Writes() Writes {
	return Writes(diff(&Holding{Entries: byKey(h.Entries), Groups: byKey(h.Groups), Meters: byKey(h.Meters)}, &held{}))
}

func byKey[T p4rt.Object](objects []T) []T {
	return slices.SortedFunc(slices.Values(objects), func(x, y T) int { return cmp.Compare(x.Key(), y.Key()) })
}

// holding is all that the switch is to hold.
func (p *plan) holding() *Holding {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.unsorted()
}
