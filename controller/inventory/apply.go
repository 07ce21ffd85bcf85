package inventory

import (
	"context"
	"time"

	"github.com/corecast/corecast/controller/config"
)

// applying is how far Apply is. It counts versions of the whole.
type applying struct {
	want uint64 // the newest
	done uint64 // that was applied last
	err  error  // what came of it
	// all says that the whole is to be applied; else the channels of these names.
	all      bool
	channels map[string]bool
}

const (
	// rest is how long applyAll rests between two calls, as a multiple of what the
	// one before took.
	rest = 3
	// maxRest bounds that.
	maxRest = 5 * time.Second
)

// applyLocked says that there is a new whole: it differs from the one before by
// these channels, or by more.
func (inv *Inventory) applyLocked(all bool, channels ...Ref) {
	inv.apply.want++
	inv.apply.all = inv.apply.all || all
	for _, ref := range channels {
		inv.apply.channels[ref.Name] = true
	}
	select {
	case inv.wake <- struct{}{}:
	default:
	}
}

// applyAll is the goroutine that applies. It rests between two calls, so that what
// comes meanwhile is applied together and others have most of the processors.
func (inv *Inventory) applyAll(ctx context.Context) {
	for {
		select {
		case <-inv.wake:
		case <-ctx.Done():
			return
		}
		start := time.Now()
		inv.applyOnce()
		pause(ctx, min(rest*time.Since(start), maxRest))
	}
}

// applyOnce applies what has gathered.
func (inv *Inventory) applyOnce() {
	inv.mu.Lock()
	want, all := inv.apply.want, inv.apply.all || inv.opts.ApplyChannels == nil
	var whole *config.Config
	var set []config.Channel
	var remove []string
	if all {
		whole = inv.view.config()
	} else {
		set, remove = inv.view.channels(inv.apply.channels)
	}
	inv.apply.all = false
	clear(inv.apply.channels)
	inv.mu.Unlock()
	var err error
	if all {
		err = inv.opts.Apply(whole)
	} else {
		err = inv.opts.ApplyChannels(set, remove)
	}
	if err != nil {
		inv.opts.Logger.Error("the desired state cannot be applied", "err", err)
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.apply.done, inv.apply.err = want, err
	// Whether that error still holds, the whole alone can tell.
	inv.apply.all = inv.apply.all || err != nil
	close(inv.applied)
	inv.applied = make(chan struct{})
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
