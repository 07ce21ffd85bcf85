package source

import (
	"context"
	"time"
)

// MaxLag is how far a source may fall behind the clock of its stream and still
// catch up. What is later (the machine slept, or the network pushed back) is
// not made good by a burst: the stream goes on that much later.
const MaxLag = 200 * time.Millisecond

// pacer lets a stream flow at its own speed.
type pacer struct {
	clock   Clock
	started bool
	origin  time.Time // when the stream's time 0 is, or would have been
	shifts  uint64    // how often the origin was moved
}

// wait waits until the stream's time due.
func (p *pacer) wait(ctx context.Context, due time.Duration) {
	now := p.clock.Now()
	if !p.started {
		p.started, p.origin = true, now.Add(-due)
	}
	ahead := p.origin.Add(due).Sub(now)
	if ahead < -MaxLag {
		p.origin = now.Add(-due)
		p.shifts++
	}
	if ahead > 0 {
		p.clock.Sleep(ctx, ahead)
	}
}
