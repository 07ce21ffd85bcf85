package demo

import (
	"math/bits"
	"time"
)

// histogram holds durations in microseconds in buckets no wider than 1/32 of
// their value: constant memory however long the run.
type histogram struct {
	counts [64 * subBuckets]uint64
	total  uint64
}

const (
	subBits    = 5
	subBuckets = 1 << subBits
)

func (h *histogram) add(d time.Duration) {
	us := uint64(max(d.Microseconds(), 0))
	h.counts[bucketOf(us)]++
	h.total++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// quantile returns the upper end, in microseconds, of the bucket in which the
// q-quantile lies; 0 if nothing was added.
func (h *histogram) quantile(q float64) uint64 {
	rank := uint64(q * float64(h.total))
	var seen uint64
	for i, n := range h.counts {
		seen += n
		if n > 0 && seen > rank || seen == h.total && n > 0 {
			return upperEnd(i)
		}
	}
	return 0
}

// bucketOf maps values below subBuckets to themselves and every octave above
// to subBuckets buckets.
func bucketOf(us uint64) int {
	if us < subBuckets {
		return int(us)
	}
	octave := bits.Len64(us) - subBits - 1
	return octave<<subBits + int(us>>octave)
}

func upperEnd(bucket int) uint64 {
	if bucket < subBuckets {
		return uint64(bucket)
	}
	octave := bucket>>subBits - 1
	return (uint64(bucket&(subBuckets-1))+subBuckets+1)<<octave - 1
}
