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
	build.TableTarget, build.TableNeighbors, build.TableRLOCs, build.TableMyRLOCs, build.TableStreamSources,
	build.TableEIDs, build.TableStreams, build.TableChannels, build.TablePorts,
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

// diff returns what turns held into wanted.
func diff(wanted *Holding, heldEntries []*p4rt.Entry, heldGroups []*p4rt.Group) stages {
	out := diffGroups(wanted.Groups, heldGroups)
	held := make(map[string]*p4rt.Entry, len(heldEntries))
	for _, e := range heldEntries {
		held[e.Key()] = e
	}
	writes, deletes := map[string][]p4rt.Update{}, map[string][]p4rt.Update{}
	for _, e := range wanted.Entries {
		key := e.Key()
		have := held[key]
		delete(held, key)
		switch {
		case have != nil && have.Equal(e):
		case have != nil || e.Default:
			writes[e.Table] = append(writes[e.Table], p4rt.Update{Op: p4rt.Modify, Object: e})
		default:
			writes[e.Table] = append(writes[e.Table], p4rt.Update{Op: p4rt.Insert, Object: e})
		}
	}
	for _, e := range heldEntries {
		if held[e.Key()] != nil && !e.Default {
			deletes[e.Table] = append(deletes[e.Table], p4rt.Update{Op: p4rt.Delete, Object: e})
		}
	}
	for _, table := range writeOrder {
		out = append(out, writes[table])
	}
	for _, table := range slices.Backward(writeOrder) {
		out = append(out, deletes[table])
	}
	return slices.DeleteFunc(out, func(stage []p4rt.Update) bool { return len(stage) == 0 })
}

// ownGroup reports whether a multicast group is one of the program's.
func ownGroup(id uint32) bool {
	return id >= build.CopyGroupBase && id < build.CopyGroupBase+build.MaxPorts
}

// diffGroups makes groups replica by replica: no target promises the order of
// replicas given at once, but bmv2 and the softswitch append what a later
// MODIFY adds.
func diffGroups(wanted, held []*p4rt.Group) stages {
	var deletes, inserts []p4rt.Update
	var grow []stages
	have := map[uint32]*p4rt.Group{}
	for _, g := range held {
		have[g.ID] = g
	}
	for _, g := range wanted {
		old := have[g.ID]
		delete(have, g.ID)
		if old != nil && old.SameReplicas(g) {
			continue
		}
		first := &p4rt.Group{ID: g.ID, Replicas: g.Replicas[:1]}
		if old == nil || !old.SameReplicas(first) {
			if old != nil {
				deletes = append(deletes, p4rt.Update{Op: p4rt.Delete, Object: old})
			}
			inserts = append(inserts, p4rt.Update{Op: p4rt.Insert, Object: first})
		}
		var steps stages
		for n := 2; n <= len(g.Replicas); n++ {
			steps = append(steps, []p4rt.Update{{Op: p4rt.Modify, Object: &p4rt.Group{ID: g.ID, Replicas: g.Replicas[:n]}}})
		}
		grow = append(grow, steps)
	}
	for _, g := range held {
		if have[g.ID] != nil && ownGroup(g.ID) {
			deletes = append(deletes, p4rt.Update{Op: p4rt.Delete, Object: g})
		}
	}
	return append(stages{deletes, inserts}, zip(grow)...)
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
