package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/corecast/corecast/store"
	"pgregory.net/rapid"
)

// model is what a store should hold: the slow, obvious way.
type model struct {
	entries  map[string]store.Entry
	revision store.Revision
}

// commit does what Store.Commit should.
func (m *model) commit(txn store.Txn) (conflict bool) {
	for _, c := range txn.If {
		if m.entries[c.Key].Modified != c.Modified {
			return true
		}
	}
	next := m.revision + 1
	for _, op := range txn.Then {
		old, existed := m.entries[op.Key]
		if op.Delete {
			if existed {
				m.revision = next
			}
			delete(m.entries, op.Key)
			continue
		}
		m.revision = next
		if !existed {
			old.Created = next
		}
		m.entries[op.Key] = store.Entry{Key: op.Key, Value: op.Value, Created: old.Created, Modified: next}
	}
	return false
}

// testRandom does random transactions on a store and on the model, and compares
// what they answer, what they hold, and what a watch saw.
func testRandom(t *testing.T, s store.Store) {
	m := &model{entries: map[string]store.Entry{}, revision: must(s.List(t.Context(), "", "", 1))(t).Revision}
	seen := map[string]store.Entry{} // by the watch
	w := watch(t, s, "", m.revision)
	key := rapid.Map(rapid.IntRange(0, 9), func(n int) string { return fmt.Sprintf("k/%d", n) })
	rapid.Check(t, func(rt *rapid.T) {
		var txn store.Txn
		for range rapid.IntRange(0, 2).Draw(rt, "conditions") {
			c := store.Condition{Key: key.Draw(rt, "key")}
			c.Modified = rapid.SampledFrom([]store.Revision{m.entries[c.Key].Modified, 0, m.revision}).Draw(rt, "modified")
			txn.If = append(txn.If, c)
		}
		for range rapid.IntRange(0, 4).Draw(rt, "ops") {
			op := store.Op{Key: key.Draw(rt, "key"), Delete: rapid.Bool().Draw(rt, "delete")}
			if !op.Delete {
				op.Value = rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(rt, "value")
			}
			txn.Then = append(txn.Then, op)
		}
		before := m.revision
		conflict := m.commit(txn)
		r, err := s.Commit(t.Context(), txn)
		if conflict != errors.Is(err, store.ErrConflict) || !conflict && (err != nil || r != m.revision) {
			rt.Fatalf("%+v: revision %d, %v; want %d, conflict %v", txn, r, err, m.revision, conflict)
		}
		want := slices.SortedFunc(maps.Values(m.entries), func(a, b store.Entry) int { return compare(a.Key, b.Key) })
		page := must(s.List(t.Context(), "", "", 0))(t)
		if !sameEntries(page.Entries, want) || page.Revision != m.revision {
			rt.Fatalf("after %+v: %+v at %d\nwant %+v at %d", txn, page.Entries, page.Revision, want, m.revision)
		}
		if m.revision > before {
			replay(seen, w.next(t))
		}
		got := slices.SortedFunc(maps.Values(seen), func(a, b store.Entry) int { return compare(a.Key, b.Key) })
		if !sameEntries(got, want) {
			rt.Fatalf("after %+v the watch has seen %+v\nwant %+v", txn, got, want)
		}
	})
}

func replay(entries map[string]store.Entry, c store.Change) {
	for _, ev := range c.Events {
		if ev.Deleted {
			delete(entries, ev.Key)
		} else {
			entries[ev.Key] = ev.Entry
		}
	}
}
