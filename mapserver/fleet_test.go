package mapserver

import (
	"context"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
)

// Several Map-Servers on one store.

// fleet is several servers on one store. Nothing moves between them but by share:
// what one has taken it flushes, and the others merge, one change after the other.
type fleet struct {
	t       testing.TB
	store   *store.Memory
	servers []*harness
	seen    []store.Revision
}

func newFleet(t testing.TB, n int, sites ...Site) *fleet {
	f := &fleet{t: t, store: store.NewMemory()}
	t.Cleanup(func() { f.store.Close() })
	for i := range n {
		f.servers = append(f.servers, newHarness(t, f.options(i), sites...))
		f.seen = append(f.seen, 0)
	}
	return f
}

// options are those of a server that writes when it is told to.
func (f *fleet) options(i int) Options {
	return Options{Store: f.store, Shared: true, Node: string(rune('a' + i)), FlushInterval: time.Hour}
}

func (f *fleet) flush(i int) {
	if err := f.servers[i].s.persist.w.Flush(context.Background()); err != nil {
		f.t.Fatal(err)
	}
}

// catchUp has a server merge what the store has.
func (f *fleet) catchUp(i int) {
	page, err := f.store.List(context.Background(), storeKeys, "", 1)
	if err != nil {
		f.t.Fatal(err)
	}
	if f.seen[i] == page.Revision {
		return
	}
	for change, err := range f.store.Watch(context.Background(), storeKeys, f.seen[i]) {
		if err != nil {
			f.t.Fatal(err)
		}
		for _, ev := range change.Events {
			f.servers[i].s.merge(f.servers[i].now, ev)
		}
		if f.seen[i] = change.Revision; change.Revision >= page.Revision {
			break
		}
	}
}

// share goes on until nobody has anything to tell. That it ends is part of what is
// tested.
func (f *fleet) share() {
	f.t.Helper()
	for range 10 {
		for i := range f.servers {
			f.flush(i)
		}
		waiting := 0
		for i, h := range f.servers {
			f.catchUp(i)
			waiting += h.s.persist.w.Stats().Waiting
		}
		if waiting == 0 {
			return
		}
	}
	f.t.Fatal("the servers never agree")
}

// wait lets time pass everywhere.
func (f *fleet) wait(d time.Duration) {
	for _, h := range f.servers {
		h.advance(d)
	}
}
