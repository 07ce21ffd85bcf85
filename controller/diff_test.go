package controller

import (
	"fmt"
	"slices"
	"testing"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	"pgregory.net/rapid"
)

// model is the slow, obvious switch: it refuses what a real one refuses.
type model struct {
	entries map[string]*p4rt.Entry
	groups  map[uint32][]p4rt.Replica
	meters  map[string]*p4rt.Meter
}

func (m *model) apply(t *rapid.T, u p4rt.Update) {
	switch o := u.Object.(type) {
	case *p4rt.Entry:
		_, there := m.entries[o.Key()]
		if there != (u.Op != p4rt.Insert) && !o.Default {
			t.Fatalf("%v: already there: %v", u, there)
		}
		if u.Op == p4rt.Delete {
			delete(m.entries, o.Key())
		} else {
			m.entries[o.Key()] = o
		}
	case *p4rt.Group:
		have, there := m.groups[o.ID]
		if there != (u.Op != p4rt.Insert) {
			t.Fatalf("%v: already there: %v", u, there)
		}
		if u.Op == p4rt.Delete {
			delete(m.groups, o.ID)
			return
		}
		// What stays keeps its place, what is new is appended in any order.
		next := slices.DeleteFunc(slices.Clone(have), func(r p4rt.Replica) bool { return !slices.Contains(o.Replicas, r) })
		for _, r := range slices.Backward(o.Replicas) {
			if !slices.Contains(next, r) {
				next = append(next, r)
			}
		}
		m.groups[o.ID] = next
	case *p4rt.Meter:
		if u.Op != p4rt.Modify {
			t.Fatalf("%v: can only be modified", u)
		}
		m.meters[o.Key()] = o
	}
}

func (m *model) read() *held {
	h := &held{}
	for _, e := range m.entries {
		h.entries = append(h.entries, e)
	}
	for id, r := range m.groups {
		h.groups = append(h.groups, &p4rt.Group{ID: id, Replicas: r})
	}
	for _, c := range m.meters {
		if c.Config != nil {
			h.meters = append(h.meters, c)
		}
	}
	return h
}

func drawHolding(t *rapid.T, schema *p4rt.Schema) *Holding {
	h := &Holding{}
	add := func(e p4rt.Entry) {
		c, err := schema.Canonical(&e)
		if err != nil {
			t.Fatal(err)
		}
		h.Entries = append(h.Entries, c)
	}
	small := rapid.SliceOfDistinct(rapid.IntRange(1, 6), rapid.ID)
	for _, n := range small.Draw(t, "eids") {
		action := rapid.SampledFrom([]string{build.ActionLocal, build.ActionToUs}).Draw(t, "action")
		add(p4rt.Entry{Table: build.TableEids4, Action: action, Match: []p4rt.Match{
			p4rt.Exact(build.FieldEids4InstanceID, p4rt.Uint(0)), p4rt.LPM(build.FieldEids4EID, p4rt.Uint(n), 32)}})
	}
	for _, n := range small.Draw(t, "rlocs") {
		add(p4rt.Entry{Table: build.TableMyRlocs4, Action: build.ActionOwnRLOC, Match: []p4rt.Match{p4rt.Exact(build.FieldMyRlocs4RLOC, p4rt.Uint(n))}})
	}
	for _, n := range small.Draw(t, "groups") {
		h.Groups = append(h.Groups, &p4rt.Group{ID: build.CopyGroupBase + uint32(n), Replicas: []p4rt.Replica{
			{Port: uint32(n), Instance: build.RIDPayload}, {Port: uint32(n), Instance: build.RIDHeader}}})
	}
	for _, n := range small.Draw(t, "meters") {
		rate := rapid.Uint64Range(0, 1<<40).Draw(t, "rate")
		h.Meters = append(h.Meters, &p4rt.Meter{Name: build.MeterSlotMeter, Index: int64(n),
			Config: &p4rt.MeterConfig{CIR: rate, PIR: rate, CBurst: rate, PBurst: rate}})
	}
	return h
}

// Whatever a switch holds, the stages turn it into what is wanted, without an
// update that it would refuse, and then there is nothing left to do.
func TestDiff(t *testing.T) {
	schema, _, err := Program()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &model{map[string]*p4rt.Entry{}, map[uint32][]p4rt.Replica{7: {{Port: 1, Instance: 1}}}, map[string]*p4rt.Meter{}}
		before := drawHolding(t, schema)
		for _, e := range before.Entries {
			m.entries[e.Key()] = e
		}
		for _, g := range before.Groups {
			// Complete, or left half made, either half.
			from := rapid.IntRange(0, 1).Draw(t, "from")
			m.groups[g.ID] = g.Replicas[from:rapid.IntRange(from+1, 2).Draw(t, "to")]
		}
		for _, c := range before.Meters {
			m.meters[c.Key()] = c
		}
		wanted := drawHolding(t, schema)
		for _, stage := range diff(wanted, m.read()) {
			for _, u := range rapid.Permutation(stage).Draw(t, "order") { // the switch's choice
				m.apply(t, u)
			}
		}
		if left := diff(wanted, m.read()); left.count() != 0 {
			t.Fatalf("left to do: %v", left)
		}
		if len(m.entries) != len(wanted.Entries) || len(m.read().meters) != len(wanted.Meters) || len(m.groups) != len(wanted.Groups)+1 {
			t.Fatalf("holds %d entries and %d groups, wanted %d and %d", len(m.entries), len(m.groups)-1, len(wanted.Entries), len(wanted.Groups))
		}
		for _, g := range wanted.Groups {
			if !slices.Equal(m.groups[g.ID], g.Replicas) {
				t.Fatalf("group is %v, wanted %v", m.groups[g.ID], g)
			}
		}
		if fmt.Sprint(m.groups[7]) != "[{1 1}]" {
			t.Fatal("a group that is not ours was touched")
		}
	})
}
