// Package storetest holds the tests that every store.Store must pass, whatever
// keeps its data. They promise nothing of their own: store's documentation does.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
)

// patience is how long a test waits for what must come: far more than it
// should take on a busy machine.
const patience = 20 * time.Second

// Run runs all tests, each on a store that fresh makes empty.
func Run(t *testing.T, fresh func(t *testing.T) store.Store) {
	tests := []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"put, get, delete", testPutGetDelete},
		{"conditions", testConditions},
		{"transactions are whole", testTransactionsAreWhole},
		{"limits", testLimits},
		{"list", testList},
		{"snapshot", testSnapshot},
		{"values are copies", testValuesAreCopies},
		{"what is refused", testRefused},
		{"ended contexts", testEndedContexts},
		{"concurrent writers", testConcurrentWriters},
		{"counter", testCounter},
		{"watch", testWatch},
		{"watch from a revision", testWatchFromRevision},
		{"watch that falls behind", testWatchFallsBehind},
		{"watch of what never was", testWatchOfTheFuture},
		{"close ends watches", testCloseEndsWatches},
		{"lease expires", testLeaseExpires},
		{"lease renewed", testLeaseRenewed},
		{"lease revoked", testLeaseRevoked},
		{"lease left", testLeaseLeft},
		{"random transactions", testRandom},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // leases take seconds
			s := fresh(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			tt.test(t, s)
		})
	}
}

func testPutGetDelete(t *testing.T, s store.Store) {
	ctx := t.Context()
	if e, err := s.Get(ctx, "sites/a"); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("Get of nothing: %+v, %v", e, err)
	}
	first := must(store.Put(ctx, s, "sites/a", []byte("one")))(t)
	second := must(store.Put(ctx, s, "sites/a", []byte("two")))(t)
	if second <= first {
		t.Errorf("revisions %d, then %d", first, second)
	}
	want := store.Entry{Key: "sites/a", Value: []byte("two"), Created: first, Modified: second}
	wantEntry(t, s, want)

	if r := must(store.Delete(ctx, s, "sites/b"))(t); r < second {
		t.Errorf("deleting nothing: revision %d, after %d", r, second)
	}
	third := must(store.Delete(ctx, s, "sites/a"))(t)
	if _, err := s.Get(ctx, "sites/a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of what was deleted: %v", err)
	}
	fourth := must(store.Put(ctx, s, "sites/a", nil))(t)
	if fourth <= third {
		t.Errorf("revisions %d, then %d", third, fourth)
	}
	wantEntry(t, s, store.Entry{Key: "sites/a", Created: fourth, Modified: fourth})
}

// testSnapshot reads a snapshot while all that it holds is being changed.
func testSnapshot(t *testing.T, s store.Store) {
	ctx := t.Context()
	id := must(s.Grant(ctx, time.Hour))(t)
	const n = 2500 // more than a page
	var ops []store.Op
	for i := range n {
		ops = append(ops, store.Op{Key: fmt.Sprintf("k/%04d", i), Value: []byte("before")})
	}
	ops[7].Lease = id
	var last store.Revision
	for part := range slices.Chunk(ops, 100) {
		last = must(s.Commit(ctx, store.Txn{Then: part}))(t)
	}
	want := must(s.List(ctx, "", "", 0))(t).Entries
	var got []store.Entry
	err := s.Snapshot(ctx, func(at store.Revision, entries iter.Seq2[store.Entry, error]) error {
		if at < last {
			t.Errorf("a snapshot of revision %d, after %d", at, last)
		}
		changes := 0
		for e, err := range entries {
			if err != nil {
				return err
			}
			got = append(got, e)
			if len(got)%500 == 1 { // ahead of what is read, and behind
				must(store.Put(ctx, s, "k/2499", []byte("after")))(t)
				must(store.Delete(ctx, s, "k/0000"))(t)
				must(store.Put(ctx, s, fmt.Sprintf("k/new%d", changes), nil))(t)
				changes++
			}
		}
		if changes < 2 {
			t.Errorf("%d changes were made meanwhile", changes)
		}
		return nil
	})
	if err != nil || !sameEntries(got, want) {
		t.Errorf("%d entries, %v; want the %d that there were", len(got), err, len(want))
	}
	stop := errors.New("stop")
	if err := s.Snapshot(ctx, func(store.Revision, iter.Seq2[store.Entry, error]) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the error of read is lost: %v", err)
	}
}

func testList(t *testing.T, s store.Store) {
	ctx := t.Context()
	keys := []string{"a", "site/a", "site/a/x", "site/b", "sites/a", "z"}
	var last store.Revision
	for _, k := range []int{3, 0, 5, 2, 4, 1} {
		last = must(store.Put(ctx, s, keys[k], []byte(keys[k])))(t)
	}
	tests := []struct {
		prefix, after string
		limit         int
		want          []string
		more          bool
	}{
		{"", "", 0, keys, false},
		{"", "", 6, keys, false},
		{"", "", 5, keys[:5], true},
		{"site/", "", 0, keys[1:4], false},
		{"site/", "", 2, keys[1:3], true},
		{"site/", "site/a", 1, keys[2:3], true},
		{"site/", "site/a/x", 1, keys[3:4], false},
		{"site/", "site/a/w", 1, keys[2:3], true},
		{"site/", "site/b", 0, nil, false},
		{"site/", "a", 0, keys[1:4], false},
		{"site/", "z", 0, nil, false},
		{"site", "", 0, keys[1:5], false},
		{"nothing/", "", 0, nil, false},
	}
	for _, tt := range tests {
		page, err := s.List(ctx, tt.prefix, tt.after, tt.limit)
		if got := keysOf(page.Entries); err != nil || !slices.Equal(got, tt.want) || page.More != tt.more || page.Revision < last {
			t.Errorf("List(%q, %q, %d) = %q, more %v at %d, %v; want %q, %v at %d",
				tt.prefix, tt.after, tt.limit, got, page.More, page.Revision, err, tt.want, tt.more, last)
		}
	}
	var ops []store.Op
	for i := range 2500 { // more than All reads at a time
		ops = append(ops, store.Op{Key: fmt.Sprintf("many/%04d", i), Value: []byte{byte(i)}})
	}
	for part := range slices.Chunk(ops, 100) {
		must(s.Commit(ctx, store.Txn{Then: part}))(t)
	}
	n := 0
	for e, err := range store.All(ctx, s, "many/") {
		if err != nil || e.Key != ops[n].Key || !bytes.Equal(e.Value, ops[n].Value) {
			t.Fatalf("entry %d: %+v, %v", n, e, err)
		}
		n++
	}
	if n != len(ops) {
		t.Errorf("All yielded %d entries of %d", n, len(ops))
	}
}

func testValuesAreCopies(t *testing.T, s store.Store) {
	ctx := t.Context()
	value := []byte("value")
	before := must(s.List(ctx, "", "", 0))(t).Revision
	must(store.Put(ctx, s, "k", value))(t)
	value[0] = 'X'
	e := must(s.Get(ctx, "k"))(t)
	e.Value[1] = 'X'
	page := must(s.List(ctx, "", "", 0))(t)
	page.Entries[0].Value[2] = 'X'
	w := watch(t, s, "", before)
	w.next(t).Events[0].Value[3] = 'X'
	w = watch(t, s, "", before)
	for what, got := range map[string][]byte{
		"Get": must(s.Get(ctx, "k"))(t).Value, "List": must(s.List(ctx, "", "", 0))(t).Entries[0].Value, "Watch": w.next(t).Events[0].Value,
	} {
		if string(got) != "value" {
			t.Errorf("%s gives %q", what, got)
		}
	}
}

func testRefused(t *testing.T, s store.Store) {
	ctx := t.Context()
	long := string(bytes.Repeat([]byte("k"), store.MaxKey))
	must(store.Put(ctx, s, long, bytes.Repeat([]byte{1}, store.MaxValue)))(t)
	if e := must(s.Get(ctx, long))(t); len(e.Value) != store.MaxValue {
		t.Errorf("the longest value comes back with %d bytes", len(e.Value))
	}
	must(store.Delete(ctx, s, long))(t)
	for what, err := range map[string]error{
		"no key":         errOf(store.Put(ctx, s, "", nil)),
		"leading slash":  errOf(store.Put(ctx, s, "/a", nil)),
		"long key":       errOf(store.Put(ctx, s, long+"k", nil)),
		"long value":     errOf(store.Put(ctx, s, "a", make([]byte, store.MaxValue+1))),
		"condition":      errOf(s.Commit(ctx, store.Txn{If: []store.Condition{{}}})),
		"second of two":  errOf(s.Commit(ctx, store.Txn{Then: []store.Op{{Key: "a"}, {}}})),
		"get of no key":  errOf(s.Get(ctx, "")),
		"short lease":    errOf(s.Grant(ctx, time.Millisecond)),
		"negative lease": errOf(s.Grant(ctx, -time.Second)),
	} {
		if !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", what, err)
		}
	}
	wantKeys(t, s, "")
}

func testEndedContexts(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	id := must(s.Grant(ctx, time.Minute))(t)
	cancel()
	for what, err := range map[string]error{
		"Get":    errOf(s.Get(ctx, "k")),
		"List":   errOf(s.List(ctx, "", "", 0)),
		"Commit": errOf(store.Put(ctx, s, "k", nil)),
		"Grant":  errOf(s.Grant(ctx, time.Minute)),
		"Renew":  s.Renew(ctx, id),
		"Revoke": s.Revoke(ctx, id),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", what, err)
		}
	}
	for _, err := range s.Watch(ctx, "", 0) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Watch: %v, want context.Canceled", err)
		}
	}
	wantKeys(t, s, "")
}
