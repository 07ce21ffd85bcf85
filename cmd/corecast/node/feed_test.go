package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
)

func newFeedOf(t *testing.T, apply func([]controller.Mapping) error, sites ...mapserver.Site) *feed {
	t.Helper()
	s, err := mapserver.New(time.Now(), sites, mapserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	cfg := &config.Config{
		Sites:    []config.Site{{Name: "a"}, {Name: "b", InstanceID: 7}, {Name: "c", InstanceID: 9}},
		Switches: []config.Switch{{Site: "a"}, {Site: "b"}},
	}
	f := newFeed(cfg, s, apply)
	f.begin(func() {})
	return f
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
	f := newFeedOf(t, nil, manyStatic(0, 2*listPage+5), manyStatic(7, listPage), manyStatic(9, 3))
	f.list()
	if got, want := len(f.mappings), 3*listPage+5; got != want {
		t.Errorf("%d mappings, want %d", got, want)
	}
}

func TestFeedNotes(t *testing.T) {
	f := newFeedOf(t, nil, manyStatic(0, 1))
	f.list()
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
	other := rlocs("192.0.2.5")
	other.EID.InstanceID = 9
	steps := []struct {
		name   string
		change mapserver.Change
		want   int
	}{
		{"new", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: rlocs("192.0.2.5", "2001:db8::5")}, 2},
		{"changed", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: rlocs("192.0.2.6")}, 2},
		{"nothing usable", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: unusable}, 1},
		{"usable again", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: rlocs("192.0.2.6")}, 2},
		{"another instance", mapserver.Change{EID: other.EID, Mapping: other}, 2},
		{"gone", mapserver.Change{EID: eid("10.5.0.0/16")}, 1},
		{"usable once more", mapserver.Change{EID: eid("10.5.0.0/16"), Mapping: rlocs("192.0.2.6")}, 2},
		{"lost", mapserver.Change{Resync: true}, 1}, // the server itself has never had it
	}
	for _, step := range steps {
		f.note(step.change)
		if len(f.mappings) != step.want {
			t.Errorf("%s: %d mappings, want %d", step.name, len(f.mappings), step.want)
		}
	}
}

// TestFeedAppliesChanges, and tells what did not work.
func TestFeedAppliesChanges(t *testing.T) {
	applied := make(chan []controller.Mapping, 10)
	refuse := errors.New("no room")
	f := newFeedOf(t, func(ms []controller.Mapping) error {
		applied <- ms
		if len(ms) == 0 {
			return refuse
		}
		return nil
	}, manyStatic(0, 3))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.run(ctx) }()
	if ms := <-applied; len(ms) != 3 || ms[0].Prefix.Addr().Compare(ms[1].Prefix.Addr()) >= 0 {
		t.Errorf("%+v", ms)
	}
	if err := f.server.SetSites([]mapserver.Site{}); err != nil {
		t.Fatal(err)
	}
	for ms := range applied {
		if len(ms) == 0 {
			break
		}
	}
	until(t, "the refusal", func() bool { return errors.Is(f.err(), refuse) })
	if err := f.server.SetSites([]mapserver.Site{manyStatic(7, 2)}); err != nil {
		t.Fatal(err)
	}
	for ms := range applied {
		if len(ms) == 2 {
			break
		}
	}
	until(t, "the refusal's end", func() bool { return f.err() == nil })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("run: %v", err)
	}
}
