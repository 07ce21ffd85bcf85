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
