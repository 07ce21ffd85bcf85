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
	"github.com/corecast/corecast/p4/build"
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
	return State{Schema: schema, Config: cfg, Mappings: StaticMappings(cfg), channels: newChannelTable(cfg.Channels)}
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
		for _, m := range h.Meters {
			fmt.Fprintf(&b, "  %v\n", m)
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

func TestApportion(t *testing.T) {
	addr := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}) }
	all := func(netip.Addr) bool { return true }
	r := func(n int, priority, weight uint8) config.RLOC {
		return config.RLOC{Address: addr(n), Priority: priority, Weight: weight}
	}
	for _, tc := range []struct {
		name   string
		rlocs  []config.RLOC
		usable func(netip.Addr) bool
		want   string
	}{
		{"none", nil, all, ""},
		{"never", []config.RLOC{r(1, 255, 1)}, all, ""},
		{"one", []config.RLOC{r(1, 1, 0)}, all, "192.0.2.1*16"},
		{"lowest priority", []config.RLOC{r(1, 2, 1), r(2, 1, 1), r(3, 2, 1)}, all, "192.0.2.2*16"},
		{"unusable", []config.RLOC{r(1, 2, 1), r(2, 1, 1)}, func(a netip.Addr) bool { return a == addr(1) }, "192.0.2.1*16"},
		{"even, in order of address", []config.RLOC{r(2, 1, 50), r(1, 1, 50)}, all, "192.0.2.1*8,192.0.2.2*8"},
		{"3 to 1", []config.RLOC{r(1, 1, 75), r(2, 1, 25)}, all, "192.0.2.1*12,192.0.2.2*4"},
		{"largest remainder", []config.RLOC{r(1, 1, 1), r(2, 1, 1), r(3, 1, 1)}, all, "192.0.2.1*6,192.0.2.2*5,192.0.2.3*5"},
		{"weight 0 beside another", []config.RLOC{r(1, 1, 0), r(2, 1, 9)}, all, "192.0.2.2*16"},
		{"all weights 0", []config.RLOC{r(1, 1, 0), r(2, 1, 0)}, all, "192.0.2.1*8,192.0.2.2*8"},
		{"too small for a bucket", []config.RLOC{r(1, 1, 200), r(2, 1, 1)}, all, "192.0.2.1*16"},
	} {
		if got := setName(apportion(tc.rlocs, tc.usable)); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// All buckets are given, and no RLOC's share is off by more than one.
func TestApportionIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rlocs []config.RLOC
		total := 0
		for i, w := range rapid.SliceOfN(rapid.Uint8(), 1, 40).Draw(t, "weights") {
			rlocs = append(rlocs, config.RLOC{Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), Weight: w})
			total += int(w)
		}
		given := map[netip.Addr]int{}
		sum := 0
		for _, s := range apportion(rlocs, func(netip.Addr) bool { return true }) {
			given[s.rloc] = s.buckets
			sum += s.buckets
		}
		if sum != build.RLOCBuckets {
			t.Fatalf("%d buckets given", sum)
		}
		for _, r := range rlocs {
			exact := float64(build.RLOCBuckets) / float64(len(rlocs))
			if total > 0 {
				exact = float64(build.RLOCBuckets) * float64(r.Weight) / float64(total)
			}
			if off := float64(given[r.Address]) - exact; off <= -1 || off >= 1 {
				t.Fatalf("%v has %d buckets, its share is %v", r.Address, given[r.Address], exact)
			}
		}
	})
}

func TestSubtract(t *testing.T) {
	p := netip.MustParsePrefix
	for _, tc := range []struct {
		prefix string
		holes  []string
		want   string
	}{
		{"10.0.0.0/8", nil, "[10.0.0.0/8]"},
		{"10.0.0.0/8", []string{"11.0.0.0/8", "2001:db8::/32"}, "[10.0.0.0/8]"},
		{"10.0.0.0/8", []string{"10.0.0.0/8"}, "[]"},
		{"10.0.0.0/8", []string{"10.64.0.0/10"}, "[10.0.0.0/10 10.128.0.0/9]"},
		{"10.0.0.0/30", []string{"10.0.0.1/32", "10.0.0.2/31"}, "[10.0.0.0/32]"},
		{"2001:db8::/126", []string{"2001:db8::3/128"}, "[2001:db8::/127 2001:db8::2/128]"},
	} {
		var holes []netip.Prefix
		for _, h := range tc.holes {
			holes = append(holes, p(h))
		}
		if got := fmt.Sprint(subtract(p(tc.prefix), holes)); got != tc.want {
			t.Errorf("%s without %v: %s, want %s", tc.prefix, tc.holes, got, tc.want)
		}
	}
}

func TestGroupMAC(t *testing.T) {
	for group, want := range map[string]string{
		"232.1.1.1": "01:00:5e:01:01:01", "239.255.128.9": "01:00:5e:7f:80:09", "ff3e::8000:1": "33:33:80:00:00:01",
	} {
		if got := config.MAC(groupMAC(netip.MustParseAddr(group))).String(); got != want {
			t.Errorf("%s has %s, want %s", group, got, want)
		}
	}
}

// Every punt reason has a limit.
func TestPuntMetersCoverReasons(t *testing.T) {
	s := state(t, load(t, "../examples/fig2.yaml"))
	holdings, _, err := Desired(s)
	if err != nil {
		t.Fatal(err)
	}
	limited := map[int64]bool{}
	for _, m := range holdings["itr"].Meters {
		if m.Name == build.MeterPuntMeter {
			limited[m.Index] = true
		}
	}
	if len(limited) == 0 {
		t.Fatal("no reason is limited")
	}
	for reason, named := range build.PuntReasons {
		if reason != build.PuntNone && !limited[int64(reason)] {
			t.Errorf("%s is not limited", named.Name)
		}
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
