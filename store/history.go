package store

import (
	"context"
	"fmt"
	"iter"
	"sort"
	"strings"
	"sync"
)

// maxHistory is how many events a store remembers for its watches. The last
// transaction is remembered however long it is.
const maxHistory = 16384

// history is what happened lately. Watches read it at their own pace: one that
// falls behind by more than it holds ends with ErrCompacted, and no watch holds
// up a commit or another watch.
type history struct {
	mu      sync.Mutex    // guards what follows
	changes []Change      // ascending
	events  int           // in changes
	from    Revision      // changes holds everything after from
	last    Revision      // changes holds everything up to last
	coming  Revision      // readers may have seen revisions up to coming
	grown   chan struct{} // closed and replaced when changes grows
	closed  bool
}

// newHistory starts remembering after a revision.
func newHistory(at Revision) *history {
	return &history{from: at, last: at, coming: at, grown: make(chan struct{})}
}

// expect says that transactions up to a revision are about to become visible to
// readers, before add.
func (h *history) expect(r Revision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.coming = max(h.coming, r)
}

// add remembers a transaction, unless the store has been closed meanwhile.
func (h *history) add(c Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.changes = append(h.changes, c)
	h.events += len(c.Events)
	h.last, h.coming = c.Revision, max(h.coming, c.Revision)
	drop := 0
	for ; h.events > maxHistory && drop < len(h.changes)-1; drop++ {
		h.events -= len(h.changes[drop].Events)
		h.from = h.changes[drop].Revision
	}
	if drop > 0 {
		clear(h.changes[:drop])
		h.changes = h.changes[drop:]
	}
	close(h.grown)
	h.grown = make(chan struct{})
}

// forget says that changes up to a revision, which is to be remembered after,
// may be missing: watches from before it end.
func (h *history) forget(at Revision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || at == h.last {
		return
	}
	h.changes, h.events = nil, 0
	h.from, h.last, h.coming = at, at, max(h.coming, at)
	close(h.grown)
	h.grown = make(chan struct{})
}

// revision is the last one that is remembered.
func (h *history) revision() Revision {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// close ends all watches.
func (h *history) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.grown)
	}
}

// next returns what is remembered after a revision, up to until, and a channel
// that is closed when there is more.
func (h *history) next(after Revision) (changes []Change, until Revision, grown <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, 0, nil, ErrClosed
	case after < h.from || after > h.coming: // after: of a store that was there before
		return nil, 0, nil, fmt.Errorf("watch after revision %d: %w", after, ErrCompacted)
	}
	i := sort.Search(len(h.changes), func(i int) bool { return h.changes[i].Revision > after })
	return h.changes[i:len(h.changes):len(h.changes)], max(after, h.last), h.grown, nil
}

// watch implements Store.Watch.
func (h *history) watch(ctx context.Context, prefix string, after Revision) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for {
			changes, until, grown, err := h.next(after)
			if ended := ctx.Err(); ended != nil {
				err = ended
			}
			if err != nil {
				yield(Change{}, err)
				return
			}
			for _, c := range changes {
				if c = c.under(prefix); len(c.Events) > 0 && !yield(c, nil) {
					return
				}
			}
			after = until
			select {
			case <-grown:
			case <-ctx.Done():
			}
		}
	}
}

// under returns the part of a change whose keys start with prefix. Values are
// copied: the history keeps its own.
func (c Change) under(prefix string) Change {
	part := Change{Revision: c.Revision}
	for _, ev := range c.Events {
		if strings.HasPrefix(ev.Key, prefix) {
			ev.Value = append([]byte(nil), ev.Value...)
			part.Events = append(part.Events, ev)
		}
	}
	return part
}
