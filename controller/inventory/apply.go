package inventory

import (
	"context"
	"time"
)

// applying is how far Apply is. It counts versions of the whole.
type applying struct {
	want uint64 // the newest
	done uint64 // that Apply was called with last
	err  error  // what it said
}

const (
	// rest is how long applyAll rests between two calls of Apply, as a multiple of
	// what the one before took.
	rest = 3
	// maxRest bounds that.
	maxRest = 5 * time.Second
)

// applyLocked says that there is a new whole.
func (inv *Inventory) applyLocked() {
	inv.apply.want++
	select {
	case inv.wake <- struct{}{}:
	default:
	}
}

// applyAll is the goroutine that calls Apply. It rests between two calls, so that
// what comes meanwhile is applied together and others have most of the processors.
func (inv *Inventory) applyAll(ctx context.Context) {
	for {
		select {
		case <-inv.wake:
		case <-ctx.Done():
			return
		}
		inv.mu.RLock()
		cfg, want := inv.view.config(), inv.apply.want
		inv.mu.RUnlock()
		start := time.Now()
		err := inv.opts.Apply(cfg)
		if err != nil {
			inv.opts.Logger.Error("the desired state cannot be applied", "err", err)
		}
		inv.mu.Lock()
		inv.apply.done, inv.apply.err = want, err
		close(inv.applied)
		inv.applied = make(chan struct{})
		inv.mu.Unlock()
		pause(ctx, min(rest*time.Since(start), maxRest))
	}
}

// Problem is why the whole could not be applied; nil if it could, or will be.
func (inv *Inventory) Problem() error {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return inv.apply.err
}

// Flush waits until all that is there now has been applied, and returns what
// came of it.
func (inv *Inventory) Flush(ctx context.Context) error {
	inv.mu.RLock()
	want := inv.apply.want
	inv.mu.RUnlock()
	for {
		inv.mu.RLock()
		done, err, changed := inv.apply.done, inv.apply.err, inv.applied
		inv.mu.RUnlock()
		if done >= want {
			return err
		}
		select {
		case <-changed:
		case <-inv.ended:
			return context.Canceled
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
