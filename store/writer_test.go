package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/store"
)

// never is an interval after which no test looks.
const never = time.Hour

// gate is a store whose commits fail while it is shut.
type gate struct {
	store.Store
	shut    atomic.Bool
	commits atomic.Int64 // tried
	largest atomic.Int64 // operations in one
}

var errShut = errors.New("no space left on device")

func (g *gate) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	g.commits.Add(1)
	g.largest.Store(max(g.largest.Load(), int64(len(txn.Then))))
	if g.shut.Load() {
		return 0, errShut
	}
	return g.Store.Commit(ctx, txn)
}

func newGate(t *testing.T) *gate {
	g := &gate{Store: store.NewMemory()}
	t.Cleanup(func() { closeStore(t, g) })
	return g
}

func TestWriterWritesWhatItWasToldLast(t *testing.T) {
	g := newGate(t)
	w := store.NewWriter(g, store.WriterOptions{Interval: never, Batch: 10})
	for i := range 5 {
		w.Put("twice", []byte("first"))
		w.Put(fmt.Sprint("k", i), []byte{byte(i)})
		w.Put("twice", []byte("second"))
	}
	w.Put("gone", nil)
	w.Delete("gone")
	w.Delete("k0")
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStored(t, g, "k1 k2 k3 k4 twice=second")
	want := store.WriterStats{Written: 7, Coalesced: 11, Flushes: 1}
	if got := w.Stats(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	w.Delete("twice")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wantStored(t, g, "k1 k2 k3 k4")
	if w.Put("late", nil) {
		t.Error("Put after Close was taken")
	}
	if err := w.Flush(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Flush after Close: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

func TestWriterFlushesByItself(t *testing.T) {
	for name, opts := range map[string]store.WriterOptions{
		"after the interval": {Interval: time.Millisecond, Batch: 1000},
		"when a batch waits": {Interval: never, Batch: 3},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			w := store.NewWriter(g, opts)
			defer w.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			for i := range 3 {
				w.Put(fmt.Sprint("k", i), nil)
			}
			seen := 0
			for c, err := range g.Watch(ctx, "", 0) {
				if err != nil {
					t.Fatal(err)
				}
				if seen += len(c.Events); seen == 3 {
					break
				}
			}
		})
	}
}

func TestWriterBoundsItsQueueAndItsTransactions(t *testing.T) {
	g := newGate(t)
	g.shut.Store(true)
	w := store.NewWriter(g, store.WriterOptions{Interval: never, Batch: 7, Queue: 50})
	if w.Put(strings.Repeat("k", store.MaxKey+1), nil) {
		t.Error("a key that no store takes was taken")
	}
	var errs []error
	for i := range 60 {
		// A flush, which fails, may be under way: let it end to know the queue.
		errs = append(errs, w.Flush(t.Context()))
		if ok := w.Put(fmt.Sprintf("k%02d", i), nil); ok != (i < 50) {
			t.Errorf("Put %d: %v", i, ok)
		}
	}
	if !w.Put("k00", []byte("again")) {
		t.Error("a key that waits already was refused")
	}
	if err := w.Flush(t.Context()); !errors.Is(err, errShut) || errs[0] != nil || !errors.Is(errs[1], errShut) {
		t.Errorf("Flush: %v; before: %v, %v", err, errs[0], errs[1])
	}
	if s := w.Stats(); s.Waiting != 50 || s.Dropped != 11 || s.Failures == 0 || s.LastError != errShut.Error() {
		t.Errorf("%+v", s)
	}
	g.shut.Store(false)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	page, err := g.List(t.Context(), "", "", 0)
	if err != nil || len(page.Entries) != 50 || string(page.Entries[0].Value) != "again" {
		t.Errorf("%d entries, %v", len(page.Entries), err)
	}
	if g.largest.Load() != 7 {
		t.Errorf("a transaction of %d operations, want 7", g.largest.Load())
	}
}

func TestWriterSaysWhatItCouldNotWrite(t *testing.T) {
	g := newGate(t)
	g.shut.Store(true)
	told := make(chan error, 10)
	w := store.NewWriter(g, store.WriterOptions{Interval: never, OnError: func(err error) { told <- err }})
	w.Put("a", nil)
	w.Put("b", nil)
	err := w.Close()
	if err == nil || !strings.Contains(err.Error(), "2 keys were not written: "+errShut.Error()) {
		t.Errorf("Close: %v", err)
	}
	if err := <-told; !errors.Is(err, errShut) {
		t.Errorf("OnError was told %v", err)
	}
}

// TestWriterDoesNotHammerAStoreThatFails: only its interval makes it try again.
func TestWriterDoesNotHammerAStoreThatFails(t *testing.T) {
	g := newGate(t)
	g.shut.Store(true)
	w := store.NewWriter(g, store.WriterOptions{Interval: never, Batch: 1})
	defer w.Close()
	for i := range 1000 {
		w.Put(fmt.Sprint("k", i), nil)
	}
	if err := w.Flush(t.Context()); !errors.Is(err, errShut) {
		t.Fatal(err)
	}
	if n := g.commits.Load(); n > 2 { // the first wake, and Flush
		t.Errorf("it tried %d times", n)
	}
	g.shut.Store(false)
}

func wantStored(t *testing.T, s store.Store, want string) {
	t.Helper()
	var got []string
	for e, err := range store.All(t.Context(), s, "") {
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Value) > 1 {
			e.Key += "=" + string(e.Value)
		}
		got = append(got, e.Key)
	}
	if strings.Join(got, " ") != want {
		t.Errorf("stored %q, want %q", got, want)
	}
}

// BenchmarkWriterPut is what a register pays for its durable state.
func BenchmarkWriterPut(b *testing.B) {
	f, err := store.OpenFile(filepath.Join(b.TempDir(), "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := store.NewWriter(f, store.WriterOptions{})
	defer w.Close()
	keys := make([]string, 1<<17)
	for i := range keys {
		keys[i] = fmt.Sprintf("mappings/0/10.%d.%d.%d/32", i>>16, i>>8&255, i&255)
	}
	value := make([]byte, 120)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.Put(keys[i%len(keys)], value)
	}
	b.ReportMetric(float64(w.Stats().Dropped)/float64(b.N), "dropped/op")
}

// BenchmarkFileCommit is one durable transaction after the other.
func BenchmarkFileCommit(b *testing.B) {
	f, err := store.OpenFile(filepath.Join(b.TempDir(), "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	value := make([]byte, 120)
	for i := 0; b.Loop(); i++ {
		if _, err := store.Put(b.Context(), f, fmt.Sprint("channels/", i%1000), value); err != nil {
			b.Fatal(err)
		}
	}
}
