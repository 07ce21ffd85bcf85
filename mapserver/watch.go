package mapserver

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/corecast/corecast/lisp"
)

// Change is one change of the database, for those in this process.
type Change struct {
	// Resync: the watcher was too slow, and changes before this one are lost.
	// Ask for what matters anew. Nothing else is set.
	Resync bool
	EID    lisp.EID
	// Mapping is what the prefix has now; nil if it has none any more, and
	// what covers it answers.
	Mapping *Mapping
}

// ErrClosed is what a Watcher ends with when it, or its server, is closed.
var ErrClosed = errors.New("the Map-Server's watch is closed")

// Watcher yields the changes of the database in their order. One goroutine
// reads it.
type Watcher struct {
	s    *Server
	wake chan struct{} // capacity 1: there is something to read

	mu     sync.Mutex // guards what follows
	queue  []change
	limit  int
	lost   bool
	closed bool
}

// change is a Change to be: mappings do not change, so they are looked into by
// whoever reads.
type change struct {
	eid   lisp.EID
	fresh *mapping
}

// watchers are all that watch.
type watchers struct {
	any  atomic.Bool // whether there are any, to see that without the lock
	mu   sync.Mutex  // guards list
	list map[*Watcher]struct{}
}

// Watch starts to watch: the watcher sees every change that is made after. It
// remembers so many that it has not read; more are lost, and it is told.
func (s *Server) Watch(buffer int) *Watcher {
	w := &Watcher{s: s, wake: make(chan struct{}, 1), limit: max(buffer, 1)}
	s.watchers.mu.Lock()
	defer s.watchers.mu.Unlock()
	if s.watchers.list == nil {
		s.watchers.list = map[*Watcher]struct{}{}
	}
	s.watchers.list[w] = struct{}{}
	s.watchers.any.Store(true)
	return w
}

// Next waits for the next change: until ctx ends, with its error, or the
// watcher or the server is closed (ErrClosed).
func (w *Watcher) Next(ctx context.Context) (Change, error) {
	for {
		c, ok, err := w.pop()
		switch {
		case err != nil:
			return Change{}, err
		case ok:
			return w.export(c), nil
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return Change{}, ctx.Err()
		}
	}
}

// pop returns the next change; a zero one for changes that were lost.
func (w *Watcher) pop() (c change, ok bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.lost:
		w.lost = false
		return change{}, true, nil
	case len(w.queue) > 0:
		c, w.queue = w.queue[0], w.queue[1:]
		return c, true, nil
	case w.closed:
		return change{}, false, ErrClosed
	}
	return change{}, false, nil
}

func (w *Watcher) export(c change) Change {
	if !c.eid.Prefix.IsValid() {
		w.s.counts.resynced.Add(1)
		return Change{Resync: true}
	}
	out := Change{EID: c.eid}
	if c.fresh != nil {
		w.s.mu.RLock()
		m := c.fresh.exportLocked()
		w.s.mu.RUnlock()
		out.Mapping = &m
	}
	return out
}

// Close ends the watch.
func (w *Watcher) Close() {
	w.s.watchers.mu.Lock()
	delete(w.s.watchers.list, w)
	w.s.watchers.any.Store(len(w.s.watchers.list) > 0)
	w.s.watchers.mu.Unlock()
	w.end()
}

func (w *Watcher) end() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.nudge()
}

func (w *Watcher) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// put queues a change, or forgets all that is queued if there is no room.
func (w *Watcher) put(c change) {
	w.mu.Lock()
	if len(w.queue) >= w.limit {
		w.queue, w.lost = nil, true
	} else if !w.lost {
		w.queue = append(w.queue, c)
	}
	w.mu.Unlock()
	w.nudge()
}

// tell tells all watchers of a change. It never waits for one.
func (ws *watchers) tell(eid lisp.EID, fresh *mapping) {
	if !ws.any.Load() {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.list {
		w.put(change{eid, fresh})
	}
}

// close ends all watches.
func (ws *watchers) close() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.list {
		w.end()
	}
	ws.list = nil
	ws.any.Store(false)
}
