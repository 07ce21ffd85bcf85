package demo

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramQuantiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []uint64
	for range 20_000 {
		us := uint64(1) << r.IntN(24) * uint64(1+r.IntN(7))
		h.add(time.Duration(us) * time.Microsecond)
		all = append(all, us)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.25, 0.5, 0.9, 0.99, 0.9999} {
		exact := all[int(q*float64(len(all)))]
		got := h.quantile(q)
		if got < exact || float64(got) > float64(exact)*(1+1.0/subBuckets)+1 {
			t.Errorf("quantile %g: %d µs, exact %d µs", q, got, exact)
		}
	}
	if got := new(histogram).quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing: %d", got)
	}
}

func TestBucketsHoldTheirValues(t *testing.T) {
	for _, us := range []uint64{0, 1, 31, 32, 33, 63, 64, 65, 1000, 1 << 20, 1<<40 + 12345, 1<<63 + 5} {
		b := bucketOf(us)
		if us > upperEnd(b) || b > 0 && us <= upperEnd(b-1) {
			t.Errorf("%d is in bucket %d, (%d, %d]", us, b, upperEnd(b-1), upperEnd(b))
		}
	}
}
