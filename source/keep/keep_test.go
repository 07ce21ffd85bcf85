package keep_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/keep"
	"github.com/corecast/corecast/source/turn"
	"github.com/corecast/corecast/store"
	"pgregory.net/rapid"
)

// Whatever happens to leases, over any number of restarts, what is read back is
// what there was.
func TestRestart(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := store.NewMemory()
		defer s.Close()
		tab := newTable()
		var firstKey [32]byte
		for run := range rapid.IntRange(1, 4).Draw(rt, "runs") {
			w, found, key := begin(t, s, tab, keep.Options{})
			if run > 0 && (!reflect.DeepEqual(found, tab.copy()) || key != firstKey) {
				rt.Fatalf("run %d reads %v, want %v", run, found, tab.copy())
			}
			firstKey = key
			for _, step := range rapid.SliceOfN(rapid.IntRange(0, 39), 0, 30).Draw(rt, "steps") {
				id := step % 10
				l, there := tab.look(dstlist.ID(id))
				switch {
				case step >= 38:
					finish(rt, w)
				case !there:
					l = lease(id, id, time.Minute)
					if step > 20 {
						l.Until, l.Client, l.Subject = now().Add(time.Hour), netip.MustParseAddr("192.0.2.1"), "alice"
					}
					tab.set(l)
					w.Changed(l.ID)
				case step < 10:
					tab.remove(l.ID)
					w.Changed(l.ID)
				case step < 20: // another permission
					l.Expires, l.Subject = now().Add(30*time.Second), "bob"
					tab.set(l)
					w.Changed(l.ID)
				default:
					l.Expires = l.Expires.Add(time.Second)
					tab.set(l)
					w.Renewed(l.ID)
				}
			}
			finish(rt, w)
		}
	})
}

// No sequence number is used twice, however runs end.
func TestSequence(t *testing.T) {
	s := store.NewMemory()
	defer s.Close()
	next := uint32(0)
	for run := range 5 {
		w, _, _ := begin(t, s, newTable(), keep.Options{})
		if first := w.Sequence.First(); run > 0 && int32(first-next) < 0 {
			t.Fatalf("run %d begins at %d, %d was used before", run, first, next-1)
		}
		next = w.Sequence.First()
		for range 3 { // it is reserved on the way
			next += 900_000
			w.Sequence.Used(next - 1)
			finish(t, w)
		}
	}
	f := keep.NewFollower(s, "news")
	if err := f.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A standby has read all that the one before it has written, when its turn
// comes; and what that one writes afterwards is not written.
func TestFollow(t *testing.T) {
	s := store.NewMemory()
	defer s.Close()
	take := func(ctx context.Context) (*turn.Turn, error) {
		return turn.Try(ctx, s, keep.Active("news"), []byte("me"), time.Minute)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	active := keep.NewFollower(s, "news")
	first, err := active.Follow(ctx, take)
	if err != nil {
		t.Fatal(err)
	}
	tab := newTable()
	old, _, err := keep.Begin(ctx, active, keep.Options{If: []store.Condition{first.Condition()}, TTL: time.Minute, Look: tab.look})
	if err != nil {
		t.Fatal(err)
	}
	standby := keep.NewFollower(s, "news")
	var told []string
	standby.OnActive = func(v []byte) { told = append(told, string(v)) }
	type result struct {
		turn *turn.Turn
		err  error
	}
	took := make(chan result)
	go func() {
		second, err := standby.Follow(ctx, take)
		took <- result{second, err}
	}()
	const many = 3000 // more than a page and a transaction
	for n := range many {
		l := lease(n, n, time.Minute)
		tab.set(l)
		old.Changed(l.ID)
	}
	finish(t, old)
	for n := range many {
		l, _ := tab.look(dstlist.ID(n))
		if n%3 == 0 {
			tab.remove(l.ID)
			old.Changed(l.ID)
			continue
		}
		l.Expires = l.Expires.Add(time.Second)
		tab.set(l)
		old.Renewed(l.ID)
	}
	finish(t, old)
	first.Resign()
	second := <-took
	if second.err != nil {
		t.Fatal(second.err)
	}
	defer second.turn.Resign()
	found := map[dstlist.ID]keep.Lease{}
	for _, l := range standby.Leases(time.Now()) {
		found[l.ID] = l
	}
	if !reflect.DeepEqual(found, tab.copy()) || len(found) != many*2/3 {
		t.Errorf("%d leases, want %d", len(found), many*2/3)
	}
	if len(told) < 2 || told[len(told)-1] != "me" {
		t.Errorf("the turn was told as %q", told)
	}
	old.Changed(1)
	cancelled, stop := context.WithCancel(ctx)
	stop()
	if err := old.Run(cancelled); !errors.Is(err, keep.ErrNotOurs) {
		t.Errorf("a write of the one before: %v", err)
	}
}

// failing is a store that fails, or not.
type failing struct {
	store.Store
	mu    sync.Mutex // guards fails
	fails error
}

func (f *failing) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = err
}

func (f *failing) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	f.mu.Lock()
	err := f.fails
	f.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return f.Store.Commit(ctx, txn)
}

// What a failing store does not take is bounded, is said once, and is written
// when it works again: the rest with the renewals.
func TestFailingStore(t *testing.T) {
	memory := store.NewMemory()
	defer memory.Close()
	s := &failing{Store: memory}
	tab := newTable()
	said := 0
	w, _, _ := begin(t, s, tab, keep.Options{Room: 1000, OnError: func(error) { said++ }})
	s.set(errors.New("the disk is full"))
	const many = 1500
	for n := range many {
		tab.set(lease(n, n, time.Minute))
		w.Changed(dstlist.ID(n))
	}
	for range 2 {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := w.Run(ctx); err == nil {
			t.Fatal("no error")
		}
	}
	is := w.Stats()
	if said != 1 || is.Waiting >= many || is.Dropped == 0 || is.Waiting+int(is.Dropped) < many || is.Failures == 0 {
		t.Errorf("%+v, said %d times", is, said)
	}
	s.set(nil)
	finish(t, w)
	for n := range many {
		w.Renewed(dstlist.ID(n))
		if n == many/2 {
			finish(t, w)
		}
	}
	finish(t, w)
	if _, found, _ := begin(t, s, tab, keep.Options{}); len(found) != many {
		t.Errorf("%d of %d leases are kept", len(found), many)
	}
}

// What is odd in a store is left out, and disturbs nothing else.
func TestOdd(t *testing.T) {
	s := store.NewMemory()
	defer s.Close()
	tab := newTable()
	w, _, _ := begin(t, s, tab, keep.Options{})
	ended := lease(7, 7, -time.Second)
	tab.set(ended)
	good := lease(8, 8, time.Minute)
	tab.set(good)
	w.Changed(7)
	w.Changed(8)
	finish(t, w)
	odd := map[string]string{
		"viewers/zz": "{}", "viewers/0000000000000001": "{", "viewers/0000000000000002": `{"viewer": "10.0.0.1:0"}`,
		"viewers/3": `{"viewer": "10.0.0.1:1"}`, "renewals/1": "short", "what": "is this", "key": "short",
	}
	for key, value := range odd {
		if _, err := store.Put(t.Context(), s, "source/channels/news/"+key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	f := keep.NewFollower(s, "news")
	if err := f.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := f.Leases(time.Now()); f.Odd() != len(odd) || len(all) != 1 || !reflect.DeepEqual(all[0], good) {
		t.Errorf("%d are odd, want %d; leases %v", f.Odd(), len(odd), all)
	}
	// What has ended is deleted by the next.
	tab.remove(7)
	next, _, err := keep.Begin(t.Context(), f, keep.Options{TTL: time.Minute, Look: tab.look})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, next)
	if _, err := s.Get(t.Context(), fmt.Sprintf("source/channels/news/viewers/%016x", 7)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a lease that has ended is still stored: %v", err)
	}
}
