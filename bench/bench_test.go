package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/wire"
)

func TestSkewedIsThePapersAudience(t *testing.T) {
	a := Skewed(PaperViewers, PaperSites)
	ones := 0
	for _, n := range a {
		if n == 1 {
			ones++
		}
	}
	if len(a) != PaperSites || a.Viewers() != PaperViewers || ones != PaperSites/2 {
		t.Errorf("%d viewers in %d sites, %d of them with one", a.Viewers(), len(a), ones)
	}
	if a[0] >= 1<<(32-siteBits) {
		t.Errorf("site 0 has %d viewers: more than addresses", a[0])
	}
}

func TestReports(t *testing.T) {
	o := Options{Turns: 3, Slice: time.Millisecond}
	for name, report := range map[string]func(Options) (*Report, error){"itr": ITR, "etr": ETR} {
		r, err := report(o)
		if err != nil {
			t.Fatal(name, err)
		}
		var text bytes.Buffer
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Results {
			if x.Value <= 0 || x.Min > x.Value || x.Max < x.Value || x.Runs != o.Turns || (x.Against != "") != (x.Ratio > 0) {
				t.Errorf("%s: %+v", name, x)
			}
			if !strings.Contains(text.String(), x.Name) {
				t.Errorf("%s: text lacks %q", name, x.Name)
			}
		}
	}
}

func TestWorkloadsDoNotAllocate(t *testing.T) {
	for _, l := range allLoads(t) {
		for range warmRounds {
			if err := l.round(); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(4, func() { _ = l.round() }); n > 2 { // the closure that counts
			t.Errorf("%s: %v allocations per round", l.name, n)
		}
	}
}

func allLoads(t testing.TB) []*load {
	i, err := newITRLoads(Skewed(PaperViewers, PaperSites))
	if err != nil {
		t.Fatal(err)
	}
	e, err := newETRLoads(8 * wire.MaxEntries)
	if err != nil {
		t.Fatal(err)
	}
	return []*load{i.plain, i.lisp, i.single, i.lists, i.fullLists, i.payload, e.lisp, e.single, e.lists}
}

func BenchmarkRound(b *testing.B) {
	for _, l := range allLoads(b) {
		b.Run(l.name, func(b *testing.B) {
			for b.Loop() {
				if err := l.round(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*l.per), "ns/unit")
		})
	}
}

func TestMemoryHoldsTheSizesOfTheProgram(t *testing.T) {
	s := FullSizes()
	if testing.Short() {
		s.Prefixes /= 100
	}
	r, err := Memory(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Results) != 5 {
		t.Fatalf("%d results: want 5", len(r.Results))
	}
	for _, x := range r.Results {
		t.Logf("%s: %.1f %s", x.Name, x.Value, x.Unit)
	}
}
