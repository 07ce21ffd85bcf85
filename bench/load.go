package bench

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// load is a workload: rounds of frames through a switch.
type load struct {
	name   string
	plane  *plane
	port   uint32
	rounds []round
	per    int // what a round's time is divided by

	next  int
	times []float64 // ns per unit, a slice each
}

// batchSize is how many frames a switch takes at a time.
const batchSize = 32

// round sends the next round through the switch.
func (l *load) round() error {
	r := &l.rounds[l.next]
	l.next = (l.next + 1) % len(l.rounds)
	out := 0
	count := func(uint32, []byte) { out++ }
	for batch := range slices.Chunk(r.frames, batchSize) {
		l.plane.ProcessBatch(l.port, batch, count)
	}
	if out != r.want {
		return fmt.Errorf("%s: %d packets left the switch: want %d", l.name, out, r.want)
	}
	return nil
}

// slice measures rounds for about d.
func (l *load) slice(d time.Duration) error {
	n, from, cpu := 0, time.Now(), threadTime()
	for n == 0 || time.Since(from) < d {
		if err := l.round(); err != nil {
			return err
		}
		n++
	}
	l.times = append(l.times, float64(threadTime()-cpu)/float64(n*l.per))
	return nil
}

// warmRounds fill caches and let buffers grow.
const warmRounds = 8

// measure runs slices of all loads in turns. Every other turn goes backwards,
// so that no load always follows the same one.
func measure(loads []*load, turns int, slice time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, l := range loads {
		for range warmRounds {
			if err := l.round(); err != nil {
				return err
			}
		}
	}
	runtime.GC()
	order := slices.Clone(loads)
	for range turns {
		for _, l := range order {
			if err := l.slice(slice); err != nil {
				return err
			}
		}
		slices.Reverse(order)
	}
	return nil
}

func median[T cmp.Ordered](v []T) T {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// ratio is the median of the ratios turn by turn.
func ratio(a, b *load) float64 {
	r := make([]float64, len(a.times))
	for i := range r {
		r[i] = a.times[i] / b.times[i]
	}
	return median(r)
}
