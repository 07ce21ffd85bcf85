package keep

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/store"
)

// Begin begins to keep the channel that a Follower has read, whose leases it
// lets go of: the turn must be this process's. It returns the key of the lease
// ids. When it returns, the first sequence numbers are reserved.
func Begin(ctx context.Context, f *Follower, opts Options) (w *Writer, secret [secretSize]byte, err error) {
	if opts.Room == 0 {
		opts.Room = defaultRoom
	}
	w = &Writer{
		store: f.store, keys: f.keys, opts: opts,
		changed: map[dstlist.ID]struct{}{}, renewed: map[dstlist.ID]struct{}{},
		Sequence: &Sequence{key: f.keys.sequence(), reserved: f.sequence},
	}
	if !f.known {
		// Whatever a run without a store has used, it is hardly this.
		w.Sequence.reserved = uint64(mathrand.Uint32())
	}
	w.Sequence.first = uint32(w.Sequence.reserved)
	w.Sequence.used.Store(w.Sequence.first)
	w.Sequence.reserved += block
	ops := []store.Op{w.Sequence.op(w.Sequence.reserved)}
	copy(secret[:], f.secret)
	if f.secret == nil {
		_, _ = rand.Read(secret[:]) // it never fails
		ops = append(ops, store.Op{Key: f.keys.secret(), Value: slices.Clone(secret[:])})
	}
	if err := w.commit(ctx, ops); err != nil {
		return nil, secret, err
	}
	now := time.Now()
	for _, id := range f.release(now) {
		w.Changed(id)
	}
	for key := range f.renewals {
		w.logged = append(w.logged, logged{key, now})
		w.last = max(w.last, w.keys.timeOf(key))
	}
	return w, secret, nil
}
