package dstlist_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
)

// fill makes a list of n viewers in sites of 30, and a few without a known
// site.
func fill(t testing.TB, n int, v6 bool, list int) *dstlist.List {
	t.Helper()
	l := dstlist.New(dstlist.Options{IPv6: v6, ListSize: list})
	lease := time.Now().Add(time.Minute)
	for i := range n {
		if _, err := l.Join(dstlist.Viewer{EID: eid(i, v6), Port: 5004, RLOC: rloc(i % (n/30 + 1))}, lease); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// A viewer takes less than 200 bytes, of either family, whatever came and went
// before.
func TestMemory(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	for _, v6 := range []bool{false, true} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		l := fill(t, n, v6, 32)
		runtime.GC()
		runtime.ReadMemStats(&after)
		per := float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
		t.Logf("IPv6 %v: %.0f bytes a viewer at %d viewers", v6, per, l.Len())
		if per >= 200 {
			t.Errorf("%.0f bytes a viewer: want less than 200", per)
		}
		runtime.KeepAlive(l)
	}
}

func TestNoAllocation(t *testing.T) {
	l := fill(t, 1000, false, 32)
	b := dstlist.NewBatch(42, 64)
	round := func() {
		l.Begin(time.Now())
		for more := true; more; {
			b.Reset(64)
			more, _ = l.Next(time.Now(), payload, b)
		}
		l.End()
	}
	round()
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations per round", n)
	}
}

func BenchmarkJoinLeave(b *testing.B) {
	l := fill(b, 1_000_000-1, false, 32)
	lease := time.Now().Add(time.Minute)
	n := 2_000_000
	for b.Loop() {
		n++
		id, err := l.Join(dstlist.Viewer{EID: eid(n, false), Port: 1, RLOC: rloc(n % 30000)}, lease)
		if err != nil {
			b.Fatal(err)
		}
		l.Leave(id)
	}
}

func BenchmarkRound(b *testing.B) {
	for _, c := range []struct {
		name string
		list int
	}{{"single", 1}, {"lists of 32", 32}} {
		l := fill(b, 100_000, false, c.list)
		batch := dstlist.NewBatch(0, 512)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				l.Begin(time.Now())
				for more := true; more; {
					batch.Reset(512)
					more, _ = l.Next(time.Now(), payload, batch)
				}
				l.End()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/viewer")
		})
	}
}
