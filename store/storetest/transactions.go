package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/corecast/corecast/store"
)

// Transactions, from one writer and from many.

func testConditions(t *testing.T, s store.Store) {
	ctx := t.Context()
	created := must(store.PutIf(ctx, s, "k", []byte("1"), 0))(t)
	wantConflict(t, store.ConflictError{Condition: store.Condition{Key: "k"}, Found: created})(store.PutIf(ctx, s, "k", []byte("2"), 0))
	changed := must(store.PutIf(ctx, s, "k", []byte("2"), created))(t)
	wantConflict(t, store.ConflictError{Condition: store.Condition{Key: "k", Modified: created}, Found: changed})(
		store.PutIf(ctx, s, "k", []byte("3"), created))
	wantEntry(t, s, store.Entry{Key: "k", Value: []byte("2"), Created: created, Modified: changed})

	must(store.Delete(ctx, s, "k"))(t)
	wantConflict(t, store.ConflictError{Condition: store.Condition{Key: "k", Modified: changed}})(
		store.PutIf(ctx, s, "k", []byte("3"), changed))
	must(store.PutIf(ctx, s, "k", []byte("3"), 0))(t)
}

func testTransactionsAreWhole(t *testing.T, s store.Store) {
	ctx := t.Context()
	at := must(store.Put(ctx, s, "a", []byte("1")))(t)
	txn := store.Txn{
		If:   []store.Condition{{Key: "a", Modified: at}, {Key: "b"}},
		Then: []store.Op{{Key: "b", Value: []byte("2")}, {Key: "a", Delete: true}, {Key: "c", Value: []byte("3")}},
	}
	r := must(s.Commit(ctx, txn))(t)
	wantKeys(t, s, "", "b", "c")
	for _, key := range []string{"b", "c"} {
		if e := must(s.Get(ctx, key))(t); e.Modified != r {
			t.Errorf("%s at revision %d, the transaction at %d", key, e.Modified, r)
		}
	}
	// One condition of two fails: nothing is done.
	c := must(s.Get(ctx, "c"))(t)
	_, err := s.Commit(ctx, store.Txn{
		If:   []store.Condition{{Key: "c", Modified: c.Modified}, {Key: "b", Modified: 99}},
		Then: []store.Op{{Key: "c", Delete: true}, {Key: "d", Value: []byte("4")}},
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("Commit: %v", err)
	}
	wantKeys(t, s, "", "b", "c")
	// Of several operations on one key the last one counts.
	w := watch(t, s, "", must(s.List(ctx, "", "", 1))(t).Revision)
	at = must(s.Commit(ctx, store.Txn{Then: []store.Op{
		{Key: "b", Value: []byte("x")}, {Key: "b", Delete: true}, {Key: "c", Delete: true}, {Key: "c", Value: []byte("y")}}}))(t)
	wantKeys(t, s, "", "c")
	wantEntry(t, s, store.Entry{Key: "c", Value: []byte("y"), Created: c.Created, Modified: at})
	wantChange(t, w.next(t), at, "deleted b", "put c=y")
}

// testLimits does transactions that are as large as can be, and larger ones.
func testLimits(t *testing.T, s store.Store) {
	ctx := t.Context()
	ops := func(n, size int) (list []store.Op) {
		for i := range n {
			list = append(list, store.Op{Key: fmt.Sprintf("k/%04d", i), Value: make([]byte, size)})
		}
		return list
	}
	conditions := func(n int) (list []store.Condition) {
		for i := range n {
			list = append(list, store.Condition{Key: fmt.Sprintf("none/%04d", i)})
		}
		return list
	}
	const key = len("k/0000")
	for what, txn := range map[string]store.Txn{
		"operations and conditions": {Then: ops(store.MaxOps, 10), If: conditions(store.MaxOps)},
		"bytes":                     {Then: ops(100, store.MaxTxn/100-key)},
		"large values":              {Then: append(ops(1, store.MaxValue), store.Op{Key: "l", Value: make([]byte, store.MaxTxn-store.MaxValue-key-1)})},
	} {
		if _, err := s.Commit(ctx, txn); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	before := must(s.List(ctx, "", "", 0))(t)
	for what, txn := range map[string]store.Txn{
		"operations": {Then: ops(store.MaxOps+1, 1)},
		"conditions": {Then: ops(1, 1), If: conditions(store.MaxOps + 1)},
		"bytes":      {Then: ops(101, store.MaxTxn/100-key)},
	} {
		if _, err := s.Commit(ctx, txn); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("too many %s: %v", what, err)
		}
	}
	if after := must(s.List(ctx, "", "", 0))(t); !sameEntries(before.Entries, after.Entries) {
		t.Error("a transaction that was refused has changed something")
	}
}

func testConcurrentWriters(t *testing.T, s store.Store) {
	ctx := t.Context()
	const writers, each = 8, 10
	var wg sync.WaitGroup
	revisions := make([][]store.Revision, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				r, err := store.Put(ctx, s, fmt.Sprintf("%d/%d", w, i), []byte{1})
				if err != nil {
					t.Error(err)
				}
				revisions[w] = append(revisions[w], r)
			}
		})
	}
	wg.Wait()
	all := slices.Concat(revisions...)
	slices.Sort(all)
	if distinct := slices.Compact(slices.Clone(all)); len(distinct) != writers*each {
		t.Fatalf("revisions %v: want one for each of %d transactions", all, writers*each)
	}
	if page := must(s.List(ctx, "", "", 0))(t); len(page.Entries) != writers*each || page.Revision < all[len(all)-1] {
		t.Errorf("%d entries at %d", len(page.Entries), page.Revision)
	}
}

func testCounter(t *testing.T, s store.Store) {
	ctx := t.Context()
	const callers, each = 4, 10
	var mu sync.Mutex
	seen := map[uint64]bool{}
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				n, err := store.Next(ctx, s, "election/id", 100)
				mu.Lock()
				if err != nil || n < 100 || seen[n] {
					t.Errorf("Next = %d, %v, seen before: %v", n, err, seen[n])
				}
				seen[n] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if n := must(store.Next(ctx, s, "election/id", 5))(t); n != 100+callers*each {
		t.Errorf("Next = %d after %d calls from 100 on", n, callers*each)
	}
	if n := must(store.Next(ctx, s, "election/id", 1000))(t); n != 1000 {
		t.Errorf("Next = %d with the floor at 1000", n)
	}
	must(store.Put(ctx, s, "election/id", []byte("x")))(t)
	if n, err := store.Next(ctx, s, "election/id", 5); err == nil {
		t.Errorf("Next = %d of what is no counter", n)
	}
}
