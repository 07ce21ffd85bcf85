package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// WriterOptions tune a Writer; the zero value works.
type WriterOptions struct {
	// Interval is how long a write waits at most before it is flushed, and so
	// what a crash can lose; 0 means 200 ms.
	Interval time.Duration
	// Batch is how many waiting keys make a flush start at once, and the most
	// that one transaction writes, if the store takes it; 0 means 4096.
	Batch int
	// Queue bounds the keys that wait; 0 means 262,144.
	Queue int
	// OnError is told when a flush fails; its writes stay and are tried again.
	OnError func(error)
}

// WriterStats are the counts of a Writer since it was made, and its queue now.
type WriterStats struct {
	Waiting   int    `json:"waiting"`   // keys that are not durable yet
	Written   uint64 `json:"written"`   // puts and deletes that are durable
	Coalesced uint64 `json:"coalesced"` // replaced by a later one of their key before they were flushed
	Dropped   uint64 `json:"dropped"`   // refused because the queue was full
	Flushes   uint64 `json:"flushes"`   // transactions
	Failures  uint64 `json:"failures"`  // transactions that failed
	LastError string `json:"last_error,omitempty"`
}

// Writer puts soft state into a store without ever waiting for it: Put and
// Delete only note what is to be written, the last one of a key wins, and a
// goroutine writes what has gathered in large transactions. What is not flushed
// when the process dies is lost, and so is what does not fit the queue: use it
// only for what ends by itself or is told again.
type Writer struct {
	store Store
	opts  WriterOptions
	wake  chan struct{} // capacity 1: a batch is full
	flush chan chan error
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex    // guards what follows
	waiting map[string]Op // by key
	writing int           // keys that were waiting and are being written
	stats   WriterStats
	closed  bool
}

// NewWriter starts a Writer on a store. It must be closed before the store.
func NewWriter(s Store, opts WriterOptions) *Writer {
	if opts.Interval <= 0 {
		opts.Interval = 200 * time.Millisecond
	}
	if opts.Batch <= 0 {
		opts.Batch = 4096
	}
	if opts.Queue <= 0 {
		opts.Queue = 1 << 18
	}
	w := &Writer{
		store: s, opts: opts, waiting: map[string]Op{},
		wake: make(chan struct{}, 1), flush: make(chan chan error), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// Put notes that a key is to hold a value, which the Writer keeps: do not change
// it. It returns false, and counts it as dropped, if the queue is full, the
// Writer closed, or key or value longer than a store takes.
func (w *Writer) Put(key string, value []byte) bool {
	return w.note(Op{Key: key, Value: value})
}

// Delete notes that a key is to go. It returns false as Put does.
func (w *Writer) Delete(key string) bool {
	return w.note(Op{Key: key, Delete: true})
}

func (w *Writer) note(op Op) bool {
	err := checkOp(&op)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.stats.Dropped++
		w.stats.LastError = err.Error()
		return false
	}
	_, replaces := w.waiting[op.Key]
	if w.closed || !replaces && len(w.waiting)+w.writing >= w.opts.Queue {
		w.stats.Dropped++
		return false
	}
	if replaces {
		w.stats.Coalesced++
	}
	w.waiting[op.Key] = op
	if len(w.waiting) >= w.opts.Batch {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// Stats returns the counts.
func (w *Writer) Stats() WriterStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Waiting = len(w.waiting) + w.writing
	return s
}

// Flush writes all that waits and returns when it is durable.
func (w *Writer) Flush(ctx context.Context) error {
	result := make(chan error, 1)
	select {
	case w.flush <- result:
	case <-w.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close flushes, and ends the Writer. It returns why what still waits could not
// be written.
func (w *Writer) Close() error {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	w.mu.Unlock()
	if first {
		close(w.stop)
	}
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) > 0 {
		return &unwrittenError{len(w.waiting), w.stats.LastError}
	}
	return nil
}

// run is the one goroutine that writes.
func (w *Writer) run() {
	defer close(w.done)
	tick := time.NewTicker(w.opts.Interval)
	defer tick.Stop()
	var err error
	for {
		select {
		case <-w.wake:
			if err == nil { // a store that fails is tried again in its own time
				err = w.writeAll()
			}
		case <-tick.C:
			err = w.writeAll()
		case result := <-w.flush:
			err = w.writeAll()
			result <- err
		case <-w.stop:
			w.writeAll()
			return
		}
	}
}

// large is a store that takes larger transactions from a Writer than Commit
// does.
type large interface {
	commitLarge(context.Context, Txn) (Revision, error)
}

// writeAll writes what waits now, a transaction after the other, until one
// fails.
func (w *Writer) writeAll() error {
	ops := w.take()
	for len(ops) > 0 {
		n, err := w.writeSome(ops)
		w.wrote(n, err)
		if err != nil {
			w.putBack(ops)
			if w.opts.OnError != nil {
				w.opts.OnError(err)
			}
			return err
		}
		ops = ops[n:]
	}
	return nil
}

// writeSome writes as many operations as go into one transaction.
func (w *Writer) writeSome(ops []Op) (n int, err error) {
	n = min(len(ops), w.opts.Batch)
	if s, ok := w.store.(large); ok {
		_, err = s.commitLarge(context.Background(), Txn{Then: ops[:n]})
		return n, err
	}
	n = fitting(ops[:n])
	_, err = w.store.Commit(context.Background(), Txn{Then: ops[:n]})
	return n, err
}

// fitting is how many operations fit one transaction.
func fitting(ops []Op) int {
	size := 0
	for i := range ops {
		if size += ops[i].size(); i == MaxOps || i > 0 && size > MaxTxn {
			return i
		}
	}
	return len(ops)
}

// take empties the queue, sorted: neighbors in the store share its pages.
func (w *Writer) take() []Op {
	w.mu.Lock()
	ops := make([]Op, 0, len(w.waiting))
	for _, op := range w.waiting {
		ops = append(ops, op)
	}
	clear(w.waiting)
	w.writing = len(ops)
	w.mu.Unlock()
	slices.SortFunc(ops, func(a, b Op) int { return strings.Compare(a.Key, b.Key) })
	return ops
}

func (w *Writer) wrote(n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.stats.Failures++
		w.stats.LastError = err.Error()
		return
	}
	w.writing -= n
	w.stats.Flushes++
	w.stats.Written += uint64(n)
	w.stats.LastError = ""
}

// putBack makes writes that failed wait again, unless their keys were written
// anew or the queue has no room.
func (w *Writer) putBack(ops []Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing = 0
	for _, op := range ops {
		if _, newer := w.waiting[op.Key]; newer {
			w.stats.Coalesced++
		} else if len(w.waiting) < w.opts.Queue {
			w.waiting[op.Key] = op
		} else {
			w.stats.Dropped++
		}
	}
}

// unwrittenError is what a Writer could not write before it was closed.
type unwrittenError struct {
	keys int
	why  string
}

func (e *unwrittenError) Error() string {
	return fmt.Sprintf("%d keys were not written: %s", e.keys, e.why)
}
