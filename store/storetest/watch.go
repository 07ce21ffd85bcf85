package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/corecast/corecast/store"
)

// watcher reads a watch in a goroutine of its own, that ends with the test.
type watcher struct {
	changes chan store.Change
	ended   chan error // holds the watch's last word
	cancel  context.CancelFunc
}

func watch(t *testing.T, s store.Store, prefix string, after store.Revision) *watcher {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watcher{changes: make(chan store.Change), ended: make(chan error, 1), cancel: cancel}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c, err := range s.Watch(ctx, prefix, after) {
			if err != nil {
				w.ended <- err
				continue // it must be the last thing
			}
			select {
			case w.changes <- c:
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

// next waits for a change.
func (w *watcher) next(t *testing.T) store.Change {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case c := <-w.changes:
		return c
	case err := <-w.ended:
		t.Fatalf("the watch ended: %v", err)
	case <-ctx.Done():
		t.Fatal("no change was seen")
	}
	return store.Change{}
}

// end waits for the watch's end.
func (w *watcher) end(t *testing.T) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case err := <-w.ended:
		return err
	case c := <-w.changes:
		t.Fatalf("the watch goes on, with %+v", c)
	case <-ctx.Done():
		t.Fatal("the watch goes on")
	}
	return nil
}

func testWatch(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(store.Put(ctx, s, "sites/old", nil))(t)
	page := must(s.List(ctx, "sites/", "", 0))(t)
	w := watch(t, s, "sites/", page.Revision)

	r1 := must(store.Put(ctx, s, "sites/a", []byte("1")))(t)
	must(store.Put(ctx, s, "other", []byte("2")))(t)
	r2 := must(s.Commit(ctx, store.Txn{Then: []store.Op{
		{Key: "sites/b", Value: []byte("3")}, {Key: "other", Delete: true}, {Key: "sites/a", Delete: true}, {Key: "sites/none", Delete: true},
	}}))(t)

	wantChange(t, w.next(t), r1, "put sites/a=1")
	wantChange(t, w.next(t), r2, "put sites/b=3", "deleted sites/a")
	w.cancel()
	if err := w.end(t); !errors.Is(err, context.Canceled) {
		t.Errorf("the watch ended with %v", err)
	}
}

func testWatchFromRevision(t *testing.T, s store.Store) {
	ctx := t.Context()
	var revisions []store.Revision
	for i := range 20 {
		revisions = append(revisions, must(store.Put(ctx, s, fmt.Sprint("k", i), nil))(t))
	}
	for _, start := range []int{0, 7, 19} {
		w := watch(t, s, "", revisions[start])
		for i := start + 1; i < len(revisions); i++ {
			wantChange(t, w.next(t), revisions[i], fmt.Sprintf("put k%d=", i))
		}
		w.cancel()
	}
	w := watch(t, s, "", revisions[len(revisions)-1])
	r := must(store.Put(ctx, s, "more", nil))(t)
	wantChange(t, w.next(t), r, "put more=")
}

// testWatchFallsBehind makes more changes than any store remembers while a
// watch does not read: it must end rather than miss any.
func testWatchFallsBehind(t *testing.T, s store.Store) {
	ctx := t.Context()
	first := must(store.Put(ctx, s, "first", nil))(t)
	w := watch(t, s, "", first)
	const size = 100
	var revisions []store.Revision
	for i := range 300 {
		var ops []store.Op
		for j := range size {
			ops = append(ops, store.Op{Key: fmt.Sprintf("k/%d/%d", i, j)})
		}
		revisions = append(revisions, must(s.Commit(ctx, store.Txn{Then: ops}))(t))
	}
	for n := 0; n < len(revisions); n++ { // it may remember all
		select {
		case c := <-w.changes:
			if c.Revision != revisions[n] || len(c.Events) != size {
				t.Fatalf("change %d is of revision %d, with %d events; want %d", n, c.Revision, len(c.Events), revisions[n])
			}
			continue
		case err := <-w.ended:
			if !errors.Is(err, store.ErrCompacted) {
				t.Errorf("the watch ended with %v", err)
			}
		}
		break
	}
	// Listing again and watching from there works.
	page := must(s.List(ctx, "", "", 1))(t)
	w = watch(t, s, "", page.Revision)
	r := must(store.Put(ctx, s, "again", nil))(t)
	wantChange(t, w.next(t), r, "put again=")
}

func testWatchOfTheFuture(t *testing.T, s store.Store) {
	must(store.Put(t.Context(), s, "k", nil))(t)
	if err := watch(t, s, "", 1<<40).end(t); !errors.Is(err, store.ErrCompacted) {
		t.Errorf("watch after a revision that never was: %v", err)
	}
}

func testCloseEndsWatches(t *testing.T, s store.Store) {
	ctx := t.Context()
	r := must(store.Put(ctx, s, "k", nil))(t)
	id := must(s.Grant(ctx, patience))(t)
	w := watch(t, s, "", r)
	must(store.Put(ctx, s, "seen", nil))(t)
	w.next(t)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.end(t); !errors.Is(err, store.ErrClosed) {
		t.Errorf("the watch ended with %v", err)
	}
	for what, err := range map[string]error{
		"Get":    errOf(s.Get(ctx, "k")),
		"List":   errOf(s.List(ctx, "", "", 0)),
		"Commit": errOf(store.Put(ctx, s, "k", nil)),
		"Grant":  errOf(s.Grant(ctx, patience)),
		"Renew":  s.Renew(ctx, id),
		"Revoke": s.Revoke(ctx, id),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", what, err)
		}
	}
}
