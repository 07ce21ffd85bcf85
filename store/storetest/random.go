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
	revision store.Revision // at which the entries changed last
}

// allows reports whether a transaction's conditions hold.
func (m *model) allows(txn store.Txn) bool {
	for _, c := range txn.If {
		if m.entries[c.Key].Modified != c.Modified {
			return false
		}
	}
	return true
}

// commit does what Store.Commit should, at a revision. It returns how many keys
// changed.
func (m *model) commit(txn store.Txn, at store.Revision) (changed int) {
	last := map[string]store.Op{}
	for _, op := range txn.Then {
		last[op.Key] = op
	}
	for key, op := range last {
		old, existed := m.entries[key]
		switch {
		case op.Delete && !existed:
			continue
		case op.Delete:
			delete(m.entries, key)
		default:
			if !existed {
				old.Created = at
			}
			m.entries[key] = store.Entry{Key: key, Value: op.Value, Created: old.Created, Modified: at}
		}
		changed++
	}
	return changed
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
		allowed := m.allows(txn)
		r, err := s.Commit(t.Context(), txn)
		if allowed && err != nil || !allowed && !errors.Is(err, store.ErrConflict) {
			rt.Fatalf("%+v: %v; conditions hold: %v", txn, err, allowed)
		}
		if allowed {
			changed := m.commit(txn, r)
			if r < m.revision || changed > 0 && r == m.revision {
				rt.Fatalf("%+v: %d changes at revision %d, after %d", txn, changed, r, m.revision)
			}
			if changed > 0 {
				m.revision = r
				if c := w.next(t); c.Revision != r || len(c.Events) != changed {
					rt.Fatalf("%+v: the watch saw %+v; want %d events at %d", txn, c, changed, r)
				} else {
					replay(seen, c)
				}
			}
		}
		want := slices.SortedFunc(maps.Values(m.entries), func(a, b store.Entry) int { return compare(a.Key, b.Key) })
		page := must(s.List(t.Context(), "", "", 0))(t)
		if !sameEntries(page.Entries, want) || page.Revision < m.revision {
			rt.Fatalf("after %+v: %+v at %d\nwant %+v at %d", txn, page.Entries, page.Revision, want, m.revision)
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
