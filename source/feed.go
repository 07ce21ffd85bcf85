package source

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/corecast/corecast/source/input"
)

const (
	// feedSize is how much of a live input waits for its turn: 2 s at 4 Mbit/s.
	feedSize = 1 << 20
	// rateWindow is how long a live input is watched for each look at its rate.
	rateWindow = 250 * time.Millisecond
	// rateWeight is the weight of what was seen before.
	rateWeight = 0.75
)

// feed takes what a live input gives while the round before is still being
// sent, and knows how fast it comes. A goroutine of its own reads the input.
type feed struct {
	input.Input
	done chan struct{} // closed when the goroutine has ended

	// mu guards everything below.
	mu      sync.Mutex
	changed sync.Cond   // there are bytes, there is room, or it is over
	alarm   *time.Timer // wakes a reader that has waited long enough
	ring    []byte
	r, held int   // ring[r:r+held], which may go over the end, waits
	err     error // why there will be no more bytes
	closed  bool

	rate  float64 // bytes a second; 0 before the first look
	since time.Time
	seen  int // bytes since then
}

// newFeed begins to read in. Stop ends it.
func newFeed(in input.Input) *feed {
	f := &feed{Input: in, done: make(chan struct{}), ring: make([]byte, feedSize), since: time.Now()}
	f.changed.L = &f.mu
	f.alarm = time.AfterFunc(time.Hour, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.changed.Broadcast()
	})
	f.alarm.Stop()
	go f.fill()
	return f
}

func (f *feed) fill() {
	defer close(f.done)
	buf := make([]byte, readSize)
	for {
		n, err := f.Input.Read(buf)
		if !f.put(buf[:n], err) {
			return
		}
	}
}

// put adds what came, and waits for room if it must. It reports whether there
// may be more.
func (f *feed) put(b []byte, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.measureLocked(len(b))
	for f.held+len(b) > len(f.ring) && !f.closed {
		f.changed.Wait()
	}
	if f.closed {
		return false
	}
	w := (f.r + f.held) % len(f.ring)
	copied := copy(f.ring[w:], b)
	copy(f.ring, b[copied:])
	f.held += len(b)
	f.err = err
	f.changed.Broadcast()
	return err == nil
}

func (f *feed) measureLocked(n int) {
	f.seen += n
	d := time.Since(f.since)
	if d < rateWindow {
		return
	}
	rate := float64(f.seen) / d.Seconds()
	switch {
	case d >= 4*rateWindow: // a pause: what was before says nothing
		rate = 0
	case f.rate > 0:
		rate = rateWeight*f.rate + (1-rateWeight)*rate
	}
	f.rate, f.seen, f.since = rate, 0, time.Now()
}

// Read implements io.Reader: it waits for bytes, and gives all of them before
// the error that ended the input.
func (f *feed) Read(b []byte) (int, error) { return f.readWithin(b, 0) }

// errIdle: nothing came in the time to wait.
var errIdle = errors.New("nothing came")

// readWithin is Read that waits for so long; 0 is for ever.
func (f *feed) readWithin(b []byte, d time.Duration) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	until := time.Now().Add(d)
	if d > 0 && f.held == 0 {
		f.alarm.Reset(d)
		defer f.alarm.Stop()
	}
	for f.held == 0 {
		if f.closed {
			return 0, io.ErrClosedPipe
		}
		if f.err != nil {
			return 0, f.err
		}
		if d > 0 && !time.Now().Before(until) {
			return 0, errIdle
		}
		f.changed.Wait()
	}
	n := min(len(b), f.held)
	copied := copy(b[:n], f.ring[f.r:])
	copy(b[copied:n], f.ring)
	f.r = (f.r + n) % len(f.ring)
	f.held -= n
	f.changed.Broadcast()
	return n, nil
}

// window is how long a round of size bytes may take: as long as the input takes
// to bring that much, less the more is waiting (ahead bytes, and what is in the
// feed), 0 before that is known.
func (f *feed) window(size, ahead int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rate == 0 {
		return 0
	}
	interval := time.Duration(float64(size) / f.rate * float64(time.Second))
	return interval / time.Duration(1+(f.held+ahead)/size)
}

// stop ends the feed and its input.
func (f *feed) stop() {
	f.mu.Lock()
	f.closed = true
	f.changed.Broadcast()
	f.mu.Unlock()
	_ = f.Close()
	<-f.done
}
