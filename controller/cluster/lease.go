package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/corecast/corecast/store"
)

// lease keeps a lease of the store, and knows until when it is surely there: one
// that was renewed cannot end before its ttl has passed since that was asked for.
// The time is the monotonic clock's, which nobody sets.
type lease struct {
	store store.Store
	ttl   time.Duration
	id    store.LeaseID

	mu      sync.Mutex // guards what follows
	until   time.Time
	lastErr error         // of renewing, since it last worked
	renewed chan struct{} // closed and replaced when until has moved
}

// margin is the part of a lease's time that is left to stop what it allows.
const margin = 8

func grant(ctx context.Context, s store.Store, ttl time.Duration) (*lease, error) {
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, ttl)
	defer cancel()
	id, err := s.Grant(ctx, ttl)
	if err != nil {
		return nil, err
	}
	return &lease{store: s, ttl: ttl, id: id, until: asked.Add(ttl - ttl/margin), renewed: make(chan struct{})}, nil
}

// valid returns until when the lease is surely there, and a channel that is
// closed when that has moved.
func (l *lease) valid() (until time.Time, moved <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until, l.renewed
}

// err is why the lease could not be renewed the last time.
func (l *lease) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastErr
}

// keep renews the lease until ctx ends or it has expired. An attempt does not wait
// for the one before: it may have gone to a member of the store that is cut off.
func (l *lease) keep(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var attempts sync.WaitGroup
	defer attempts.Wait()
	tick := time.NewTicker(l.ttl / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			attempts.Go(func() {
				if err := l.renew(ctx); errors.Is(err, store.ErrNoLease) {
					cancel(err)
				}
			})
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (l *lease) renew(ctx context.Context) error {
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, l.ttl)
	defer cancel()
	err := l.store.Renew(ctx, l.id)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastErr = err
	if until := asked.Add(l.ttl - l.ttl/margin); err == nil && until.After(l.until) {
		l.until = until
		close(l.renewed)
		l.renewed = make(chan struct{})
	}
	return err
}

// watch calls changed whenever the lease stops being surely there, or is again,
// until ctx ends.
func (l *lease) watch(ctx context.Context, changed func()) {
	valid := true
	for ctx.Err() == nil {
		until, moved := l.valid()
		if now := time.Now().Before(until); now != valid {
			valid = now
			changed()
		}
		var ended <-chan time.Time
		if valid {
			ended = time.After(time.Until(until))
		}
		select {
		case <-moved:
		case <-ended:
		case <-ctx.Done():
		}
	}
}

// revoke ends the lease now, if the store can be asked.
func (l *lease) revoke() error {
	ctx, cancel := context.WithTimeout(context.Background(), l.ttl)
	defer cancel()
	err := l.store.Revoke(ctx, l.id)
	if errors.Is(err, store.ErrNoLease) {
		return nil
	}
	return err
}
