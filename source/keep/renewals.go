package keep

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/store"
)

// Renewals are many and say little, so they are not written lease by lease: one
// value holds those of a moment,
//
//	+---------------------------------------------------------------+
//	|                        lease ID (8)                           |
//	+---------------------------------------------------------------+
//	|              its new end, Unix milliseconds (8)               |
//	+---------------------------------------------------------------+
//	|                             …                                 |
//
// and is of no use any more when the longest lease has passed.
const renewalSize = 16

// mostRenewals is how many one value holds.
const mostRenewals = 1 << 14

func appendRenewal(b []byte, id dstlist.ID, expires time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(id))
	return binary.BigEndian.AppendUint64(b, uint64(expires.UnixMilli()))
}

var errRenewals = errors.New("no renewals")

// decodeRenewals yields what appendRenewal has put together.
func decodeRenewals(b []byte) (iter.Seq2[dstlist.ID, time.Time], error) {
	if len(b)%renewalSize != 0 {
		return nil, fmt.Errorf("%w: %d bytes, no multiple of %d", errRenewals, len(b), renewalSize)
	}
	return func(yield func(dstlist.ID, time.Time) bool) {
		for ; len(b) > 0; b = b[renewalSize:] {
			expires := time.UnixMilli(int64(binary.BigEndian.Uint64(b[8:])))
			if !yield(dstlist.ID(binary.BigEndian.Uint64(b)), expires) {
				return
			}
		}
	}, nil
}

// flushRenewed writes the ends of leases that were renewed, many in a value.
func (w *Writer) flushRenewed(ctx context.Context) error {
	ids := w.take(&w.renewed)
	for len(ids) > 0 {
		some := ids[:min(len(ids), mostRenewals)]
		n, err := w.logRenewals(ctx, some)
		if err != nil {
			w.putBack(&w.renewed, ids)
			return err
		}
		ids = ids[len(some):]
		w.mu.Lock()
		w.stats.Renewed += uint64(n)
		w.writing -= len(some)
		w.mu.Unlock()
	}
	return nil
}

// logRenewals writes one value of renewals, and returns how many are in it.
func (w *Writer) logRenewals(ctx context.Context, ids []dstlist.ID) (n int, err error) {
	value := make([]byte, 0, len(ids)*renewalSize)
	for _, id := range ids {
		if l, ok := w.opts.Look(id); ok {
			value = appendRenewal(value, id, l.Expires)
		}
	}
	if len(value) == 0 {
		return 0, nil
	}
	now := time.Now()
	w.last = max(w.last+1, now.UnixMilli()) // a key of its own
	key := w.keys.renewalsAt(w.last)
	if err := w.commit(ctx, []store.Op{{Key: key, Value: value}}); err != nil {
		return 0, err
	}
	w.logged = append(w.logged, logged{key, now})
	return len(value) / renewalSize, nil
}

// trim deletes renewals that are too old to be of use.
func (w *Writer) trim(ctx context.Context, now time.Time) error {
	old := 0
	for old < min(len(w.logged), store.MaxOps) && now.Sub(w.logged[old].at) > w.opts.TTL {
		old++
	}
	if old == 0 {
		return nil
	}
	ops := make([]store.Op, old)
	for i, l := range w.logged[:old] {
		ops[i] = store.Op{Key: l.key, Delete: true}
	}
	if err := w.commit(ctx, ops); err != nil {
		return err
	}
	w.logged = slices.Delete(w.logged, 0, old)
	return nil
}

// logged is an entry of renewals.
type logged struct {
	key string
	at  time.Time // when it was written, or seen first
}
