package controller

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// Preview is what another configuration would change on one switch.
type Preview struct {
	Switch   string
	Updates  []p4rt.Update // sorted by key
	Problems []string      // that there are not now
	Tables   []TableChange // those that the updates fill or empty
}

// TableChange is how full a table is to be, now and then.
type TableChange struct {
	Table           string
	Size, Now, Then int
}

// Preview returns what Apply of a complete configuration would write, switch by
// switch; those that stay as they are are left out. Mappings are those in use,
// with what the sites' own RLOCs change of them. Nothing is changed.
func (c *Controller) Preview(cfg *config.Config) ([]Preview, error) {
	c.desired.RLock()
	defer c.desired.RUnlock()
	next := *c.state
	next.Config, next.channels, next.taking = cfg, newChannelTable(cfg.Channels), nil
	var err error
	if next.table, err = c.previewMappings(cfg); err != nil {
		return nil, err
	}
	var list []Preview
	for i := range cfg.Switches {
		sw := &cfg.Switches[i]
		before, err := c.planOf(sw.Name)
		if err != nil {
			return nil, err
		}
		p, err := before.preview(&next, sw)
		if err != nil {
			return nil, fmt.Errorf("switch %s: %w", sw.Name, err)
		}
		if len(p.Updates)+len(p.Problems) > 0 {
			list = append(list, p)
		}
	}
	return list, nil
}

// planOf is the plan of a switch, ours or not; of one that is new it is
// empty.
func (c *Controller) planOf(name string) (*plan, error) {
	if o := c.owners[name]; o != nil {
		return o.plan, nil
	}
	p := newPlan()
	if sw := c.state.Config.FindSwitch(name); sw != nil {
		if err := p.build(c.state, sw); err != nil {
			return nil, fmt.Errorf("switch %s: %w", name, err)
		}
	}
	return p, nil
}

// previewMappings are the mappings in use if cfg were applied.
func (c *Controller) previewMappings(cfg *config.Config) (table, error) {
	then, err := newTable(StaticMappings(cfg))
	if err != nil {
		return nil, err
	}
	now, err := newTable(StaticMappings(c.state.Config))
	if err != nil {
		return nil, err
	}
	all := maps.Clone(c.state.table)
	if all == nil {
		all = table{}
	}
	for eid, m := range now {
		if have := all[eid]; then[eid] == nil && have != nil && slices.Equal(have.RLOCs, m.RLOCs) {
			delete(all, eid)
		}
	}
	for eid, m := range then {
		was, have := now[eid], all[eid]
		if have == nil || was != nil && slices.Equal(have.RLOCs, was.RLOCs) {
			all[eid] = m
		}
	}
	return all, nil
}

// preview compares the plan with what s would make of it.
func (p *plan) preview(s *State, sw *config.Switch) (Preview, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := Preview{Switch: sw.Name}
	old := p.b
	var before SwitchNumbers
	if old != nil {
		before = old.allNumbers().clone()
	} else {
		old = &builder{}
	}
	b := newBuilder(s, sw, p.learned)
	b.version = p.version + 1
	if err := b.build(before); err != nil {
		return out, err
	}
	counts := map[string]*TableChange{}
	count := func(e *p4rt.Entry, now, then int) {
		t := counts[e.Table]
		if t == nil {
			t = &TableChange{Table: e.Table, Size: s.Schema.Size(e.Table)}
			counts[e.Table] = t
		}
		if !e.Default {
			t.Now, t.Then = t.Now+now, t.Then+then
		}
	}
	for key, it := range old.items {
		count(it.entry, 1, 0)
		switch now := b.items[key]; {
		case now == nil:
			out.Updates = append(out.Updates, p4rt.Update{Op: p4rt.Delete, Object: it.entry})
		case !now.entry.Equal(it.entry):
			out.Updates = append(out.Updates, p4rt.Update{Op: p4rt.Modify, Object: now.entry})
		}
	}
	for key, it := range b.items {
		count(it.entry, 0, 1)
		if old.items[key] == nil {
			out.Updates = append(out.Updates, p4rt.Update{Op: p4rt.Insert, Object: it.entry})
		}
	}
	out.Updates = compared(out.Updates, old.groups, b.groups)
	out.Updates = compared(out.Updates, old.meters, b.meters)
	slices.SortFunc(out.Updates, func(x, y p4rt.Update) int { return cmp.Compare(x.Object.Key(), y.Object.Key()) })
	for _, table := range slices.Sorted(maps.Keys(counts)) {
		if t := counts[table]; t.Now != t.Then {
			out.Tables = append(out.Tables, *t)
		}
	}
	have := old.problemList()
	out.Problems = slices.DeleteFunc(b.problemList(), func(text string) bool { return slices.Contains(have, text) })
	return out, nil
}

// compared adds the updates that lead from some groups or meters to others.
func compared[T p4rt.Object](updates []p4rt.Update, before, after map[string]T) []p4rt.Update {
	for key, o := range after {
		switch was, existed := before[key]; {
		case !existed:
			updates = append(updates, p4rt.Update{Op: p4rt.Insert, Object: o})
		case was.String() != o.String():
			updates = append(updates, p4rt.Update{Op: p4rt.Modify, Object: o})
		}
	}
	for key, o := range before {
		if _, stays := after[key]; !stays {
			updates = append(updates, p4rt.Update{Op: p4rt.Delete, Object: o})
		}
	}
	return updates
}
