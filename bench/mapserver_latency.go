package bench

import (
	"math/bits"
	"time"
)

// latencies counts durations in classes of at most 1/32 of their value, so
// that counting is cheap and takes no memory.
type latencies struct {
	counts [64 * latencySteps]uint32
	total  int
}

const (
	latencyBits  = 5
	latencySteps = 1 << latencyBits
)

func latencyClass(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < latencySteps {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - latencyBits
	return (shift+1)*latencySteps + int(v>>shift)&(latencySteps-1)
}

// latencyOf is the least duration of a class.
func latencyOf(class int) time.Duration {
	if class < latencySteps {
		return time.Duration(class)
	}
	shift := class/latencySteps - 1
	return time.Duration(latencySteps+class%latencySteps) << shift
}

func (l *latencies) add(d time.Duration) {
	l.counts[latencyClass(d)]++
	l.total++
}

func (l *latencies) merge(o *latencies) {
	for class, n := range o.counts {
		l.counts[class] += n
	}
	l.total += o.total
}

// quantile returns the duration that a fraction q of all does not exceed, as
// exactly as the classes are.
func (l *latencies) quantile(q float64) time.Duration {
	left := int(q * float64(l.total))
	for class, n := range l.counts {
		if left -= int(n); left < 0 {
			return latencyOf(class)
		}
	}
	return 0
}
