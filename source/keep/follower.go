package keep

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/turn"
	"github.com/corecast/corecast/store"
)

// Follower reads what is kept of a channel. One goroutine may use it.
type Follower struct {
	store store.Store
	// OnActive, if not nil, is told the value of the turn whenever it changes;
	// nil when nobody has it.
	OnActive func(value []byte)

	*state
	revision store.Revision // the state is of then
}

// NewFollower returns a follower that has read nothing yet.
func NewFollower(s store.Store, channel string) *Follower {
	return &Follower{store: s, state: newState(keysOf(channel)), OnActive: func([]byte) {}}
}

// Leases returns the leases that have not ended.
func (f *Follower) Leases(now time.Time) []Lease {
	live, _ := f.live(now)
	return live
}

// Odd returns how many entries were not understood.
func (f *Follower) Odd() int { return f.odd }

// Load reads all that there is.
func (f *Follower) Load(ctx context.Context) error {
	f.state, f.revision = newState(f.keys), 0
	var renewals []store.Entry
	for after, more := "", true; more; {
		page, err := f.store.List(ctx, f.keys.prefix, after, pageSize)
		if err != nil {
			return fmt.Errorf("cannot read what is kept under %s: %w", f.keys.prefix, err)
		}
		if f.revision == 0 {
			f.revision = page.Revision
		}
		for _, e := range page.Entries {
			if strings.HasPrefix(e.Key, f.keys.renewals()) {
				renewals = append(renewals, e) // once their leases are there
			} else {
				f.put(e)
			}
			after = e.Key
		}
		more = page.More
	}
	for _, e := range renewals {
		f.put(e)
	}
	f.OnActive(f.active)
	return nil
}

const pageSize = 1000

// Follow keeps up with the channel until it is this process's turn: it calls
// take whenever it is nobody's, which may answer turn.ErrTaken. When it
// returns nil, the turn is taken and all that was written before is known.
func (f *Follower) Follow(ctx context.Context, take func(context.Context) (*turn.Turn, error)) (*turn.Turn, error) {
	var mine *turn.Turn
	for {
		err := f.follow(ctx, take, &mine)
		if errors.Is(err, store.ErrCompacted) {
			continue // from the present on
		}
		if err != nil && mine != nil {
			mine.Resign()
		}
		return mine, err
	}
}

func (f *Follower) follow(ctx context.Context, take func(context.Context) (*turn.Turn, error), mine **turn.Turn) error {
	if err := f.Load(ctx); err != nil {
		return err
	}
	step := func() (done bool, err error) {
		if *mine == nil && f.active == nil {
			if *mine, err = take(ctx); err != nil && !errors.Is(err, turn.ErrTaken) {
				return false, err
			}
		}
		return *mine != nil && f.revision >= (*mine).Revision(), nil
	}
	if done, err := step(); done || err != nil {
		return err
	}
	for change, err := range f.store.Watch(ctx, f.keys.prefix, f.revision) {
		if err != nil {
			return err
		}
		f.apply(change)
		if done, err := step(); done || err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (f *Follower) apply(c store.Change) {
	f.revision = c.Revision
	told := false
	for _, e := range c.Events {
		if e.Deleted {
			f.remove(e.Key)
		} else {
			f.put(e.Entry)
		}
		told = told || e.Key == f.keys.active()
	}
	if told {
		f.OnActive(f.active)
	}
}

// release lets go of the leases, which may be many, and returns the IDs of those
// that have ended.
func (f *Follower) release(now time.Time) (ended []dstlist.ID) {
	_, ended = f.live(now)
	f.leases = nil
	return ended
}
