package controller

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/corecast/corecast/controller/config"
)

// Channels come, change and go; what switches are to hold is each time what a
// controller that starts with that says.
func TestChannelsAreAppliedAlone(t *testing.T) {
	base := load(t, "../examples/fig2.yaml")
	news := base.Channels[0]
	rapid.Check(t, func(t *rapid.T) {
		feed := func(c *Controller, err error) *Controller {
			if err == nil {
				err = c.SetMappings(StaticMappings(base))
			}
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		c := feed(New(base, Options{}))
		channels := map[string]config.Channel{}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			n := rapid.IntRange(1, 4).Draw(t, "channel")
			name := fmt.Sprint("c", n)
			if _, have := channels[name]; have && rapid.Bool().Draw(t, "go") {
				delete(channels, name)
			} else {
				ch := news
				ch.Name, ch.Redundancy = name, uint8(rapid.IntRange(0, 2).Draw(t, "redundancy"))
				for range n {
					ch.ReservedEID = ch.ReservedEID.Next()
				}
				channels[name] = ch
			}
			var list []config.Channel
			for _, name := range slices.Sorted(maps.Keys(channels)) {
				list = append(list, channels[name])
			}
			cfg := base.WithChannels(list)
			if err := c.Apply(cfg); err != nil {
				t.Fatal(err)
			}
			fresh := feed(New(cfg, Options{}))
			for _, sw := range cfg.Switches {
				// Numbers may differ: what comes and goes leaves gaps.
				if got, want := sortsOf(t, c, sw.Name), sortsOf(t, fresh, sw.Name); !maps.Equal(got, want) {
					t.Fatalf("%s: %v\nwant %v", sw.Name, got, want)
				}
			}
		}
	})
}

// sortsOf counts what a switch is to hold by table, and by objects that want it.
func sortsOf(t *rapid.T, c *Controller, name string) map[string]int {
	counts := map[string]int{}
	for _, use := range c.Tables(name) {
		counts[use.Table] = use.Wanted
	}
	for _, kind := range []Kind{KindChannel, KindStream} {
		for _, o := range c.Objects(kind, "") {
			if o.Switch == name {
				counts[o.Object.String()] = o.Wanted
			}
		}
	}
	return counts
}

// Only the switches that a channel concerns are looked at.
func TestAffected(t *testing.T) {
	base := load(t, "../examples/fig2.yaml")
	base.FindSite("viewers-2").AcceptStreams = config.AcceptNone
	c, err := New(base, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetMappings(StaticMappings(base)); err != nil {
		t.Fatal(err)
	}
	names := func(cfg *config.Config) (list []string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, o := range c.affectedLocked(c.state.Config, cfg) {
			list = append(list, o.name)
		}
		return list
	}
	if got := names(base.WithChannels(nil)); !slices.Equal(got, []string{"itr", "etr-1", "etr-3"}) {
		t.Errorf("without its channel: %v", got)
	}
	if got := names(base.WithChannels(slices.Clone(base.Channels))); len(got) != 0 {
		t.Errorf("with the same channels: %v", got)
	}
	if got := names(load(t, "../examples/fig2.yaml")); len(got) != 4 {
		t.Errorf("with other sites: %v", got)
	}
}
