package source

import (
	"context"
	"time"
)

// Clock tells the time and waits for it. Run is paced by one, so that tests
// need not wait.
type Clock interface {
	Now() time.Time
	// Sleep waits for d, or less when ctx ends.
	Sleep(ctx context.Context, d time.Duration)
}

// NewClock returns the clock of the machine, for one goroutine: Sleep is some tens
// of microseconds late, not up to a millisecond as a timer.
func NewClock() Clock { return new(systemClock) }

// systemClock is the clock of the machine. One goroutine may use it: it keeps
// its timer.
type systemClock struct{ timer *time.Timer }

func (c *systemClock) Now() time.Time { return time.Now() }

// Sleep is more precise than a timer, which may be a millisecond late: the last
// bit is left to the kernel.
func (c *systemClock) Sleep(ctx context.Context, d time.Duration) {
	until := time.Now().Add(d)
	if long := d - nap; long > 0 {
		if c.timer == nil {
			c.timer = time.NewTimer(long)
		} else {
			c.timer.Reset(long)
		}
		select {
		case <-c.timer.C:
		case <-ctx.Done():
			c.timer.Stop()
			return
		}
	}
	sleepUntil(until)
}
