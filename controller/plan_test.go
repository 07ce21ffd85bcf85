package controller

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"pgregory.net/rapid"
)

// refs checks that what a model's entries refer to is there.
func (m *model) refs(t *rapid.T) {
	there := map[string]bool{}
	for _, e := range m.entries {
		switch e.Table {
		case build.TableRLOCs:
			there["rloc "+e.Match[0].Value.String()] = true
		case build.TableRLOCSets:
			there["set "+e.Match[0].Value.String()] = true
		}
	}
	for _, e := range m.entries {
		want := ""
		switch e.Action {
		case build.ActionToRLOC, build.ActionPick:
			want = "rloc " + e.Params[0].Value.String()
		case build.ActionToRLOCs:
			want = "set " + e.Params[0].Value.String()
		}
		if want != "" && !there[want] {
			t.Fatalf("%v refers to what is not there", e)
		}
	}
}

func drawMapping(t *rapid.T, eid lisp.EID) Mapping {
	m := Mapping{InstanceID: eid.InstanceID, Prefix: eid.Prefix}
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 6), 0, 3, rapid.ID).Draw(t, "rlocs") {
		m.RLOCs = append(m.RLOCs, config.RLOC{
			Address:  netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + n)}),
			Priority: rapid.SampledFrom([]uint8{1, 1, 1, 2, 255}).Draw(t, "priority"), Weight: 50,
		})
	}
	if m.negative() {
		m.Action = rapid.SampledFrom([]lisp.Action{lisp.ActionForward, lisp.ActionDrop}).Draw(t, "action")
	}
	return m
}

var drawnEIDs = []lisp.EID{
	mustEID("10.9.0.0/16"), mustEID("10.9.1.0/24"), mustEID("10.200.0.0/16"), mustEID("0.0.0.0/0"), mustEID("::/0"),
	mustEID("2001:db8:9::/48"), mustEID("192.0.2.21/32"), mustEID("10.0.3.0/24"), mustEID("[7]10.9.0.0/16"),
}

func mustEID(s string) lisp.EID {
	e, err := lisp.ParseEID(s)
	if err != nil {
		panic(err)
	}
	return e
}

// Whatever changes, what was taken from a plan makes a switch hold what the
// slow way computes, by updates that the switch takes, and at no time does an
// entry refer to what is not there.
func TestPlanFollowsChanges(t *testing.T) {
	cfg := load(t, "../examples/fig2.yaml")
	base := state(t, cfg)
	rapid.Check(t, func(t *rapid.T) {
		s := base
		s.table, _ = newTable(s.Mappings)
		sw := &cfg.Switches[0]
		p := newPlan()
		m := &model{map[string]*p4rt.Entry{}, map[uint32][]p4rt.Replica{}, map[string]*p4rt.Meter{}}
		sync := func() {
			todo, version, whole := p.take()
			if whole {
				var wanted *Holding
				wanted, _, version = p.takeAll()
				todo = diff(wanted, m.read())
			}
			for _, stage := range todo {
				for _, u := range rapid.Permutation(stage).Draw(t, "order") {
					m.apply(t, u)
				}
				m.refs(t)
			}
			if p.settled(version) {
				t.Fatal("nothing lacked room, and something was placed")
			}
		}
		if err := p.build(&s, sw); err != nil {
			t.Fatal(err)
		}
		sync()
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			eid := rapid.SampledFrom(drawnEIDs).Draw(t, "eid")
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0, 1:
				next := &mapping{Mapping: drawMapping(t, eid)}
				s.table[eid] = next
				p.setMappings([]*mapping{next}, nil)
			case 2:
				delete(s.table, eid)
				p.setMappings(nil, []lisp.EID{eid})
			case 3:
				p.learn(eid, &mapping{Mapping: drawMapping(t, eid), learned: true})
			case 4:
				p.learn(eid, nil)
			case 5:
				p.reach(netip.AddrFrom4([4]byte{192, 0, 2, byte(101 + rapid.IntRange(0, 5).Draw(t, "rloc"))}), rapid.Bool().Draw(t, "up"))
			case 6:
				if err := p.build(&s, sw); err != nil {
					t.Fatal(err)
				}
			}
			if rapid.Bool().Draw(t, "sync") {
				sync()
			}
		}
		sync()
		if p.b.err != nil {
			t.Fatal(p.b.err)
		}
		oracle := newBuilder(&s, sw, p.learned)
		if err := oracle.build(p.numbers()); err != nil {
			t.Fatal(err)
		}
		got := &Holding{Entries: slices.Collect(maps.Values(m.entries)), Problems: p.b.problemList()}
		want := oracle.holding()
		want.Groups, want.Meters = nil, nil
		sortHolding(got)
		if w, g := render(map[string]*Holding{"": want}), render(map[string]*Holding{"": got}); w != g {
			t.Fatalf("the switch holds something else:\n%s", diffLines(w, g))
		}
	})
}

// One mapping that changes among ten thousand is computed and written alone.
func TestOneOfManyMappings(t *testing.T) {
	cfg := load(t, "../examples/fig2.yaml")
	s := state(t, cfg)
	ms := manyMappings(10_000)
	s.table, _ = newTable(append(ms, s.Mappings...))
	p := newPlan()
	if err := p.build(&s, &cfg.Switches[0]); err != nil {
		t.Fatal(err)
	}
	p.takeAll()
	moved := ms[5000]
	moved.RLOCs = ms[5001].RLOCs
	p.setMappings([]*mapping{{Mapping: moved}}, nil)
	todo, _, _ := p.take()
	if todo.count() != 1 {
		t.Errorf("%d updates, want 1: %v", todo.count(), todo)
	}
	if n := testing.AllocsPerRun(10, func() {
		moved.RLOCs, ms[5001].RLOCs = ms[5001].RLOCs, moved.RLOCs
		p.setMappings([]*mapping{{Mapping: moved}}, nil)
		p.take()
	}); n > 100 {
		t.Errorf("%v allocations for one mapping: does it compute everything?", n)
	}
}

// manyMappings are n prefixes behind the ETRs of the example, in turn.
func manyMappings(n int) []Mapping {
	ms := make([]Mapping, n)
	for i := range ms {
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, byte(64 + i>>16), byte(i >> 8), byte(i)}), 32)
		ms[i] = Mapping{Prefix: prefix, RLOCs: []config.RLOC{{
			Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(21 + i%3)}), Priority: 1, Weight: 100}}}
	}
	return ms
}

func TestEIDKey(t *testing.T) {
	schema := state(t, load(t, "../examples/fig2.yaml")).Schema
	for _, eid := range drawnEIDs {
		e, err := schema.Canonical(&p4rt.Entry{Table: familyOf(eid.Prefix.Addr()).eids, Match: eidMatch(eid), Action: build.ActionToUs})
		if err != nil {
			t.Fatal(err)
		}
		if got := eidKey(eid); got != e.Key() {
			t.Errorf("key of %v is %q, that of its entry %q", eid, got, e.Key())
		}
	}
}

// A number is not given again while a switch may hold an entry with its old
// meaning.
func TestNumbering(t *testing.T) {
	g := newNumbering(map[string]int{}, 1, 4)
	take := func(name string, want int) {
		t.Helper()
		n, _, ok := g.use(name)
		if got := fmt.Sprint(n, ok); got != fmt.Sprint(want, want != 0) {
			t.Errorf("%s got %s, want %d", name, got, want)
		}
	}
	take("a", 1)
	take("b", 2)
	take("a", 1)
	if g.leave("a", 7) {
		t.Error("a is in use once more")
	}
	if !g.leave("a", 7) {
		t.Error("a is not in use any more")
	}
	take("c", 3)
	take("d", 0)
	g.settle(6)
	take("d", 0)
	g.settle(7)
	take("d", 1)
}

// Mappings that find no room get it when others have gone.
func TestRoomIsGivenAgain(t *testing.T) {
	cfg := load(t, "../examples/fig2.yaml")
	s := state(t, cfg)
	far := func(third byte) (ms []*mapping, eids []lisp.EID) {
		for i := range build.MaxRLOCs {
			m := &mapping{Mapping: Mapping{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{100, third, byte(i >> 8), byte(i)}), 32),
				RLOCs: []config.RLOC{{Address: netip.AddrFrom4([4]byte{198, third, byte(i >> 8), byte(i)}), Priority: 1}}}}
			ms, eids = append(ms, m), append(eids, m.EID())
		}
		return ms, eids
	}
	cfg.Switches[0].Ports[1].NextHop = netip.MustParseAddr("192.0.2.1")
	s.table, _ = newTable(nil)
	p := newPlan()
	if err := p.build(&s, &cfg.Switches[0]); err != nil {
		t.Fatal(err)
	}
	first, firstEIDs := far(1)
	second, _ := far(2)
	p.setMappings(first, nil)
	p.setMappings(second, nil)
	if len(p.b.unplaced) != len(second) || len(p.b.problemList()) == 0 {
		t.Fatalf("%d without room, want %d", len(p.b.unplaced), len(second))
	}
	p.setMappings(nil, firstEIDs)
	if len(p.b.unplaced) != len(second) {
		t.Fatal("numbers were given again before the switch was told")
	}
	_, _, version := p.takeAll()
	if !p.settled(version) || len(p.b.unplaced) != 0 {
		t.Errorf("%d still without room", len(p.b.unplaced))
	}
}
