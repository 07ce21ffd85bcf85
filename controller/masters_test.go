package controller

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// mastersOf gives the switches of a configuration away: ours with an election
// id, the others to node other.
func mastersOf(cfg *config.Config, id uint64, ours ...string) map[string]Mastership {
	masters := map[string]Mastership{}
	for i := range cfg.Switches {
		masters[cfg.Switches[i].Name] = Mastership{By: "other"}
	}
	for _, name := range ours {
		masters[name] = Mastership{ElectionID: p4rt.ElectionID{Low: id}, By: "this"}
	}
	return masters
}

func setMasters(t *testing.T, c *Controller, masters map[string]Mastership) {
	t.Helper()
	if err := c.SetMasters(masters); err != nil {
		t.Fatal(err)
	}
}

// TestSharedSwitches: only who is given a switch connects to it, and who takes it
// over writes nothing that was right, although it numbers things otherwise.
func TestSharedSwitches(t *testing.T) {
	cfg, _ := fig2(t)
	first, second := &tap{}, &tap{}
	a, _ := run(t, cfg, first, Options{Shared: true})
	b, _ := run(t, cfg, second, Options{Shared: true})
	for _, sw := range b.Status().Switches {
		if sw.Phase != Standby || sw.Reason != "no controller masters it yet" || b.Status().Ready() {
			t.Fatalf("before anybody is master: %+v", sw)
		}
	}
	setMasters(t, a, mastersOf(cfg, 1, "itr", "etr-1", "etr-2", "etr-3"))
	setMasters(t, b, mastersOf(cfg, 0))
	ready(t, a)
	// The numbers of a depend on the order in which it learned of mappings.
	if err := a.SetMappings(nil); err != nil {
		t.Fatal(err)
	}
	ms := StaticMappings(cfg)
	for i := len(ms); i > 0; i-- {
		if err := a.SetMappings(ms[i-1:]); err != nil {
			t.Fatal(err)
		}
		ready(t, a)
	}
	if second.count() != 0 || !b.Status().Ready() {
		t.Fatalf("the standby wrote %d updates; %+v", second.count(), b.Status())
	}
	if _, err := b.Drops(t.Context(), "itr"); err == nil || !strings.Contains(err.Error(), "mastered by node other") {
		t.Errorf("asking a switch of another node: %v", err)
	}

	if err := a.SetMasters(mastersOf(cfg, 1, "etr-1", "etr-2")); err != nil {
		t.Fatal(err)
	}
	before := first.count()
	setMasters(t, b, mastersOf(cfg, 2, "itr", "etr-3"))
	ready(t, b)
	for _, name := range []string{"itr", "etr-3"} {
		holds(t, b, name)
	}
	if first.count() != before || second.count() != 0 {
		t.Errorf("taking over what was right: %d updates of the old master, %d of the new one", first.count()-before, second.count())
	}
	if got := phases(a) + phases(b); got != "itr standby, etr-1 ready, etr-2 ready, etr-3 standby, itr ready, etr-1 standby, etr-2 standby, etr-3 ready, " {
		t.Error(got)
	}
}

func phases(c *Controller) (s string) {
	for _, sw := range c.Status().Switches {
		s += fmt.Sprintf("%s %s, ", sw.Name, sw.Phase)
	}
	return s
}

// TestOldMasterIsRefused: one that was not told that its time is over cannot write
// to a switch that has a new master, and nothing of it stays.
func TestOldMasterIsRefused(t *testing.T) {
	cfg, _ := fig2(t)
	w := &tap{}
	a, _ := run(t, cfg, nil, Options{Shared: true})
	b, _ := run(t, cfg, w, Options{Shared: true})
	setMasters(t, a, mastersOf(cfg, 1, "itr"))
	ready(t, a)
	setMasters(t, b, mastersOf(cfg, 2, "itr"))
	ready(t, b)
	other := *cfg
	other.Channels = nil
	if err := a.Apply(&other); err != nil {
		t.Fatal(err)
	}
	until(t, a, "refusal", func(s Status) bool {
		return s.Switches[0].Phase == Failing && strings.Contains(s.Switches[0].Reason, "not primary with election id 1")
	})
	if st := b.Status().Switches[0]; w.count() != 0 || st.Drift != 0 {
		t.Errorf("the new master had to repair %d entries", w.count())
	}
	holds(t, b, "itr")

	// Under a new election id it is the master again.
	setMasters(t, b, mastersOf(cfg, 0))
	setMasters(t, a, mastersOf(cfg, 3, "itr"))
	ready(t, a)
	holds(t, a, "itr")
}
