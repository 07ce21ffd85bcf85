package store

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is a Store that forgets everything when it is closed: for tests, and
// for a controller that is configured without a store.
type Memory struct {
	history *history

	mu       sync.Mutex // guards what follows; history.mu is taken inside it
	entries  map[string]Entry
	revision Revision
	leases   map[LeaseID]*memoryLease
	lastID   LeaseID
	closed   bool
}

type memoryLease struct {
	ttl   time.Duration
	timer *time.Timer
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{history: newHistory(0), entries: map[string]Entry{}, leases: map[LeaseID]*memoryLease{}}
}

// Get implements Store.
func (m *Memory) Get(ctx context.Context, key string) (Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usableLocked(ctx); err != nil {
		return Entry{}, err
	}
	if err := checkKey(key); err != nil {
		return Entry{}, err
	}
	e, ok := m.entries[key]
	if !ok {
		return Entry{}, fmt.Errorf("%s: %w", key, ErrNotFound)
	}
	e.Value = slices.Clone(e.Value)
	return e, nil
}

// List implements Store.
func (m *Memory) List(ctx context.Context, prefix, after string, limit int) (Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usableLocked(ctx); err != nil {
		return Page{}, err
	}
	page := Page{Revision: m.revision}
	for key, e := range m.entries {
		if strings.HasPrefix(key, prefix) && key > after {
			e.Value = slices.Clone(e.Value)
			page.Entries = append(page.Entries, e)
		}
	}
	slices.SortFunc(page.Entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	if limit > 0 && len(page.Entries) > limit {
		page.Entries, page.More = page.Entries[:limit], true
	}
	return page, nil
}

// Commit implements Store.
func (m *Memory) Commit(ctx context.Context, txn Txn) (Revision, error) {
	if err := txn.check(); err != nil {
		return 0, err
	}
	return m.commitLarge(ctx, txn)
}

// commitLarge is Commit without its limits, for a Writer.
func (m *Memory) commitLarge(ctx context.Context, txn Txn) (Revision, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usableLocked(ctx); err != nil {
		return 0, err
	}
	txn.Then = lastOfEach(txn.Then)
	return m.commitLocked(txn)
}

func (m *Memory) commitLocked(txn Txn) (Revision, error) {
	for _, c := range txn.If {
		if found := m.entries[c.Key].Modified; found != c.Modified {
			return 0, &ConflictError{Condition: c, Found: found}
		}
	}
	for _, op := range txn.Then {
		if m.leases[op.Lease] == nil && op.Lease != 0 && !op.Delete {
			return 0, fmt.Errorf("%s: lease %d: %w", op.Key, op.Lease, ErrNoLease)
		}
	}
	change := Change{Revision: m.revision + 1}
	for _, op := range txn.Then {
		old, existed := m.entries[op.Key]
		switch {
		case op.Delete && !existed:
			continue
		case op.Delete:
			delete(m.entries, op.Key)
			change.Events = append(change.Events, deleted(op.Key, change.Revision))
			continue
		case !existed:
			old.Created = change.Revision
		}
		e := Entry{Key: op.Key, Value: slices.Clone(op.Value), Created: old.Created, Modified: change.Revision, Lease: op.Lease}
		m.entries[op.Key] = e
		change.Events = append(change.Events, Event{Entry: e})
	}
	if len(change.Events) > 0 {
		m.revision = change.Revision
		m.history.add(change)
	}
	return m.revision, nil
}

func deleted(key string, at Revision) Event {
	return Event{Entry: Entry{Key: key, Modified: at}, Deleted: true}
}

// Snapshot implements Store.
func (m *Memory) Snapshot(ctx context.Context, read func(Revision, iter.Seq2[Entry, error]) error) error {
	page, err := m.List(ctx, "", "", 0)
	if err != nil {
		return err
	}
	return read(page.Revision, func(yield func(Entry, error) bool) {
		for _, e := range page.Entries {
			if err := ctx.Err(); !yield(e, err) || err != nil {
				return
			}
		}
	})
}

// Watch implements Store.
func (m *Memory) Watch(ctx context.Context, prefix string, after Revision) iter.Seq2[Change, error] {
	return m.history.watch(ctx, prefix, after)
}

// Grant implements Store.
func (m *Memory) Grant(ctx context.Context, ttl time.Duration) (LeaseID, error) {
	if err := checkTTL(ttl); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usableLocked(ctx); err != nil {
		return 0, err
	}
	m.lastID++
	id := m.lastID
	m.leases[id] = &memoryLease{ttl: ttl, timer: time.AfterFunc(ttl, func() { _ = m.Revoke(context.Background(), id) })}
	return id, nil
}

// Renew implements Store.
func (m *Memory) Renew(ctx context.Context, id LeaseID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usableLocked(ctx); err != nil {
		return err
	}
	lease := m.leases[id]
	if lease == nil || !lease.timer.Stop() { // stopped too late: it is about to be revoked
		return fmt.Errorf("lease %d: %w", id, ErrNoLease)
	}
	lease.timer.Reset(lease.ttl)
	return nil
}

// Revoke implements Store.
func (m *Memory) Revoke(ctx context.Context, id LeaseID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usableLocked(ctx); err != nil {
		return err
	}
	lease := m.leases[id]
	if lease == nil {
		return fmt.Errorf("lease %d: %w", id, ErrNoLease)
	}
	lease.timer.Stop()
	delete(m.leases, id)
	var txn Txn
	for key, e := range m.entries {
		if e.Lease == id {
			txn.Then = append(txn.Then, Op{Key: key, Delete: true})
		}
	}
	slices.SortFunc(txn.Then, func(a, b Op) int { return strings.Compare(a.Key, b.Key) })
	_, err := m.commitLocked(txn)
	return err
}

// Close implements Store.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, lease := range m.leases {
		lease.timer.Stop()
	}
	m.closed = true
	m.history.close()
	return nil
}

func (m *Memory) usableLocked(ctx context.Context) error {
	if m.closed {
		return ErrClosed
	}
	return ctx.Err()
}

func checkTTL(ttl time.Duration) error {
	if ttl < time.Second {
		return fmt.Errorf("%w: a lease of %v: at least 1s", ErrInvalid, ttl)
	}
	return nil
}
