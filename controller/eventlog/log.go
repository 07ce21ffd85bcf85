package eventlog

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/corecast/corecast/store"
)

// Options tune a Log; the zero value works.
type Options struct {
	// Max is how many events are kept; 0 means 10,000.
	Max int
	// MaxBytes is how many bytes they may take in the store; 0 means 16 MiB.
	MaxBytes int
	// Node names this controller in its events.
	Node string
	// Logger takes what goes wrong; nil discards it.
	Logger *slog.Logger
}

const (
	// queueLength is how many seen events may wait for the store.
	queueLength = 1024
	// batch is how many of them one transaction takes.
	batch = 32
	// trim is how many events a transaction takes out at most for each that it
	// adds: more than one, so that what is too many becomes less.
	trim = 2
	// retry is the pause after a failure of the store.
	retry = time.Second
)

// Log is the log of one store. Make it with Open and start it with Run; all
// other methods may be called by any goroutine.
type Log struct {
	store store.Store
	opts  Options
	id    string // tells this process's keys from others'
	queue chan Event

	mu       sync.Mutex // guards what follows
	entries  []Entry    // in the order of ids
	bytes    int        // their sizes
	floor    ID         // of the last event that is no longer kept
	doomed   []string   // keys that the store is yet to be rid of, oldest first
	grown    chan struct{}
	read     store.Revision // everything up to it is in entries
	sequence uint64         // of transactions
	dropped  uint64
}

// Open reads what the store has.
func Open(ctx context.Context, s store.Store, opts Options) (*Log, error) {
	opts.Max = cmp.Or(opts.Max, 10_000)
	opts.MaxBytes = cmp.Or(opts.MaxBytes, 16<<20)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{store: s, opts: opts, id: strings.ToLower(rand.Text()[:8]), queue: make(chan Event, queueLength), grown: make(chan struct{})}
	return l, l.load(ctx)
}

// load replaces what is known by what the store has.
func (l *Log) load(ctx context.Context) error {
	var all []Entry
	after, revision := "", store.Revision(0)
	for {
		page, err := l.store.List(ctx, prefix, after, 1000)
		if err != nil {
			return err
		}
		if after == "" {
			revision = page.Revision
		}
		for _, e := range page.Entries {
			after = e.Key
			if ev, err := entry(e); err != nil {
				l.opts.Logger.Error("an event cannot be read", "err", err)
			} else if ev.ID.Revision <= revision { // later ones come by the watch
				all = append(all, ev)
			}
		}
		if !page.More {
			break
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return a.ID.Compare(b.ID) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.bytes, l.doomed, l.read = nil, 0, nil, revision
	if len(all) > 0 {
		first := all[0].ID.Revision
		l.floor = ID{first - min(first, 1), 1<<32 - 1}
	}
	l.addLocked(all)
	return nil
}

// addLocked takes in events that follow all others, and lets go what there is no
// room for.
func (l *Log) addLocked(events []Entry) {
	l.entries = append(l.entries, events...)
	for i := range events {
		l.bytes += events[i].size
	}
	drop := 0
	for ; drop < len(l.entries) && (len(l.entries)-drop > l.opts.Max || l.bytes > l.opts.MaxBytes); drop++ {
		l.bytes -= l.entries[drop].size
		l.doomed = append(l.doomed, l.entries[drop].key)
		l.floor = l.entries[drop].ID
	}
	clear(l.entries[:drop])
	l.entries = l.entries[drop:] // append moves them now and then
	close(l.grown)
	l.grown = make(chan struct{})
}

// Ops are what a transaction has to do besides its own for events to be in the
// log with it.
func (l *Log) Ops(events ...Event) []store.Op {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sequence++
	var ops []store.Op
	for i, e := range events {
		if e.Time.IsZero() {
			e.Time = time.Now()
		}
		e.Time, e.Node = e.Time.UTC(), cmp.Or(e.Node, l.opts.Node)
		value, err := json.Marshal(&e)
		if err != nil { // Before or After is no JSON
			l.opts.Logger.Error("an event cannot be kept", "text", e.Text, "err", err)
			continue
		}
		ops = append(ops, store.Op{Key: key(e.Time, l.id, l.sequence, i), Value: value})
	}
	for _, key := range l.doomed[:min(trim*len(events), len(l.doomed))] {
		ops = append(ops, store.Op{Key: key, Delete: true})
	}
	return ops
}

// Record notes something that was seen. It reports whether there was room.
func (l *Log) Record(e Event) bool {
	e.Time = time.Now()
	select {
	case l.queue <- e:
		return true
	default:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dropped++
		return false
	}
}

// Dropped counts the events that Record had no room for.
func (l *Log) Dropped() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Read returns the events after an id, at most limit, and a channel that is
// closed when there are more. missed says that events after the id are no longer
// kept: those returned are the oldest that are.
func (l *Log) Read(after ID, limit int) (events []Entry, missed bool, grown <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := l.lastLocked(); after.Compare(last) > 0 || after != (ID{}) && after.Compare(l.floor) < 0 {
		after, missed = ID{}, true
	}
	i := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].ID.Compare(after) > 0 })
	return slices.Clone(l.entries[i:min(i+limit, len(l.entries))]), missed, l.grown
}

// Tail returns the newest events, at most n, oldest first.
func (l *Log) Tail(n int) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries[max(0, len(l.entries)-n):])
}

// Last is the id of the newest event.
func (l *Log) Last() ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastLocked()
}

func (l *Log) lastLocked() ID {
	if n := len(l.entries); n > 0 {
		return l.entries[n-1].ID
	}
	return l.floor
}

// Run follows the store and writes what is recorded, until ctx ends.
func (l *Log) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { l.write(ctx) })
	defer wg.Wait()
	for {
		err := l.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, store.ErrCompacted) {
			err = l.load(ctx)
		}
		if err != nil {
			l.opts.Logger.Error("events cannot be followed", "err", err)
			pause(ctx, retry)
		}
	}
}

func (l *Log) follow(ctx context.Context) error {
	l.mu.Lock()
	after := l.read
	l.mu.Unlock()
	for change, err := range l.store.Watch(ctx, prefix, after) {
		if err != nil {
			return err
		}
		l.take(change)
	}
	return ctx.Err()
}

// take takes in one transaction.
func (l *Log) take(change store.Change) {
	var fresh []Entry
	gone := map[string]bool{}
	for _, ev := range change.Events {
		switch {
		case ev.Deleted:
			gone[ev.Key] = true
		case ev.Created == ev.Modified:
			if e, err := entry(ev.Entry); err == nil {
				fresh = append(fresh, e)
			}
		}
	}
	slices.SortFunc(fresh, func(a, b Entry) int { return a.ID.Compare(b.ID) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read = change.Revision
	if len(gone) > 0 {
		l.doomed = slices.DeleteFunc(l.doomed, func(key string) bool {
			doomed := gone[key]
			delete(gone, key) // it is no entry any more
			return doomed
		})
	}
	if len(gone) > 0 {
		l.forgetLocked(gone)
	}
	if len(fresh) > 0 {
		l.addLocked(fresh)
	}
}

// forgetLocked lets go what another controller has taken out of the store.
func (l *Log) forgetLocked(gone map[string]bool) {
	l.entries = slices.DeleteFunc(l.entries, func(e Entry) bool {
		if !gone[e.key] {
			return false
		}
		l.bytes -= e.size
		if e.ID.Compare(l.floor) > 0 {
			l.floor = e.ID
		}
		return true
	})
}

// write is the goroutine that writes what is recorded.
func (l *Log) write(ctx context.Context) {
	for {
		var events []Event
		select {
		case e := <-l.queue:
			events = append(events, e)
		case <-ctx.Done():
			return
		}
		for len(events) < batch && len(l.queue) > 0 {
			events = append(events, <-l.queue)
		}
		for {
			_, err := l.store.Commit(ctx, store.Txn{Then: l.Ops(events...)})
			if err == nil {
				break
			}
			if ctx.Err() != nil || errors.Is(err, store.ErrInvalid) {
				l.opts.Logger.Error("events are lost", "count", len(events), "err", err)
				break
			}
			pause(ctx, retry)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
