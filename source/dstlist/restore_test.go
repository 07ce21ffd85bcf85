package dstlist_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/wire"
	"pgregory.net/rapid"
)

// A list that is made of what was in another one has the same viewers under the
// same IDs, serves them, lets them go, and gives no ID that the other one gave.
func TestRestore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, limit := dstlist.New(dstlist.Options{ListSize: 4}), 64
		given := map[dstlist.ID]bool{}
		stays := map[dstlist.ID]dstlist.Stay{}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 20), 0, 100).Draw(t, "comings and goings") {
			v := dstlist.Viewer{EID: eid(n, false), Port: 5004, RLOC: rloc(n % 3)}
			expires := time.Now().Add(time.Duration(n+1) * time.Minute)
			id, err := old.Join(v, expires)
			if errors.Is(err, dstlist.ErrPresent) {
				old.Leave(id)
				delete(stays, id)
				continue
			}
			given[id] = true
			stays[id] = dstlist.Stay{ID: id, Viewer: v, Expires: expires}
		}
		l := dstlist.New(dstlist.Options{ListSize: 4, Limit: dstlist.NewLimit(limit)})
		var all []dstlist.Stay
		for _, s := range stays {
			all = append(all, s)
		}
		if refused, err := l.Restore(all); err != nil || len(refused) > 0 || l.Len() != len(stays) {
			t.Fatalf("%v, %v: %d of %d", refused, err, l.Len(), len(stays))
		}
		served := map[string]int{}
		b := dstlist.NewBatch(0, wire.MaxEntries)
		l.Begin(time.Now())
		for more := true; more; {
			b.Reset(wire.MaxEntries)
			more, _ = l.Next(time.Now(), payload, b)
			for _, p := range b.Packets() {
				for _, v := range decode(t, p) {
					served[v.String()]++
				}
			}
		}
		l.End()
		for id, s := range stays {
			v, expires, ok := l.Get(id)
			if !ok || v != s.Viewer || !expires.Equal(s.Expires) || served[v.String()] != 1 {
				t.Fatalf("%v is %v until %v, %v, served %d times", s, v, expires, ok, served[v.String()])
			}
		}
		for n := 100; l.Len() < limit; n++ {
			id, err := l.Join(dstlist.Viewer{EID: eid(n, false), Port: 5004}, time.Time{})
			if err != nil || given[id] {
				t.Fatalf("a new viewer has ID %x, %v", id, err)
			}
		}
		for id, s := range stays {
			if v, ok := l.Leave(id); !ok || v != s.Viewer {
				t.Fatalf("%v left as %v, %v", s, v, ok)
			}
		}
		if all := l.Clear(); len(all) != 0 {
			t.Fatalf("viewers without a lease had one: %v", all)
		}
		if n := l.Begin(time.Now()); n != 0 || l.Len() != 0 {
			t.Fatalf("%d packets for %d viewers of an empty list", n, l.Len())
		}
		l.End()
	})
}

// What no list can have given is refused, and the rest taken.
func TestRestoreRefuses(t *testing.T) {
	limit := dstlist.NewLimit(3)
	l := dstlist.New(dstlist.Options{Limit: limit})
	stay := func(index uint32, n int) dstlist.Stay {
		return dstlist.Stay{ID: dstlist.ID(7)<<32 | dstlist.ID(index), Viewer: dstlist.Viewer{EID: eid(n, false), Port: 1}}
	}
	bad := []dstlist.Stay{
		stay(0, 9),       // an ID twice
		stay(1, 1),       // a viewer twice
		stay(3, 3),       // beyond the limit
		stay(1<<32-1, 4), // far beyond it
		{ID: 2, Viewer: dstlist.Viewer{EID: eid(1, true), Port: 1}}, // the other family
	}
	refused, err := l.Restore(append([]dstlist.Stay{stay(0, 1), stay(2, 2)}, bad...))
	if err != nil || len(refused) != len(bad) || l.Len() != 2 || limit.Used() != 2 {
		t.Errorf("%v, %v, %d viewers, %d used", refused, err, l.Len(), limit.Used())
	}
	for _, s := range bad[1:] {
		if !slices.Contains(refused, s) {
			t.Errorf("%v was taken", s)
		}
	}
	if _, err := l.Restore(nil); !errors.Is(err, dstlist.ErrNotEmpty) {
		t.Errorf("into a list with viewers: %v", err)
	}
	id, err := l.Join(dstlist.Viewer{EID: eid(7, false), Port: 1}, time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if all := l.Clear(); len(all) != 1 || all[0].ID != id || limit.Used() != 0 {
		t.Errorf("%v were cleared, %d are still used", all, limit.Used())
	}
}
