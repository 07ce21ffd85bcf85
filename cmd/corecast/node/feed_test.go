package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
)

// recorded is map-caches as they were handed over last.
type recorded struct {
	mu        sync.Mutex // guards what follows
	mappings  map[lisp.EID]controller.Mapping
	refreshed []lisp.EID
	refuse    error
}

func (r *recorded) SetMappings(ms []controller.Mapping) error {
	r.mu.Lock()
	r.mappings = map[lisp.EID]controller.Mapping{}
	r.mu.Unlock()
	return r.UpdateMappings(ms, nil)
}

func (r *recorded) UpdateMappings(set []controller.Mapping, remove []lisp.EID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range set {
		r.mappings[m.EID()] = m
	}
	for _, eid := range remove {
		delete(r.mappings, eid)
	}
	return r.refuse
}

func (r *recorded) Refresh(changed []lisp.EID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refreshed = append(r.refreshed, changed...)
}

func (r *recorded) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.mappings)
}

func newFeedOf(t *testing.T, most uint32, sites ...mapserver.Site) (*feed, *recorded) {
	t.Helper()
	s, err := mapserver.New(time.Now(), sites, mapserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	cfg := &config.Config{
		MapCache: config.MapCache{Preinstall: most},
		Sites:    []config.Site{{Name: "a"}, {Name: "b", InstanceID: 7}, {Name: "c", InstanceID: 9}},
		Switches: []config.Switch{{Site: "a"}, {Site: "b"}},
	}
	r := &recorded{}
	f := newFeed(cfg, s, r)
	f.begin(func() {})
	return f, r
}

func manyStatic(instance uint32, n int) mapserver.Site {
	s := mapserver.Site{Name: fmt.Sprint("site", instance), InstanceID: instance,
		RLOCs: []mapserver.RLOC{{Address: netip.MustParseAddr("192.0.2.1"), Priority: 1, Weight: 1}}}
	for i := range n {
		s.EIDPrefixes = append(s.EIDPrefixes, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24))
	}
	return s
}

// TestFeedListsEveryMappingOfItsInstances, more than a page of them.
func TestFeedListsEveryMappingOfItsInstances(t *testing.T) {
	f, r := newFeedOf(t, 10_000, manyStatic(0, 2*listPage+5), manyStatic(7, listPage), manyStatic(9, 3))
	f.list()
	f.handOver(f.setAll())
	if got, want := r.count(), 3*listPage+5; got != want {
		t.Errorf("%d mappings, want %d", got, want)
	}
	if want := (lisp.EID{InstanceID: 7, Prefix: netip.MustParsePrefix("0.0.0.0/0")}); !slices.Contains(r.refreshed, want) {
		t.Errorf("refreshed %v: anything may have changed", r.refreshed)
	}
}

// TestFeedLeavesOut what there are too many of.
func TestFeedLeavesOut(t *testing.T) {
	f, r := newFeedOf(t, 100, manyStatic(0, 2*listPage))
	f.list()
	f.handOver(f.setAll())
	if r.count() != 100 {
		t.Errorf("%d mappings, want 100", r.count())
	}
}

func TestFeedNotes(t *testing.T) {
	f, r := newFeedOf(t, 100, manyStatic(0, 1))
	f.list()
	f.handOver(f.setAll())
	rlocs := func(addrs ...string) *mapserver.Mapping {
		m := &mapserver.Mapping{EID: eid("10.5.0.0/16")}
		for i, a := range addrs {
			m.Locators = append(m.Locators, lisp.Locator{Address: lisp.Address{IP: netip.MustParseAddr(a)}, Priority: uint8(i + 1), Weight: 10})
		}
		return m
	}
	unusable := rlocs("192.0.2.5")
	unusable.Locators[0].Priority = lisp.PriorityUnused
	unusable.Locators = append(unusable.Locators, lisp.Locator{Address: lisp.Address{Raw: []byte{0x40, 3, 0, 0, 14, 0, 0, 0}}})
	unregistered := &mapserver.Mapping{EID: eid("10.5.0.0/16"), Origin: mapserver.OriginUnregistered}
	other := rlocs("192.0.2.5")
	other.EID.InstanceID = 9
	steps := []struct {
		name   string
		change mapserver.Change
		want   int // RLOCs of 10.5.0.0/16; -1: none
	}{
		{"new", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: rlocs("192.0.2.5", "2001:db8::5")}, 2},
		{"changed", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: rlocs("192.0.2.6")}, 1},
		{"nothing usable", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: unusable}, 0},
		{"usable again", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: rlocs("192.0.2.6")}, 1},
		{"another instance", mapserver.Change{EID: other.EID, Mapping: other}, 1},
		{"gone", mapserver.Change{EID: eid("10.5.0.0/16")}, -1},
		{"usable once more", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: rlocs("192.0.2.6")}, 1},
		{"unregistered", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: unregistered}, -1},
		{"registered", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: rlocs("192.0.2.6")}, 1},
		{"lost", mapserver.Change{Resync: true}, -1}, // the server itself has never had it
	}
	for _, step := range steps {
		r.refreshed = nil
		f.note(step.change)
		f.handOver(f.update())
		m, has := r.mappings[eid("10.5.0.0/16")]
		if has != (step.want >= 0) || has && len(m.RLOCs) != step.want {
			t.Errorf("%s: %+v, want %d RLOCs", step.name, m, step.want)
		}
		if tells := slices.Contains(r.refreshed, eid("10.5.0.0/16")) || step.change.Resync && len(r.refreshed) == 4; tells == (step.name == "another instance") {
			t.Errorf("%s: told of %v", step.name, r.refreshed)
		}
	}
}

// TestFeedAppliesChanges, and tells what did not work.
func TestFeedAppliesChanges(t *testing.T) {
	f, r := newFeedOf(t, 100, manyStatic(0, 3))
	refuse := errors.New("no room")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.run(ctx) }()
	until(t, "three mappings", func() bool { return r.count() == 3 })
	r.mu.Lock()
	r.refuse = refuse
	r.mu.Unlock()
	if err := f.server.SetSites([]mapserver.Site{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the refusal", func() bool { return errors.Is(f.err(), refuse) })
	until(t, "no mappings", func() bool { return r.count() == 0 })
	r.mu.Lock()
	r.refuse = nil
	r.mu.Unlock()
	if err := f.server.SetSites([]mapserver.Site{manyStatic(7, 2)}); err != nil {
		t.Fatal(err)
	}
	until(t, "two mappings", func() bool { return r.count() == 2 })
	until(t, "the refusal's end", func() bool { return f.err() == nil })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("run: %v", err)
	}
}
