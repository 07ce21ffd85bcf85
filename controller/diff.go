package controller

import (
	"slices"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// writeOrder is the order in which tables are filled: what is referred to
// before what refers to it, and ports last, so that a switch takes no packet
// before it knows what to do with it. Deletion goes the other way round.
var writeOrder = []string{
	build.TableTarget, build.TableNeighbors4, build.TableNeighbors6, build.TableViewers4, build.TableViewers6,
	build.TableRLOCs, build.TableRLOCSets, build.TableMyRlocs4, build.TableMyRlocs6,
	build.TableSourceRlocs4, build.TableSourceRlocs6, build.TableEids4, build.TableEids6,
	build.TableStreams4, build.TableStreams6, build.TableChannels4, build.TableChannels6, build.TablePorts,
}

// stages are updates to be made one stage after the other; within a stage the
// order does not matter.
type stages [][]p4rt.Update

func (s stages) count() int {
	n := 0
	for _, stage := range s {
		n += len(stage)
	}
	return n
}

// pending counts the wanted objects that are not right before the stages are
// made.
func (s stages) pending() int {
	keys := map[string]bool{}
	for _, stage := range s {
		for _, u := range stage {
			if u.Op != p4rt.Delete {
				keys[u.Object.Key()] = true
			}
		}
	}
	return len(keys)
}

// held is what a switch was read to hold.
type held struct {
	entries []*p4rt.Entry
	groups  []*p4rt.Group
	meters  []*p4rt.Meter // the configured cells
	lacks   []string      // what the target cannot tell
}

// diff returns what turns have into wanted: limits first, then groups, then
// what refers to them, and last what is not wanted any more.
func diff(wanted *Holding, have *held) stages {
	write, drop := diffGroups(wanted.Groups, have.groups)
	out := append(stages{diffMeters(wanted.Meters, have.meters)}, write...)
	out = append(out, diffEntries(wanted.Entries, have.entries)...)
	out = append(out, drop)
	return slices.DeleteFunc(out, func(stage []p4rt.Update) bool { return len(stage) == 0 })
}

func diffEntries(wanted, have []*p4rt.Entry) stages {
	left := make(map[string]*p4rt.Entry, len(have))
	for _, e := range have {
		left[e.Key()] = e
	}
	writes, deletes := map[string][]p4rt.Update{}, map[string][]p4rt.Update{}
	for _, e := range wanted {
		key := e.Key()
		old := left[key]
		delete(left, key)
		switch {
		case old != nil && old.Equal(e):
		case old != nil || e.Default:
			writes[e.Table] = append(writes[e.Table], p4rt.Update{Op: p4rt.Modify, Object: e})
		default:
			writes[e.Table] = append(writes[e.Table], p4rt.Update{Op: p4rt.Insert, Object: e})
		}
	}
	for _, e := range have {
		if left[e.Key()] != nil && !e.Default {
			deletes[e.Table] = append(deletes[e.Table], p4rt.Update{Op: p4rt.Delete, Object: e})
		}
	}
	return inOrder(writes, deletes)
}

// inOrder makes stages of the updates of each table.
func inOrder(writes, deletes map[string][]p4rt.Update) stages {
	var out stages
	for _, table := range writeOrder {
		out = append(out, writes[table])
	}
	for _, table := range slices.Backward(writeOrder) {
		out = append(out, deletes[table])
	}
	return slices.DeleteFunc(out, func(stage []p4rt.Update) bool { return len(stage) == 0 })
}

// diffMeters sets the wanted cells and frees all others.
func diffMeters(wanted, have []*p4rt.Meter) []p4rt.Update {
	var out []p4rt.Update
	left := map[string]*p4rt.Meter{}
	for _, m := range have {
		left[m.Key()] = m
	}
	for _, m := range wanted {
		if old := left[m.Key()]; old == nil || !old.Same(m) {
			out = append(out, p4rt.Update{Op: p4rt.Modify, Object: m})
		}
		delete(left, m.Key())
	}
	for _, m := range have {
		if left[m.Key()] != nil {
			out = append(out, p4rt.Update{Op: p4rt.Modify, Object: &p4rt.Meter{Name: m.Name, Index: m.Index}})
		}
	}
	return out
}

// diffGroups makes groups replica by replica: no target promises the order of
// replicas given at once, but bmv2 and the softswitch append what a later
// MODIFY adds. Groups that nothing wants any more are dropped last, when no
// entry refers to them.
func diffGroups(wanted, have []*p4rt.Group) (write stages, drop []p4rt.Update) {
	var replaced, inserts []p4rt.Update
	var grow []stages
	left := map[uint32]*p4rt.Group{}
	for _, g := range have {
		left[g.ID] = g
	}
	for _, g := range wanted {
		old := left[g.ID]
		delete(left, g.ID)
		if old != nil && old.SameReplicas(g) {
			continue
		}
		made := begun(g, old)
		if made == 0 {
			if old != nil {
				replaced = append(replaced, p4rt.Update{Op: p4rt.Delete, Object: old})
			}
			inserts = append(inserts, p4rt.Update{Op: p4rt.Insert, Object: &p4rt.Group{ID: g.ID, Replicas: g.Replicas[:1]}})
			made = 1
		}
		var steps stages
		for n := made + 1; n <= len(g.Replicas); n++ {
			steps = append(steps, []p4rt.Update{{Op: p4rt.Modify, Object: &p4rt.Group{ID: g.ID, Replicas: g.Replicas[:n]}}})
		}
		grow = append(grow, steps)
	}
	for _, g := range have {
		if left[g.ID] != nil && ownGroup(g.ID) {
			drop = append(drop, p4rt.Update{Op: p4rt.Delete, Object: g})
		}
	}
	return append(stages{replaced, inserts}, zip(grow)...), drop
}

// begun is how many of a wanted group's replicas, from the first on, a switch
// holds and nothing else: it was interrupted there. 0 says that the group must be
// made anew.
func begun(wanted, have *p4rt.Group) int {
	if have == nil {
		return 0
	}
	n := len(have.Replicas)
	if n >= len(wanted.Replicas) || !have.SameReplicas(&p4rt.Group{Replicas: wanted.Replicas[:n]}) {
		return 0
	}
	return n
}

// zip merges the n-th stages of all into one.
func zip(all []stages) stages {
	var out stages
	for _, s := range all {
		for i, stage := range s {
			if i == len(out) {
				out = append(out, nil)
			}
			out[i] = append(out[i], stage...)
		}
	}
	return out
}
