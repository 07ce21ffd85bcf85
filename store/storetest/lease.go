package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
)

// putLeased puts keys with a lease, in one transaction.
func putLeased(t *testing.T, s store.Store, id store.LeaseID, keys ...string) store.Revision {
	t.Helper()
	var txn store.Txn
	for _, k := range keys {
		txn.Then = append(txn.Then, store.Op{Key: k, Value: []byte("leased"), Lease: id})
	}
	return must(s.Commit(t.Context(), txn))(t)
}

func testLeaseExpires(t *testing.T, s store.Store) {
	ctx := t.Context()
	id := must(s.Grant(ctx, time.Second))(t)
	r := putLeased(t, s, id, "a", "b")
	if e := must(s.Get(ctx, "a"))(t); e.Lease != id {
		t.Errorf("%+v, want lease %d", e, id)
	}
	w := watch(t, s, "", r)
	wantChangeAfter(t, w.next(t), r, "deleted a", "deleted b")
	wantKeys(t, s, "")
	if err := s.Renew(ctx, id); !errors.Is(err, store.ErrNoLease) {
		t.Errorf("Renew of an expired lease: %v", err)
	}
	_, err := s.Commit(ctx, store.Txn{Then: []store.Op{{Key: "c"}, {Key: "d", Lease: id}}})
	if !errors.Is(err, store.ErrNoLease) {
		t.Errorf("put with an expired lease: %v", err)
	}
	wantKeys(t, s, "")
}

// testLeaseRenewed keeps one lease alive until others of the same length, made
// after it, have all expired.
func testLeaseRenewed(t *testing.T, s store.Store) {
	ctx := t.Context()
	kept := must(s.Grant(ctx, 3*time.Second))(t)
	after := putLeased(t, s, kept, "kept")
	left := must(s.Grant(ctx, 3*time.Second))(t)
	after = putLeased(t, s, left, "left")
	w := watch(t, s, "", after)
	for waiting := true; waiting; {
		if err := s.Renew(ctx, kept); err != nil {
			t.Fatalf("Renew: %v", err)
		}
		select {
		case c := <-w.changes:
			wantChangeAfter(t, c, after, "deleted left")
			waiting = false
		case <-time.After(100 * time.Millisecond):
		}
	}
	wantKeys(t, s, "", "kept")
}

func testLeaseRevoked(t *testing.T, s store.Store) {
	ctx := t.Context()
	id, other := must(s.Grant(ctx, time.Hour))(t), must(s.Grant(ctx, time.Hour))(t)
	if id == other || id == 0 {
		t.Fatalf("leases %d and %d", id, other)
	}
	putLeased(t, s, id, "a", "b")
	r := putLeased(t, s, other, "c")
	if err := s.Revoke(ctx, id); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, s, "", "c")
	w := watch(t, s, "", r)
	wantChangeAfter(t, w.next(t), r, "deleted a", "deleted b")
	if err := s.Revoke(ctx, id); !errors.Is(err, store.ErrNoLease) {
		t.Errorf("Revoke again: %v", err)
	}
}

// testLeaseLeft puts a key again without its lease, or with another.
func testLeaseLeft(t *testing.T, s store.Store) {
	ctx := t.Context()
	id, other := must(s.Grant(ctx, time.Hour))(t), must(s.Grant(ctx, time.Hour))(t)
	putLeased(t, s, id, "stays", "moves", "goes", "deleted")
	must(store.Put(ctx, s, "stays", nil))(t)
	putLeased(t, s, other, "moves")
	must(store.Delete(ctx, s, "deleted"))(t)
	must(store.Put(ctx, s, "deleted", nil))(t)
	if err := s.Revoke(ctx, id); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, s, "", "deleted", "moves", "stays")
	if err := s.Revoke(ctx, other); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, s, "", "deleted", "stays")
}
