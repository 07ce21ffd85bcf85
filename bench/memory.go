package bench

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/corecast/corecast/p4/build"
)

// Sizes are how much state a switch is filled with.
type Sizes struct{ Channels, RLOCs, Prefixes, Streams int }

// FullSizes are those that the P4 program is made for.
func FullSizes() Sizes { return Sizes{Channels: 1000, RLOCs: 1000, Prefixes: 100_000, Streams: 10_000} }

// Memory measures the memory of a switch's state: the arrays, which are there
// from the start, and the entries of each table as they are written.
func Memory(s Sizes) (*Report, error) {
	r := newReport()
	heap := heapInUse()
	note := func(name string) {
		now := heapInUse()
		v := (float64(now) - float64(heap)) / 1e6
		r.Results = append(r.Results, Result{Name: name, Value: v, Unit: "MB", Runs: 1, Min: v, Max: v})
		heap = now
	}
	p, err := newPlane()
	if err != nil {
		return nil, err
	}
	note("program, registers, counters and meters")
	for i := range s.Channels {
		p.add(build.TableChannels4, build.ActionChannel4,
			[][]byte{num(uint64(i), 2), sourceEID.AsSlice(), num(localPort, 2), num(0, 1), num(32, 1), num(0, 4)},
			exact(num(0, 3)), exact(num(0x0A010000+uint64(i), 4)))
	}
	note(fmt.Sprintf("%d channels", s.Channels))
	for i := range s.RLOCs {
		p.add(build.TableRLOCs, build.ActionEncap4,
			[][]byte{itrRLOC.AsSlice(), num(uint64(rloc(i)), 4), gateway.AsSlice()}, exact(num(uint64(i+1), 2)))
	}
	note(fmt.Sprintf("%d RLOCs", s.RLOCs))
	for i := range s.Prefixes {
		p.eid(0x14000000+uint32(i)<<8, 24, build.ActionToRLOC, num(uint64(i%s.RLOCs+1), 2))
	}
	note(fmt.Sprintf("%d map-cache prefixes", s.Prefixes))
	for i := range s.Streams {
		p.add(build.TableStreams4, build.ActionStream,
			[][]byte{num(uint64(build.MaxChannels+i), 2), num(32, 1), num(0, 4)},
			exact(num(0, 3)), exact(num(uint64(i%1000+1), 2)), exact(sourceEID.AsSlice()), exact(num(0x0A010000+uint64(i), 4)))
	}
	note(fmt.Sprintf("%d streams", s.Streams))
	runtime.KeepAlive(p)
	return r, errors.Join(p.errs...)
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
