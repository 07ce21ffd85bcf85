package controller

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// wantedOf is everything that a switch is to hold, by key.
func wantedOf(t *testing.T, c *Controller, name string) map[string]string {
	t.Helper()
	all := map[string]string{}
	writes, err := c.Export(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range slices.Concat(writes...) {
		all[u.Object.Key()] = u.Object.String()
	}
	return all
}

// A preview followed by the change itself: the updates told are what happens.
func TestPreviewIsWhatHappens(t *testing.T) {
	load1 := func() *config.Config { return load(t, "../examples/fig2.yaml") }
	fewer, faster, moved, elsewhere, second := load1(), load1(), load1(), load1(), load1()
	fewer.Channels = nil
	faster.Channels[0].Rate, faster.Channels[0].Redundancy = 6e6, 3
	moved.Sites[1].RLOCs[0].Address = moved.Sites[1].RLOCs[0].Address.Next().Next().Next().Next().Next()
	elsewhere.Switches = elsewhere.Switches[:3]
	second.Channels = append(second.Channels, second.Channels[0])
	second.Channels[1].Name, second.Channels[1].ReservedEID = "sport", second.Channels[0].ReservedEID.Next()
	changes := 0
	for name, pair := range map[string][2]*config.Config{
		"nothing": {load1(), load1()}, "a channel goes": {load1(), fewer}, "a channel comes": {fewer, load1()},
		"a channel changes": {load1(), faster}, "an RLOC moves": {load1(), moved},
		"a switch comes": {elsewhere, load1()}, "a second channel": {load1(), second},
	} {
		c, err := New(pair[0], Options{})
		if err != nil {
			t.Fatal(err)
		}
		previews, err := c.Preview(pair[1])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		told := map[string]Preview{}
		for _, p := range previews {
			told[p.Switch] = p
			changes += len(p.Updates)
		}
		before := map[string]map[string]string{}
		for _, sw := range pair[0].Switches {
			before[sw.Name] = wantedOf(t, c, sw.Name)
		}
		if err := c.Apply(pair[1]); err != nil {
			t.Fatal(err)
		}
		for _, sw := range pair[1].Switches {
			then := before[sw.Name]
			if then == nil {
				then = map[string]string{}
			}
			for _, u := range told[sw.Name].Updates {
				_, held := then[u.Object.Key()]
				if held == (u.Op == p4rt.Insert) {
					t.Errorf("%s: %s: %v, but it is held: %v", name, sw.Name, u, held)
				}
				then[u.Object.Key()] = u.Object.String()
				if u.Op == p4rt.Delete {
					delete(then, u.Object.Key())
				}
			}
			if after := wantedOf(t, c, sw.Name); !maps.Equal(then, after) {
				t.Errorf("%s: %s: told %v\nis %v", name, sw.Name, then, after)
			}
		}
	}
	if changes < 20 {
		t.Errorf("%d changes only", changes)
	}
}

func TestPreviewTellsRoom(t *testing.T) {
	cfg, none := load(t, "../examples/fig2.yaml"), load(t, "../examples/fig2.yaml")
	none.Channels = nil
	c, err := New(none, Options{})
	if err != nil {
		t.Fatal(err)
	}
	previews, err := c.Preview(cfg)
	if err != nil || len(previews) != 4 {
		t.Fatalf("%+v, %v", previews, err)
	}
	for _, p := range previews {
		for _, table := range p.Tables {
			if table.Then != table.Now+1 || table.Size < 100 || !strings.HasPrefix(table.Table, "channels") && !strings.HasPrefix(table.Table, "streams") && !strings.HasPrefix(table.Table, "source") {
				t.Errorf("%s: %+v", p.Switch, table)
			}
		}
	}
}

func TestReceived(t *testing.T) {
	c, err := New(load(t, "../examples/fig2.yaml"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := c.Received()
	if len(all) != 3 {
		t.Fatalf("%+v", all)
	}
	for i, r := range all {
		if r.Switch != []string{"etr-1", "etr-2", "etr-3"}[i] || r.Name != "news" || r.Slot < 0 || len(r.RLOCs) != 1 || r.Learned {
			t.Errorf("%+v", r)
		}
	}
}
