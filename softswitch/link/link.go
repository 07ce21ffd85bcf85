// Package link makes in-memory cables: two ports joined by one bounded ring
// of preallocated frame buffers in each direction.
//
// It promises what a cable with flow control promises. Frames arrive whole
// and in order. A sender that finds the ring full waits for room, so nothing
// is lost between two ports that are both served; but it waits a bounded time
// only, so that a cycle of switches, each waiting for the next, comes loose
// by dropping (and counting) instead of standing still for ever. Nothing is
// allocated per frame.
package link

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/softswitch/port"
)

const (
	// DefaultFrames is how many frames each direction holds unless told.
	DefaultFrames = 256
	// DefaultWait is how long a sender waits for room unless told.
	DefaultWait = time.Second
)

// Options shape a link. The zero value is a link with DefaultFrames and
// DefaultWait.
type Options struct {
	// Frames is the room in each direction; zero means DefaultFrames.
	Frames int
	// Wait bounds how long Send waits for room; zero means DefaultWait.
	Wait time.Duration
	// DropWhenFull makes Send drop at once instead of waiting. A link whose
	// two ends belong to one switch (a loop port) wants it: the goroutine
	// that would make room may be the very one that sends.
	DropWhenFull bool
}

// An End is one end of a link. It implements port.Port.
type End struct {
	out, in *ring
	cable   *cable
	wait    time.Duration // how long Send may wait; 0 drops at once
	timer   *time.Timer   // owned by Send
	stalled bool          // owned by Send: the last wait ended without room
	closed  atomic.Bool   // this very end was closed

	rxFrames, rxBytes, rxDropped atomic.Uint64
	txFrames, txBytes, txDropped atomic.Uint64
}

var _ port.Port = (*End)(nil)

// cable is what both ends share: closing either closes it.
type cable struct {
	once sync.Once
	done chan struct{}
}

// New makes a link and returns its two ends.
func New(o Options) (a, b *End) {
	if o.Frames <= 0 {
		o.Frames = DefaultFrames
	}
	if o.Wait <= 0 {
		o.Wait = DefaultWait
	}
	if o.DropWhenFull {
		o.Wait = 0
	}
	c := &cable{done: make(chan struct{})}
	ab, ba := newRing(o.Frames), newRing(o.Frames)
	return newEnd(c, ab, ba, o.Wait), newEnd(c, ba, ab, o.Wait)
}

func newEnd(c *cable, out, in *ring, wait time.Duration) *End {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &End{cable: c, out: out, in: in, wait: wait, timer: t}
}

// Recv implements port.Port. Frames that were sent before the other end was
// closed are still delivered.
func (e *End) Recv(frames [][]byte) (int, error) {
	if len(frames) == 0 {
		return 0, nil
	}
	for {
		if e.closed.Load() {
			return 0, net.ErrClosed
		}
		if n := e.take(frames); n > 0 {
			return n, nil
		}
		select {
		case <-e.in.filled:
		case <-e.cable.done:
			if n := e.take(frames); n > 0 && !e.closed.Load() {
				return n, nil
			}
			return 0, net.ErrClosed
		}
	}
}

func (e *End) take(frames [][]byte) int {
	n, bytes, dropped := e.in.pop(frames)
	e.rxFrames.Add(uint64(n))
	e.rxBytes.Add(uint64(bytes))
	e.rxDropped.Add(uint64(dropped))
	return n
}

// Send implements port.Port. It waits for room as long as the link allows;
// what found no room, or is longer than port.MaxFrame, is dropped and counted.
func (e *End) Send(frames [][]byte) (int, error) {
	left := 0
	for rest := frames; len(rest) > 0; {
		select {
		case <-e.cable.done:
			return left, net.ErrClosed
		default:
		}
		used, sent, bytes := e.out.push(rest)
		e.txFrames.Add(uint64(sent))
		e.txBytes.Add(uint64(bytes))
		e.txDropped.Add(uint64(used - sent))
		left += sent
		rest = rest[used:]
		if used > 0 {
			e.stalled = false
		}
		if len(rest) > 0 && !e.waitForRoom() {
			e.txDropped.Add(uint64(len(rest)))
			break
		}
	}
	return left, nil
}

// waitForRoom reports whether it is worth trying again. Once a wait has ended
// in vain the receiver counts as stalled, and frames are dropped without
// waiting until it has taken one: a host that stopped reading must slow its
// switch down once, not once per batch.
func (e *End) waitForRoom() bool {
	if e.wait == 0 || e.stalled {
		return false
	}
	e.timer.Reset(e.wait)
	defer e.timer.Stop()
	select {
	case <-e.out.drained:
		return true
	case <-e.cable.done:
		return true // the caller finds it closed
	case <-e.timer.C:
		e.stalled = true
		return false
	}
}

// Stats implements port.Port.
func (e *End) Stats() port.Stats {
	return port.Stats{
		RxFrames: e.rxFrames.Load(), RxBytes: e.rxBytes.Load(), RxDropped: e.rxDropped.Load(),
		TxFrames: e.txFrames.Load(), TxBytes: e.txBytes.Load(), TxDropped: e.txDropped.Load(),
	}
}

// Close implements port.Port: it unplugs the cable at both ends.
func (e *End) Close() error {
	e.closed.Store(true)
	e.cable.once.Do(func() { close(e.cable.done) })
	return nil
}
