package mapserver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

// BenchmarkRequestInStorm answers Map-Requests while another goroutine
// registers: nothing, what is known already, and mappings that move each time.
func BenchmarkRequestInStorm(b *testing.B) {
	const n = 100_000
	for _, storm := range []string{"none", "refresh", "move"} {
		b.Run("storm="+storm, func(b *testing.B) {
			h := newHarness(b, benchOptions(), benchSite())
			fill(b, h, n)
			packets := make([][]byte, 1<<12)
			for i := range packets {
				r := requestOf(uint64(i), "10.0.0.1")
				r.Records[0].Prefix = lisp.PrefixOf(lisp.EIDOf(0, benchPrefix(rand.IntN(n)).Prefix.Addr().Next()))
				packets[i] = ecmOf(b, r, "192.0.2.50:50505")
			}
			var stop atomic.Bool
			var registered atomic.Int64
			var wg sync.WaitGroup
			if storm != "none" {
				wg.Go(func() { registered.Store(int64(stormOf(b, h, n, storm == "move", &stop))) })
			}
			times := make([]time.Duration, 0, 1<<20)
			var out Outbox
			i := 0
			for b.Loop() {
				out.Reset()
				before := time.Now()
				h.s.Handle(h.now, itr, local, packets[i%len(packets)], &out)
				if len(times) < cap(times) {
					times = append(times, time.Since(before))
				}
				i++
			}
			stop.Store(true)
			wg.Wait()
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2]), "p50-ns")
			b.ReportMetric(float64(times[len(times)*99/100]), "p99-ns")
			b.ReportMetric(float64(registered.Load())/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// stormOf sends Map-Registers of 20 records until it is told to stop, and
// returns how many records they had.
func stormOf(b *testing.B, h *harness, n int, move bool, stop *atomic.Bool) (records int) {
	var packets [2][][]byte
	for k := range packets {
		for i := range 200 {
			r := registerOf(uint64(i))
			for j := range 20 {
				rec := record("10.0.0.0/8", 1440, fmt.Sprintf("192.0.2.%d", 10+k), "2001:db8:ffff::10")
				rec.Prefix = lisp.PrefixOf(benchPrefix((i*20 + j) % n))
				r.Records = append(r.Records, rec)
			}
			packets[k] = append(packets[k], r.encode(b))
		}
	}
	var out Outbox
	for i := 0; !stop.Load(); i++ {
		k := 0
		if move {
			k = i / 200 % 2
		}
		out.Reset()
		h.s.Handle(h.now, etr, local, packets[k][i%200], &out)
		records += 20
	}
	return records
}
