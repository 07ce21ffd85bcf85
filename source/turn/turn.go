package turn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/corecast/corecast/store"
)

// DefaultTTL is how long a turn lasts without being renewed.
const DefaultTTL = 3 * time.Second

// Errors of a turn.
var (
	ErrTaken = errors.New("it is another one's turn")
	ErrLost  = errors.New("the turn is lost")
)

// Turn is the right to do what its key names, while Held says so.
type Turn struct {
	store    store.Store
	key      string
	ttl      time.Duration
	lease    store.LeaseID
	revision store.Revision // at which the key was put

	mu    sync.Mutex // guards until
	until time.Time  // held until then; it has a monotonic reading
}

// Try takes the turn of a key if nobody has it, and ErrTaken otherwise. Value is
// what others can read about the holder. Keep must be called from then on.
func Try(ctx context.Context, s store.Store, key string, value []byte, ttl time.Duration) (*Turn, error) {
	began := time.Now()
	lease, err := s.Grant(ctx, ttl)
	if err != nil {
		return nil, fmt.Errorf("cannot take the turn %s: %w", key, err)
	}
	revision, err := s.Commit(ctx, store.Txn{
		If:   []store.Condition{{Key: key}},
		Then: []store.Op{{Key: key, Value: value, Lease: lease}},
	})
	t := &Turn{store: s, key: key, ttl: ttl, lease: lease, revision: revision}
	if err != nil {
		t.Resign() // it may have been committed all the same
		if errors.Is(err, store.ErrConflict) {
			return nil, ErrTaken
		}
		return nil, fmt.Errorf("cannot take the turn %s: %w", key, err)
	}
	t.extend(began)
	return t, nil
}

// Revision is when the turn was taken.
func (t *Turn) Revision() store.Revision { return t.revision }

// Condition holds in the store while the turn is not another one's.
func (t *Turn) Condition() store.Condition {
	return store.Condition{Key: t.key, Modified: t.revision}
}

// Held says whether it still is this process's turn.
func (t *Turn) Held() bool { return time.Now().Before(t.Until()) }

// Until is when the turn ends unless it is renewed.
func (t *Turn) Until() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.until
}

// extend notes that the lease was renewed after began: it lasts that long at
// least. A tenth is left for clocks that differ in speed.
func (t *Turn) extend(began time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = began.Add(t.ttl - t.ttl/10)
}

// Keep renews the turn until ctx ends, with nil, or it is lost, with ErrLost.
func (t *Turn) Keep(ctx context.Context) error {
	tick := time.NewTicker(t.ttl / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := t.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, store.ErrNoLease):
			t.end()
			return fmt.Errorf("%w: %w", ErrLost, err)
		case !t.Held():
			if err == nil {
				err = errors.New("the store was asked too late")
			}
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
	}
}

// renew asks the store once, for as long as the turn is held: then it is over
// whatever the store says.
func (t *Turn) renew(ctx context.Context) error {
	began := time.Now()
	ctx, cancel := context.WithDeadline(ctx, t.Until())
	defer cancel()
	err := t.store.Renew(ctx, t.lease)
	if err == nil && t.Held() { // what is over stays over
		t.extend(began)
	}
	return err
}

func (t *Turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = time.Time{}
}

// resignTime is how long giving a turn back may take; the lease ends by itself.
const resignTime = 2 * time.Second

// Resign gives the turn back, so that the next one need not wait.
func (t *Turn) Resign() {
	t.end()
	ctx, cancel := context.WithTimeout(context.Background(), resignTime)
	defer cancel()
	_ = t.store.Revoke(ctx, t.lease)
}
