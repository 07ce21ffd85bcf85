package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// deadlines say when leases expire. They are kept in memory alone, so that a
// renewal writes nothing.
type deadlines struct {
	now func() time.Time

	mu       sync.Mutex // guards what follows
	at       map[LeaseID]deadline
	earliest time.Time // no deadline is before it
}

type deadline struct {
	ttl  time.Duration
	at   time.Time
	over bool // it has passed: the lease is being revoked
}

func newDeadlines(now func() time.Time) *deadlines {
	return &deadlines{now: now, at: map[LeaseID]deadline{}}
}

// set starts a lease's time.
func (d *deadlines) set(id LeaseID, ttl time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.now().Add(ttl)
	if len(d.at) == 0 || at.Before(d.earliest) {
		d.earliest = at
	}
	d.at[id] = deadline{ttl: ttl, at: at}
}

// renew starts a lease's time again; false if it is over.
func (d *deadlines) renew(id LeaseID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	dl, ok := d.at[id]
	if now := d.now(); ok && !dl.over && now.Before(dl.at) {
		d.at[id] = deadline{ttl: dl.ttl, at: now.Add(dl.ttl)}
		return true
	}
	return false
}

func (d *deadlines) forget(id LeaseID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.at, id)
}

// next is how long until a lease may be over; false if there is none.
func (d *deadlines) next() (wait time.Duration, some bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(0, d.earliest.Sub(d.now())), len(d.at) > 0
}

// expireRetry is when to try again to revoke what could not be.
const expireRetry = time.Second

// over are the leases whose time has passed, to be revoked and forgotten; those
// that are not come again.
func (d *deadlines) over() []LeaseID {
	d.mu.Lock()
	defer d.mu.Unlock()
	var over []LeaseID
	now := d.now()
	d.earliest = time.Time{}
	for id, dl := range d.at {
		if !now.Before(dl.at) {
			over = append(over, id)
			dl = deadline{ttl: dl.ttl, at: now.Add(expireRetry), over: true}
			d.at[id] = dl
		}
		if d.earliest.IsZero() || dl.at.Before(d.earliest) {
			d.earliest = dl.at
		}
	}
	return over
}

// expire revokes leases whose time has passed. It is the writer's.
func (f *File) expire() {
	var jobs []*job
	for _, id := range f.leases.over() {
		j := f.revocation(id)
		j.done = make(chan struct{})
		jobs = append(jobs, j)
	}
	if len(jobs) > 0 {
		f.commit(jobs)
	}
}

// Grant implements Store.
func (f *File) Grant(ctx context.Context, ttl time.Duration) (LeaseID, error) {
	if err := checkTTL(ttl); err != nil {
		return 0, err
	}
	var id LeaseID
	_, err := f.run(ctx, &job{
		always: true,
		do: func(b buckets, _ Revision) (Change, error) {
			id = LeaseID(b.number(leaseKey) + 1)
			if err := errors.Join(b.setNumber(leaseKey, uint64(id)), b.leases.Put(leaseBytes(id), leaseBytes(LeaseID(ttl)))); err != nil {
				return Change{}, brokenError{err}
			}
			return Change{}, nil
		},
		after: func() { f.leases.set(id, ttl) },
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

// Renew implements Store.
func (f *File) Renew(ctx context.Context, id LeaseID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-f.closing:
		return fmt.Errorf("store %s: %w", f.path, ErrClosed)
	default:
	}
	if !f.leases.renew(id) {
		return fmt.Errorf("lease %d: %w", id, ErrNoLease)
	}
	return nil
}

// Revoke implements Store.
func (f *File) Revoke(ctx context.Context, id LeaseID) error {
	_, err := f.run(ctx, f.revocation(id))
	return err
}

// revocation is the job that ends a lease.
func (f *File) revocation(id LeaseID) *job {
	return &job{
		always: true,
		do:     func(b buckets, next Revision) (Change, error) { return b.revoke(id, next) },
		after:  func() { f.leases.forget(id) },
	}
}

// revoke deletes a lease and its keys.
func (b buckets) revoke(id LeaseID, next Revision) (Change, error) {
	if _, ok := b.ttl(id); !ok {
		return Change{}, fmt.Errorf("lease %d: %w", id, ErrNoLease)
	}
	var txn Txn
	for _, key := range b.leasedKeys(id) {
		txn.Then = append(txn.Then, Op{Key: key, Delete: true})
	}
	change, err := b.commit(txn, next)
	if err == nil {
		err = b.leases.Delete(leaseBytes(id))
	}
	if err != nil {
		return Change{}, brokenError{err}
	}
	return change, nil
}
