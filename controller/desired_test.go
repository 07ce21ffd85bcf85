package controller

import (
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/corecast/corecast/controller/config"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func load(t testing.TB, path string) *config.Config {
	t.Helper()
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func state(t testing.TB, cfg *config.Config) State {
	t.Helper()
	schema, _, err := Program()
	if err != nil {
		t.Fatal(err)
	}
	return State{Schema: schema, Config: cfg, Mappings: StaticMappings(cfg)}
}

// render prints holdings for golden files: what a human would check.
func render(holdings map[string]*Holding) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(holdings)) {
		h := holdings[name]
		fmt.Fprintf(&b, "switch %s\n", name)
		for _, e := range h.Entries {
			fmt.Fprintf(&b, "  %v\n", e)
		}
		for _, g := range h.Groups {
			fmt.Fprintf(&b, "  %v\n", g)
		}
		for _, p := range h.Problems {
			fmt.Fprintf(&b, "  PROBLEM %s\n", p)
		}
	}
	return b.String()
}

func TestDesiredGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.yaml")
	files = append(files, "../examples/fig2.yaml")
	if len(files) < 2 {
		t.Fatal("no cases in testdata")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			holdings, _, err := Desired(state(t, load(t, file)))
			if err != nil {
				t.Fatal(err)
			}
			got := render(holdings)
			golden := filepath.Join("testdata", strings.TrimSuffix(filepath.Base(file), ".yaml")+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s (go test -update rewrites it):\n%s", golden, diffLines(string(want), got))
			}
		})
	}
}

func diffLines(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out []string
	for _, l := range w {
		if !slices.Contains(g, l) {
			out = append(out, "-"+l)
		}
	}
	for _, l := range g {
		if !slices.Contains(w, l) {
			out = append(out, "+"+l)
		}
	}
	return strings.Join(out, "\n")
}

// The same state gives the same result, whatever the order of maps.
func TestDesiredIsDeterministic(t *testing.T) {
	cfg := load(t, "testdata/bmv2-vpn.yaml")
	first, _, err := Desired(state(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, _, err := Desired(state(t, cfg))
		if err != nil || render(again) != render(first) {
			t.Fatalf("differs (%v):\n%s", err, diffLines(render(first), render(again)))
		}
	}
}

// A channel that comes or goes leaves the slots of the others alone.
func TestNumbersAreStable(t *testing.T) {
	s := state(t, load(t, "testdata/bmv2-vpn.yaml"))
	_, before, err := Desired(s)
	if err != nil {
		t.Fatal(err)
	}
	channels := s.Config.Channels
	s.Config.Channels = append([]config.Channel{{Name: "0-first", Site: "west", SourceEID: channels[0].SourceEID,
		Ingress: channels[0].Ingress}}, channels[1])
	if err := s.Config.Complete(); err != nil {
		t.Fatal(err)
	}
	s.Numbers = before
	_, after, err := Desired(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := after["west"].Channels; got["b"] != before["west"].Channels["b"] || got["0-first"] == got["b"] {
		t.Errorf("slots before %v, after %v", before["west"].Channels, got)
	}
	if got, was := after["east"].Streams["b"], before["east"].Streams["b"]; got != was {
		t.Errorf("stream b moved from slot %d to %d", was, got)
	}
}

func TestAllot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringMatching(`[a-f]{1,2}`), 0, 12)
		before, _ := allot(nil, names.Draw(t, "before"), 5, 13)
		wanted := names.Draw(t, "wanted")
		after, left := allot(before, wanted, 5, 13)
		seen := map[int]string{}
		for name, n := range after {
			if n < 5 || n >= 13 {
				t.Fatalf("%s has number %d", name, n)
			}
			if other, dup := seen[n]; dup {
				t.Fatalf("%s and %s have number %d", name, other, n)
			}
			seen[n] = name
			if was, ok := before[name]; ok && was != n {
				t.Fatalf("%s moved from %d to %d", name, was, n)
			}
		}
		for _, name := range wanted {
			if _, ok := after[name]; !ok && !slices.Contains(left, name) {
				t.Fatalf("%s is lost", name)
			}
		}
	})
}

func TestChooseRLOC(t *testing.T) {
	addr := netip.MustParseAddr
	m := func(rlocs ...config.RLOC) Mapping {
		return Mapping{Prefix: netip.MustParsePrefix("10.1.0.0/16"), RLOCs: rlocs}
	}
	if _, ok := m(config.RLOC{Address: addr("192.0.2.1"), Priority: 255}).choose("s"); ok {
		t.Error("priority 255 was chosen")
	}
	if got, _ := m(config.RLOC{Address: addr("192.0.2.1"), Priority: 2}, config.RLOC{Address: addr("192.0.2.2"), Priority: 1}).choose("s"); got != addr("192.0.2.2") {
		t.Errorf("chose %v, not the lowest priority", got)
	}
	if got, _ := m(config.RLOC{Address: addr("2001:db8::1"), Priority: 0}, config.RLOC{Address: addr("192.0.2.2"), Priority: 1}).choose("s"); got != addr("192.0.2.2") {
		t.Errorf("chose %v, not IPv4", got)
	}
	// Weights 3:1 over many prefixes.
	heavy := 0
	for i := range 4000 {
		mm := m(config.RLOC{Address: addr("192.0.2.1"), Weight: 75}, config.RLOC{Address: addr("192.0.2.2"), Weight: 25})
		mm.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		if got, _ := mm.choose("s"); got == addr("192.0.2.1") {
			heavy++
		}
	}
	if heavy < 2800 || heavy > 3200 {
		t.Errorf("weight 75 of 100 got %d of 4000 prefixes", heavy)
	}
}

// domains builds Figure 2 from Go structs, with any number of viewers' sites.
func domains(n, viewers int) *config.Config {
	addr := netip.MustParseAddr
	prefix := netip.MustParsePrefix
	cfg := &config.Config{
		Switches: []config.Switch{{Name: "itr", Address: "127.0.0.1:1", Site: "studio", Ports: []config.Port{
			{ID: 1, Role: config.Local, Address: prefix("10.0.0.1/24")},
			{ID: 2, Role: config.Transit, Address: prefix("192.0.2.10/24")}}}},
		Sites: []config.Site{{Name: "studio", EIDPrefixes: []netip.Prefix{prefix("10.0.0.0/16")},
			ReservedEIDs: prefix("10.0.255.0/24"), RLOCs: []config.RLOC{{Address: addr("192.0.2.10")}}, CoreCast: true}},
		Channels: []config.Channel{{Name: "news", Site: "studio", SourceEID: addr("10.0.0.10"),
			Ingress: config.Ingress{Switch: "itr", Port: 1}}},
	}
	for d := 1; d <= n; d++ {
		name, rloc := fmt.Sprintf("etr-%d", d), netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + d)})
		sw := config.Switch{Name: name, Address: fmt.Sprintf("127.0.0.1:%d", d+1), Site: name, Ports: []config.Port{
			{ID: 1, Role: config.Local, Address: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(d), 0, 1}), 24)},
			{ID: 2, Role: config.Transit, Address: netip.PrefixFrom(rloc, 24)}}}
		for i := range viewers / n {
			sw.Neighbors = append(sw.Neighbors, config.Neighbor{
				Address: netip.AddrFrom4([4]byte{10, byte(d), 0, byte(11 + i)}), MAC: config.MAC{2, 0, 10, byte(d), 0, byte(11 + i)}})
		}
		cfg.Switches = append(cfg.Switches, sw)
		cfg.Sites = append(cfg.Sites, config.Site{Name: name, CoreCast: true, RLOCs: []config.RLOC{{Address: rloc}},
			EIDPrefixes: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(d), 0, 0}), 16)}})
	}
	return cfg
}

func TestTwentyDomains(t *testing.T) {
	cfg := domains(20, 200)
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	holdings, numbers, err := Desired(state(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	if len(holdings) != 21 || len(numbers["itr"].RLOCs) != 20 {
		t.Errorf("%d switches, %d RLOCs at the ITR", len(holdings), len(numbers["itr"].RLOCs))
	}
	for name, h := range holdings {
		if len(h.Problems) > 0 {
			t.Errorf("%s: %q", name, h.Problems)
		}
	}
}

func BenchmarkDesired(b *testing.B) {
	cfg := domains(20, 200)
	if err := cfg.Complete(); err != nil {
		b.Fatal(err)
	}
	s := state(b, cfg)
	for b.Loop() {
		if _, _, err := Desired(s); err != nil {
			b.Fatal(err)
		}
	}
}
