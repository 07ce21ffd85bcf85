package mapserver

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

// benchSite is one site for all of 10.0.0.0/8 and 11.0.0.0/8.
func benchSite() Site {
	s := studio()
	s.EIDPrefixes = prefixes("10.0.0.0/7", "2001:db8::/32")
	s.MaxMappings = 1 << 21
	return s
}

// benchPrefix returns the i-th of many prefixes: /28s, neighbors and far apart.
func benchPrefix(i int) lisp.EID {
	a := 10<<24 + uint32(i)<<4
	return lisp.EID{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, a))), 28)}
}

// fill registers n prefixes, 20 a message.
func fill(b testing.TB, h *harness, n int) {
	for i := 0; i < n; i += 20 {
		h.out.Reset()
		h.s.Handle(h.now, etr, local, benchRegister(b, uint64(i), i, min(20, n-i)), &h.out)
	}
	if got := h.s.Counters().Mappings; got != n {
		b.Fatalf("%d mappings, want %d: %v", got, n, h.s.Rejects())
	}
}

func benchRegister(b testing.TB, nonce uint64, first, n int) []byte {
	r := registerOf(nonce)
	for i := range n {
		rec := record("10.0.0.0/8", 1440, "192.0.2.10", "2001:db8:ffff::10")
		rec.Prefix = lisp.PrefixOf(benchPrefix(first + i))
		r.Records = append(r.Records, rec)
	}
	return r.encode(b)
}

func benchOptions() Options {
	return Options{RequestRate: -1, RegisterRate: -1}
}

// BenchmarkRequest answers Map-Requests in ECMs for random EIDs.
func BenchmarkRequest(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("prefixes=%d", n), func(b *testing.B) {
			h := newHarness(b, benchOptions(), benchSite())
			fill(b, h, n)
			packets := make([][]byte, 1<<12)
			for i := range packets {
				r := requestOf(uint64(i), "10.0.0.1")
				r.Records[0].Prefix = lisp.PrefixOf(lisp.EIDOf(0, benchPrefix(rand.IntN(n)).Prefix.Addr().Next()))
				packets[i] = ecmOf(b, r, "192.0.2.50:50505")
			}
			times := make([]time.Duration, 0, 1<<20)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				h.out.Reset()
				before := time.Now()
				h.s.Handle(h.now, itr, local, packets[i%len(packets)], &h.out)
				if len(times) < cap(times) {
					times = append(times, time.Since(before))
				}
				if h.out.Len() != 1 {
					b.Fatal("no reply")
				}
				i++
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2]), "p50-ns")
			b.ReportMetric(float64(times[len(times)*99/100]), "p99-ns")
		})
	}
}

// BenchmarkRegister takes Map-Registers of 20 records with HMAC-SHA-256: ones
// that refresh, ones of new prefixes and ones that move prefixes.
func BenchmarkRegister(b *testing.B) {
	const messages, records = 500, 20
	variant := func(rloc string) (packets [][]byte) {
		for i := range messages {
			r := registerOf(uint64(i))
			for k := range records {
				rec := record("10.0.0.0/8", 1440, rloc, "2001:db8:ffff::10")
				rec.Prefix = lisp.PrefixOf(benchPrefix(i*records + k))
				r.Records = append(r.Records, rec)
			}
			packets = append(packets, r.encode(b))
		}
		return packets
	}
	one, two := variant("192.0.2.10"), variant("192.0.2.11")
	run := func(name string, packet func(i int) []byte) {
		b.Run(name, func(b *testing.B) {
			h := newHarness(b, benchOptions(), benchSite())
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				h.out.Reset()
				h.s.Handle(h.now, etr, local, packet(i), &h.out)
				if h.out.Len() != 1 {
					b.Fatal("not acknowledged")
				}
				i++
			}
			b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "records/s")
		})
	}
	run("refresh", func(i int) []byte { return one[i%messages] })
	run("move", func(i int) []byte {
		if i/messages%2 == 0 {
			return one[i%messages]
		}
		return two[i%messages]
	})
}

// BenchmarkMemory measures what a mapping costs when there are a million.
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		var before, after runtime.MemStats
		h := newHarness(b, benchOptions(), benchSite())
		runtime.GC()
		runtime.ReadMemStats(&before)
		fill(b, h, n)
		h.out = Outbox{}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "bytes/mapping")
		runtime.KeepAlive(h)
	}
}
