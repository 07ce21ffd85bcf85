package eventlog

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// open opens a log on a store and runs it until the test ends.
func open(t *testing.T, s store.Store, opts Options) *Log {
	t.Helper()
	l, err := Open(t.Context(), s, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return l
}

func newStore(t *testing.T) store.Store {
	s := store.NewMemory()
	t.Cleanup(func() { s.Close() })
	return s
}

// next waits for the events after an id.
func next(t *testing.T, l *Log, after ID) ([]Entry, bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		events, missed, grown := l.Read(after, 1000)
		if len(events) > 0 {
			return events, missed
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatal("no event came")
		}
	}
}

// await waits for n events after an id.
func await(t *testing.T, l *Log, after ID, n int) (all []Entry) {
	t.Helper()
	for len(all) < n {
		events, missed := next(t, l, after)
		if missed {
			t.Fatalf("missed some after %v", after)
		}
		all = append(all, events...)
		after = all[len(all)-1].ID
	}
	return all
}

func commit(t *testing.T, l *Log, s store.Store, texts ...string) {
	t.Helper()
	var events []Event
	for _, text := range texts {
		events = append(events, Event{Kind: "changed", Text: text})
	}
	if _, err := s.Commit(t.Context(), store.Txn{Then: l.Ops(events...)}); err != nil {
		t.Fatal(err)
	}
}

func texts(entries []Entry) string {
	var list []string
	for _, e := range entries {
		list = append(list, e.Text)
	}
	return strings.Join(list, " ")
}

// Two controllers see the same events with the same ids, as does a third that
// starts later, from a file.
func TestOneOrderForAll(t *testing.T) {
	path := "file:" + filepath.Join(t.TempDir(), "db")
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	a, b := open(t, s, Options{Node: "a"}), open(t, s, Options{Node: "b"})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { commit(t, a, s, fmt.Sprint("a", i), fmt.Sprint("A", i)) })
		wg.Go(func() { commit(t, b, s, fmt.Sprint("b", i)) })
	}
	wg.Wait()
	fromA, fromB := await(t, a, ID{}, 60), await(t, b, ID{}, 60)
	if texts(fromA) != texts(fromB) {
		t.Errorf("%s\n%s", texts(fromA), texts(fromB))
	}
	c := open(t, s, Options{})
	fromC, missed, _ := c.Read(ID{}, 1000)
	if missed || len(fromC) != 60 {
		t.Fatalf("%d events, missed %v", len(fromC), missed)
	}
	for i := range fromA {
		if fromA[i].ID != fromB[i].ID || fromA[i].ID != fromC[i].ID || i > 0 && fromA[i].ID.Compare(fromA[i-1].ID) <= 0 {
			t.Fatalf("ids %v %v %v", fromA[i].ID, fromB[i].ID, fromC[i].ID)
		}
		rest, missed, _ := c.Read(fromA[i].ID, 1000)
		if missed || texts(rest) != texts(fromA[i+1:]) {
			t.Fatalf("after %v: %s, missed %v", fromA[i].ID, texts(rest), missed)
		}
	}
	t.Cleanup(func() { s.Close() })
}

// What is kept is bounded, here and in the store, and whoever missed something
// is told.
func TestBounded(t *testing.T) {
	s := newStore(t)
	l := open(t, s, Options{Max: 10})
	commit(t, l, s, "first")
	first := await(t, l, ID{}, 1)[0].ID
	last := first
	for i := range 100 {
		commit(t, l, s, fmt.Sprint(i))
		last = await(t, l, last, 1)[0].ID
	}
	events, missed, _ := l.Read(first, 1000)
	if !missed || len(events) != 10 || events[9].Text != "99" {
		t.Errorf("missed %v: %s", missed, texts(events))
	}
	if _, missed, _ := l.Read(events[0].ID, 1000); missed {
		t.Error("missed something after an event that is kept")
	}
	if _, missed, _ := l.Read(ID{last.Revision + 1, 0}, 1000); !missed {
		t.Error("nothing missed after an id of another store")
	}
	page, err := s.List(t.Context(), prefix, "", 0)
	if err != nil || len(page.Entries) > 12 {
		t.Errorf("%d events in the store, %v", len(page.Entries), err)
	}
	other, err := Open(t.Context(), s, Options{Max: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, missed, _ := other.Read(first, 1000); !missed {
		t.Error("after a restart nothing is said of what is missing")
	}
}

func TestBoundedBytes(t *testing.T) {
	s := newStore(t)
	l := open(t, s, Options{MaxBytes: 5000})
	last := ID{}
	for range 20 {
		commit(t, l, s, strings.Repeat("x", 900))
		last = await(t, l, last, 1)[0].ID
	}
	if events, _, _ := l.Read(ID{}, 1000); len(events) != 4 {
		t.Errorf("%d events kept", len(events))
	}
}

func TestRecord(t *testing.T) {
	s := newStore(t)
	l := open(t, s, Options{Node: "here"})
	for i := range 200 {
		if !l.Record(Event{Kind: "switch.phase", Text: fmt.Sprint(i), Object: &Object{"switch", "itr1"}}) {
			t.Fatal("no room")
		}
	}
	for i, e := range await(t, l, ID{}, 200) {
		if e.Text != fmt.Sprint(i) || e.Node != "here" || e.Time.IsZero() || *e.Object != (Object{"switch", "itr1"}) {
			t.Fatalf("%d: %+v", i, e)
		}
	}
}

func TestRecordNeverWaits(t *testing.T) {
	s := newStore(t)
	l, err := Open(t.Context(), s, Options{}) // nobody runs it
	if err != nil {
		t.Fatal(err)
	}
	for range queueLength {
		l.Record(Event{})
	}
	if l.Record(Event{}) || l.Dropped() != 1 {
		t.Errorf("%d dropped", l.Dropped())
	}
}

func TestParseID(t *testing.T) {
	for _, good := range []ID{{}, {7, 0}, {1<<64 - 1, 1<<32 - 1}} {
		if id, err := ParseID(good.String()); err != nil || id != good {
			t.Errorf("%v: %v, %v", good, id, err)
		}
	}
	for _, bad := range []string{"", "7", "7.", ".7", "7.01", "7.0 ", "-1.0", "+1.0", "7.0.0", "18446744073709551616.0", "7.4294967296", strings.Repeat("1", 10000)} {
		if id, err := ParseID(bad); err == nil || len(err.Error()) > 200 {
			t.Errorf("%.50q: %v, %v", bad, id, err)
		}
	}
}
