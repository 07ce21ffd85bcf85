package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
	"github.com/corecast/corecast/store/etcdtest"
)

// ledger is what a writer was told of its writes, to be held against the store.
type ledger struct {
	store store.Store
	name  string

	mu       sync.Mutex // guards what follows
	progress int        // writes acknowledged
	told     map[string]string
}

// What a writer was told.
const (
	stored  = "stored"
	unknown = "not known"
	nothing = "nothing stored"
)

// write puts one key after the other, each in a transaction with a counter, until
// ctx ends.
func (l *ledger) write(ctx context.Context, t *testing.T) {
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("%s/%06d", l.name, n)
		_, err := l.store.Commit(ctx, store.Txn{Then: []store.Op{{Key: key, Value: []byte("a")}, {Key: key + "/too", Value: []byte("b")}}})
		l.mu.Lock()
		switch {
		case err == nil:
			l.told[key] = stored
			l.progress++
		case errors.Is(err, store.ErrUnknown):
			l.told[key] = unknown
		default:
			l.told[key] = nothing
		}
		l.mu.Unlock()
	}
}

// awaitProgress waits until writes are acknowledged that were begun after now.
func (l *ledger) awaitProgress(t *testing.T, after string) {
	t.Helper()
	read := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.progress
	}
	for start, before := time.Now(), read(); read() == before; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("%s: %s is not served", after, l.name)
		}
	}
}

// check holds what was told against what the store has.
func (l *ledger) check(t *testing.T, has map[string]bool) {
	counts := map[string]int{}
	for key, told := range l.told {
		counts[told]++
		switch {
		case told == stored && !has[key]:
			t.Errorf("%s was acknowledged and is lost", key)
		case told == nothing && has[key]:
			t.Errorf("%s was refused and is there", key)
		case has[key] != has[key+"/too"]:
			t.Errorf("half of the transaction of %s is there", key)
		}
	}
	t.Logf("%s: %v", l.name, counts)
}

// TestEtcdUnderFaults lets writers and a watch go on while members of a cluster
// are killed, isolated and frozen, and then holds what the writers were told, and
// what the watch saw, against what there is.
func TestEtcdUnderFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("elections take seconds")
	}
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{Members: 3})
	faults := []struct {
		name    string
		do      func(leader int)
		outlive bool // writes go on while it lasts
		heal    func(leader int)
	}{
		{"a follower is killed", func(l int) { cluster.Kill((l + 1) % 3) }, true, func(l int) { cluster.Restart((l + 1) % 3) }},
		{"the leader is killed", func(l int) { cluster.Kill(l) }, true, func(l int) { cluster.Restart(l) }},
		{"the leader is isolated", func(l int) { cluster.Isolate(l) }, true, func(int) { cluster.Heal() }},
		{"the leader is frozen", func(l int) { cluster.Freeze(l) }, true, func(l int) { cluster.Thaw(l) }},
		{"the majority is killed", func(l int) { cluster.Kill(l, (l+1)%3) }, false, func(l int) { cluster.Restart(l, (l+1)%3) }},
		{"all are killed", func(int) { cluster.Kill(0, 1, 2) }, false, func(int) { cluster.Restart(0, 1, 2) }},
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	url := cluster.URL("faults?timeout=2s")
	var ledgers []*ledger
	var wg sync.WaitGroup
	for i := range 3 {
		l := &ledger{store: openEtcd(t, url), name: fmt.Sprint("w", i), told: map[string]string{}}
		defer closeStore(t, l.store)
		ledgers = append(ledgers, l)
		wg.Go(func() { l.write(ctx, t) })
	}
	watching := openEtcd(t, url)
	defer closeStore(t, watching)
	seen := mirror(t, watching)

	for _, f := range faults {
		start := time.Now()
		leader := cluster.Leader()
		f.do(leader)
		if f.outlive {
			for _, l := range ledgers {
				l.awaitProgress(t, "while "+f.name)
			}
		} else {
			time.Sleep(500 * time.Millisecond) // some writes are to fail
		}
		f.heal(leader)
		cluster.Await()
		for _, l := range ledgers {
			l.awaitProgress(t, "after "+f.name)
		}
		t.Logf("%s: %v", f.name, time.Since(start).Round(time.Millisecond))
	}
	stop()
	wg.Wait()

	last := putWhenServed(t, watching, "end")
	has := map[string]bool{}
	for e, err := range store.All(t.Context(), watching, "") {
		if err != nil {
			t.Fatal(err)
		}
		has[e.Key] = true
	}
	for _, l := range ledgers {
		l.check(t, has)
	}
	for key := range seen(last) {
		if !has[key] {
			t.Errorf("the watch saw %s, which is not there", key)
		}
		delete(has, key)
	}
	if len(has) > 0 {
		t.Errorf("the watch has missed %d keys", len(has))
	}
}

// mirror keeps what a store holds by listing and watching it, as nodes do. The
// function that it returns waits until the watch is at a revision.
func mirror(t *testing.T, s store.Store) func(store.Revision) map[string]bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	page, err := s.List(ctx, "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]bool{}
	for _, e := range page.Entries {
		held[e.Key] = true
	}
	at := make(chan store.Revision, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		last := page.Revision
		for c, err := range s.Watch(ctx, "", page.Revision) {
			if err != nil {
				if ctx.Err() == nil {
					t.Errorf("the watch ended: %v", err)
				}
				return
			}
			if c.Revision <= last {
				t.Errorf("revision %d after %d", c.Revision, last)
			}
			last = c.Revision
			for _, ev := range c.Events {
				if held[ev.Key] {
					t.Errorf("%s came twice", ev.Key) // each is put once
				}
				held[ev.Key] = true
			}
			select {
			case <-at:
			default:
			}
			at <- last
		}
	}()
	t.Cleanup(cancel)
	return func(want store.Revision) map[string]bool {
		t.Helper()
		timeout := time.After(patience)
		for got := store.Revision(0); got < want; {
			select {
			case got = <-at:
			case <-timeout:
				t.Fatalf("the watch is at revision %d of %d", got, want)
			}
		}
		cancel()
		<-done
		return held
	}
}
