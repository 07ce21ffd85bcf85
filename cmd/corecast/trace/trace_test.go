package trace

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/controller/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load makes the network of the example, changed by edit.
func load(t *testing.T, edit func(*config.Config)) (*Network, *config.Config) {
	t.Helper()
	cfg, err := config.Load("../../../examples/fig2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	edit(cfg)
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	switches, err := Wanted(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n, err := New(t.Context(), switches)
	if err != nil {
		t.Fatal(err)
	}
	return n, cfg
}

// outline is what a story comes to: where packets went, and why they ended.
func outline(story []Packet) []string {
	var lines []string
	for _, p := range story {
		for _, h := range p.Hops {
			line := h.Switch
			for _, o := range h.Out {
				line += " >" + o.Role + " " + o.Next
			}
			for _, r := range slices.Concat(h.Dropped, h.Punted) {
				line += " " + r.Name
			}
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestChannel(t *testing.T) {
	onBMv2 := func(cfg *config.Config) {
		for i := range cfg.Switches {
			sw := &cfg.Switches[i]
			sw.Target = config.BMv2
			sw.Ports = append(sw.Ports, config.Port{ID: 3, Role: config.Loop, Peer: 4})
		}
	}
	asIs := func(*config.Config) {}
	for name, c := range map[string]struct {
		edit   func(*config.Config)
		viewer string
		want   []string
	}{
		"delivered":   {asIs, "10.1.0.11:5004", []string{"itr", "itr >transit etr-1 >transit etr-1", "etr-1", "etr-1 >local"}},
		"no neighbor": {asIs, "10.2.0.99:5004", []string{"itr", "itr >transit etr-2 >transit etr-2", "etr-2", "etr-2 neighbor"}},
		"no mapping":  {asIs, "10.9.0.1:5004", []string{"itr", "itr map_cache_miss"}},
		"by loops": {onBMv2, "10.1.0.11:5004", []string{"itr", "itr >loop itr", "itr >loop itr", "itr >transit etr-1 >transit etr-1",
			"etr-1", "etr-1 >loop etr-1", "etr-1 >loop etr-1", "etr-1 >local"}},
	} {
		t.Run(name, func(t *testing.T) {
			n, cfg := load(t, c.edit)
			story, err := n.Channel(&cfg.Channels[0], netip.MustParseAddrPort(c.viewer))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range story {
				for _, h := range p.Hops {
					if padded := strings.HasPrefix(h.Packet, "the same, padded to "); padded != (h.Role == string(config.Loop)) {
						t.Errorf("in by a %s port of %s: %s", h.Role, h.Switch, h.Packet)
					}
				}
			}
			if got := outline(story); !slices.Equal(got, c.want) {
				t.Errorf("%q\nwant %q", got, c.want)
			}
		})
	}
}

func TestUnicast(t *testing.T) {
	n, _ := load(t, func(*config.Config) {})
	for name, c := range map[string]struct {
		sw       string
		port     uint16
		from, to string
		want     []string
	}{
		"to another site":      {"itr", 1, "10.0.0.10:9", "10.1.0.11:53", []string{"itr >transit etr-1", "etr-1 >local"}},
		"reserved EID":         {"itr", 1, "10.0.0.10:9", "10.0.255.9:4344", []string{"itr reserved_eid"}},
		"another's source EID": {"itr", 1, "10.0.0.11:9", "10.0.255.1:4344", []string{"itr channel_source"}},
	} {
		t.Run(name, func(t *testing.T) {
			story, err := n.Unicast(c.sw, c.port, netip.MustParseAddrPort(c.from), netip.MustParseAddrPort(c.to))
			if err != nil {
				t.Fatal(err)
			}
			if got := outline(story); !slices.Equal(got, c.want) {
				t.Errorf("%q\nwant %q", got, c.want)
			}
		})
	}
	for _, c := range []struct {
		sw   string
		port uint16
	}{{"nosuch", 1}, {"itr", 9}} {
		if _, err := n.Unicast(c.sw, c.port, netip.MustParseAddrPort("10.0.0.10:9"), netip.MustParseAddrPort("10.1.0.1:9")); err == nil {
			t.Errorf("a packet came into port %d of switch %q", c.port, c.sw)
		}
	}
}

// The keys and entries are told in the controller's words.
func TestTables(t *testing.T) {
	n, _ := load(t, func(*config.Config) {})
	story, err := n.Unicast("itr", 1, netip.MustParseAddrPort("10.0.0.10:9"), netip.MustParseAddrPort("10.1.0.11:53"))
	if err != nil {
		t.Fatal(err)
	}
	want := Table{Name: "eids4", Key: "instance_id=0 eid=10.1.0.11", Hit: true, Prefix: "10.1.0.0/16",
		Entry: "eids4 instance_id=0 eid=10.1.0.0/16 -> to_rloc(rloc=0)"}
	if !slices.Contains(story[0].Hops[0].Tables, want) {
		t.Errorf("%+v\nwant among them %+v", story[0].Hops[0].Tables, want)
	}
}
