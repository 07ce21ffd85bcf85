package bmv2test

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/corecast/corecast/controller/p4rt"
)

// crossing is a frame seen on the transit segment.
type crossing struct {
	from, to string
	frame    []byte
}

// arrival is a frame that a host received.
type arrival struct {
	host  string
	frame []byte
}

// punted is a packet-in.
type punted struct {
	from string
	p4rt.PacketIn
}

// fenceMark is in the payload of fences: packets by which the tester sees that
// what was sent before them has passed.
var fenceMark = []byte("fence of the tester")

// seen is what a recorder saw.
type seen struct {
	transit []crossing
	arrived []arrival
	punted  []punted
}

func (s *seen) total() int { return len(s.transit) + len(s.arrived) + len(s.punted) }

// recorder sees everything that leaves a switch of a Fig. 2 network.
type recorder struct {
	mu     sync.Mutex // guards the rest
	seen   seen
	fences int           // that reached a host
	change chan struct{} // closed and replaced when anything is seen
}

func newRecorder() *recorder { return &recorder{change: make(chan struct{})} }

// hook makes a network report to r.
func (r *recorder) hook(o *Fig2Options) {
	o.Tap = func(from, to string, frame []byte) Verdict {
		if !bytes.Contains(frame, fenceMark) {
			r.note(func(s *seen) { s.transit = append(s.transit, crossing{from, to, slices.Clone(frame)}) })
		}
		return Forward
	}
	o.FromDomain = func(d int, frame []byte) { r.arrive(DomainName(d), frame) }
	o.AtSecond = func(frame []byte) { r.arrive(SecondName, frame) }
	o.AtSource = func(frame []byte) { r.arrive(SourceName, frame) }
}

func (r *recorder) arrive(host string, frame []byte) {
	if bytes.Contains(frame, fenceMark) {
		r.note(func(*seen) { r.fences++ })
		return
	}
	r.note(func(s *seen) { s.arrived = append(s.arrived, arrival{host, slices.Clone(frame)}) })
}

// watchPunts records a switch's packet-ins until its session ends.
func (r *recorder) watchPunts(c *control) {
	for in := range c.session.PacketIns() {
		r.note(func(s *seen) { s.punted = append(s.punted, punted{c.name, in}) })
	}
}

func (r *recorder) note(f func(*seen)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.seen)
	close(r.change)
	r.change = make(chan struct{})
}

// take returns what was seen since the last take.
func (r *recorder) take() seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.seen
	r.seen = seen{}
	return s
}

func (r *recorder) progress() (total, fences int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.total(), r.fences
}

// wait waits until enough says so, of what was seen and how many fences came.
func (r *recorder) wait(ctx context.Context, enough func(s *seen, fences int) bool) error {
	for {
		r.mu.Lock()
		ok, change := enough(&r.seen, r.fences), r.change
		r.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
