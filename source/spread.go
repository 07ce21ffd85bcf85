package source

import "time"

// leastBatch is how many header packets may always go at once: no queue is too
// short for them, and to wake up for fewer costs more than it saves.
const leastBatch = 16

// spread divides a round's header packets evenly over a window of time.
type spread struct {
	start  time.Time
	window time.Duration
	total  int // packets in the round
	burst  int // the most at once; 0 for no bound
	sent   int
}

func newSpread(total int, start time.Time, window time.Duration, burst int) spread {
	return spread{start: start, window: window, total: total, burst: burst}
}

// batch is how many packets go at once: what is due in a millisecond.
func (s *spread) batch() int {
	n := batchSize - 1 // and the payload
	if s.window > 0 {
		due := (time.Duration(s.total)*time.Millisecond + s.window - 1) / s.window
		n = min(n, max(int(due), leastBatch))
	}
	if s.burst > 0 {
		n = min(n, s.burst)
	}
	return n
}

// wait is how long the next batch has time.
func (s *spread) wait(now time.Time) time.Duration {
	if s.window <= 0 || s.sent >= s.total {
		return 0
	}
	due := time.Duration(float64(s.window) * float64(s.sent) / float64(s.total))
	return due - now.Sub(s.start)
}
