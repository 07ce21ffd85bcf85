package keep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/store"
)

// Options are what a Writer is made with.
type Options struct {
	// If holds while this process may write: its turn. Empty for always.
	If []store.Condition
	// TTL is the longest lease.
	TTL time.Duration
	// Look returns a lease as it is now; false if it has ended.
	Look func(dstlist.ID) (Lease, bool)
	// Room bounds the changes that wait for the store; 0 means 262,144.
	Room int
	// OnError, if not nil, is told once when the store begins to fail. What is
	// to be written is tried again.
	OnError func(error)
}

// Interval is how long a change may wait until it is written, and so what a
// crash can lose.
const Interval = 200 * time.Millisecond

const (
	// atOnce is how many transactions are under way at a time: stores write
	// those that wait together.
	atOnce = 32
	// defaultRoom is for half a minute of 10,000 joins a second.
	defaultRoom = 1 << 18
)

// ErrNotOurs: another process has the turn.
var ErrNotOurs = errors.New("another one's turn has come: nothing more is written")

// Stats are the counts of a Writer.
type Stats struct {
	Waiting  int    // changes that are not stored yet
	Written  uint64 // leases written or deleted
	Renewed  uint64 // renewals written
	Dropped  uint64 // changes that there was no room for; see Writer.Changed
	Failures uint64 // transactions that failed
}

// Writer keeps the leases and the sequence of a channel while this process sends
// it. Run must be running.
type Writer struct {
	Sequence *Sequence
	store    store.Store
	opts     Options
	keys     keys

	mu      sync.Mutex // guards what follows
	changed map[dstlist.ID]struct{}
	renewed map[dstlist.ID]struct{}
	// whole is until when renewals are written as changes, since some change
	// was dropped: each lease is renewed once in its time.
	whole   time.Time
	writing int // changes that are being written
	stats   Stats

	// What follows belongs to Run.
	logged  []logged // the renewals in the store, oldest first
	last    int64    // the time in the key of the last ones
	failing bool
}

// Changed notes that a lease was given, given anew or has ended. If the store
// has failed for so long that there is no room, the lease is written when it is
// renewed next.
func (w *Writer) Changed(id dstlist.ID) { w.note(id, true) }

// Renewed notes that a lease was renewed for the same permission.
func (w *Writer) Renewed(id dstlist.ID) { w.note(id, false) }

func (w *Writer) note(id dstlist.ID, changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	into := w.renewed
	if changed || !w.whole.IsZero() && time.Now().Before(w.whole) {
		into = w.changed
	}
	if _, there := into[id]; !there && len(w.changed)+len(w.renewed) >= w.opts.Room {
		w.dropLocked(1)
		return
	}
	into[id] = struct{}{}
}

func (w *Writer) dropLocked(n int) {
	w.stats.Dropped += uint64(n)
	w.whole = time.Now().Add(w.opts.TTL + Interval)
}

// Stats returns the counts.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Waiting = len(w.changed) + len(w.renewed) + w.writing
	return s
}

// Waiting returns how many changes are not stored yet.
func (w *Writer) Waiting() int { return w.Stats().Waiting }

// lastFlush is how long the last changes may take when a Writer ends.
const lastFlush = 5 * time.Second

// Run writes what changes until ctx ends, with nil, and what has changed until
// then. It is ErrNotOurs if the turn has become another one's before.
func (w *Writer) Run(ctx context.Context) error {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := w.flush(ctx); errors.Is(err, ErrNotOurs) {
				return err
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			if err := w.flush(last); err != nil {
				return fmt.Errorf("the last changes of the leases are lost: %w", err)
			}
			return nil
		}
	}
}

// flush writes what is noted, the sequence first.
func (w *Writer) flush(ctx context.Context) error {
	err := w.Sequence.extend(func(op store.Op) error { return w.commit(ctx, []store.Op{op}) })
	if err == nil {
		err = w.flushChanged(ctx)
	}
	if err == nil {
		err = w.flushRenewed(ctx)
	}
	if err == nil {
		err = w.trim(ctx, time.Now())
	}
	if err != nil && !w.failing && w.opts.OnError != nil && ctx.Err() == nil {
		w.opts.OnError(err)
	}
	w.failing = err != nil
	return err
}

func (w *Writer) commit(ctx context.Context, ops []store.Op) error {
	_, err := w.store.Commit(ctx, store.Txn{If: w.opts.If, Then: ops})
	if err == nil {
		return nil
	}
	w.mu.Lock()
	w.stats.Failures++
	w.mu.Unlock()
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w: %w", ErrNotOurs, err)
	}
	return fmt.Errorf("cannot keep the leases under %s: %w", w.keys.prefix, err)
}

// take empties a set of noted leases, sorted: neighbours in the store share its
// pages.
func (w *Writer) take(set *map[dstlist.ID]struct{}) []dstlist.ID {
	w.mu.Lock()
	taken := *set
	if len(taken) == 0 {
		w.mu.Unlock()
		return nil
	}
	*set = map[dstlist.ID]struct{}{}
	w.writing += len(taken)
	w.mu.Unlock()
	ids := make([]dstlist.ID, 0, len(taken))
	for id := range taken {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// putBack notes leases again that could not be written.
func (w *Writer) putBack(set *map[dstlist.ID]struct{}, ids []dstlist.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing -= len(ids)
	for i, id := range ids {
		if len(w.changed)+len(w.renewed) >= w.opts.Room {
			w.dropLocked(len(ids) - i)
			return
		}
		(*set)[id] = struct{}{}
	}
}

// flushChanged writes each lease that has changed as it is now.
func (w *Writer) flushChanged(ctx context.Context) error {
	var under errgroup.Group
	under.SetLimit(atOnce)
	for ids := range slices.Chunk(w.take(&w.changed), store.MaxOps) {
		under.Go(func() error {
			ops := make([]store.Op, len(ids))
			for i, id := range ids {
				ops[i] = w.op(id)
			}
			if err := w.commit(ctx, ops); err != nil {
				w.putBack(&w.changed, ids)
				return err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.stats.Written += uint64(len(ids))
			w.writing -= len(ids)
			return nil
		})
	}
	return under.Wait()
}

func (w *Writer) op(id dstlist.ID) store.Op {
	key := w.keys.lease(id)
	if l, ok := w.opts.Look(id); ok {
		if value, err := l.encode(); err == nil { // always, of plain fields
			return store.Op{Key: key, Value: value}
		}
	}
	return store.Op{Key: key, Delete: true}
}
