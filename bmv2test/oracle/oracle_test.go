package oracle

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/p4/build"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "play the world of this seed only")
	packetsFlag = flag.Int("packets", 0, "how many packets TestOracle plays; 0 is a million, or 60,000 with -short")
)

// worldPackets is how many packets a world sees.
const worldPackets = 20_000

// enough is how often every drop reason, punt reason and action of every table
// has to come up in a run.
const enough = 100

// coverage adds up what the worlds of a run met.
type coverage struct {
	packets      int
	drops, punts [build.ReasonCells]uint64
	hits         map[string]uint64
}

func (c *coverage) add(s *Switch) {
	for i := range s.Drops {
		c.drops[i] += s.Drops[i]
		c.punts[i] += s.Punts[i]
	}
	for k, n := range s.Hits {
		c.hits[k] += n
	}
}

// TestOracle gives the program on the softswitch and the model the same random
// configurations and traffic.
func TestOracle(t *testing.T) {
	packets, first := 1_000_000, uint64(1)
	if testing.Short() {
		packets = 60_000
	}
	if *packetsFlag != 0 {
		packets = *packetsFlag
	}
	if *seedFlag != 0 {
		packets, first = worldPackets, *seedFlag
	}
	total := &coverage{hits: make(map[string]uint64)}
	for seed := first; total.packets < packets; seed++ {
		runWorld(t, seed, worldPackets, total)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d packets\n%s", total.packets, total)
	if packets >= 1_000_000 {
		total.check(t)
	}
}

// runWorld plays one world; a failure is shrunk and told.
func runWorld(t testing.TB, seed uint64, packets int, total *coverage) {
	w := newWorld(seed, false)
	start := w.c
	b, err := newBench(start)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	traffic := newTraffic(w)
	var steps []*step
	for done := 0; done < packets; {
		s := traffic.next()
		steps = append(steps, s)
		err := b.do(s)
		if s.frame != nil {
			done++
			total.packets++
		}
		if err == nil && (len(steps)%500 == 0 || done == packets) {
			err = b.counters()
		}
		if err != nil {
			t.Errorf("-seed=%d: after %d packets:\n%s", seed, done, report(start, shrink(start, steps, 20*time.Second)))
			return
		}
	}
	total.add(b.model)
}

// check insists that everything came up.
func (c *coverage) check(t *testing.T) {
	t.Helper()
	want := func(what string, n uint64) {
		if n < enough {
			t.Errorf("%s came up %d times in %d packets, want at least %d", what, n, c.packets, enough)
		}
	}
	for i, r := range build.DropReasons[1:] {
		want("drop "+r.Name, c.drops[i+1])
	}
	for i, r := range build.PuntReasons[1:] {
		want("punt "+r.Name, c.punts[i+1])
	}
	info := build.P4Info()
	names := make(map[uint32]string)
	for _, a := range info.Actions {
		names[a.Preamble.Id] = a.Preamble.Name
	}
	if len(info.Tables) == 0 {
		t.Error("the P4Info has no tables")
	}
	for _, table := range info.Tables {
		for _, a := range table.ActionRefs {
			want("table "+table.Preamble.Name+", action "+names[a.Id], c.hits[table.Preamble.Name+" "+names[a.Id]])
		}
	}
}

func (c *coverage) String() string {
	var b strings.Builder
	for i, r := range build.DropReasons[1:] {
		fmt.Fprintf(&b, "drop %s %d\n", r.Name, c.drops[i+1])
	}
	for i, r := range build.PuntReasons[1:] {
		fmt.Fprintf(&b, "punt %s %d\n", r.Name, c.punts[i+1])
	}
	for _, k := range slices.Sorted(maps.Keys(c.hits)) {
		fmt.Fprintf(&b, "table %s %d\n", k, c.hits[k])
	}
	return b.String()
}

// FuzzOracle plays worlds for as long as it may.
func FuzzOracle(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(1<<32 + seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		runWorld(t, seed, 5_000, &coverage{hits: make(map[string]uint64)})
	})
}
