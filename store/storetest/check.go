package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/corecast/corecast/store"
)

// must returns a function that gives v, or fails the test if there is an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func errOf[T any](_ T, err error) error { return err }

func compare(a, b string) int { return cmp.Compare(a, b) }

func keysOf(entries []store.Entry) []string {
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	return keys
}

func sameEntries(a, b []store.Entry) bool {
	return slices.EqualFunc(a, b, func(a, b store.Entry) bool {
		return a.Key == b.Key && bytes.Equal(a.Value, b.Value) && a.Created == b.Created && a.Modified == b.Modified && a.Lease == b.Lease
	})
}

func wantEntry(t *testing.T, s store.Store, want store.Entry) {
	t.Helper()
	if got, err := s.Get(t.Context(), want.Key); err != nil || !sameEntries([]store.Entry{got}, []store.Entry{want}) {
		t.Errorf("%s: %+v, %v; want %+v", want.Key, got, err, want)
	}
}

func wantKeys(t *testing.T, s store.Store, prefix string, want ...string) {
	t.Helper()
	page, err := s.List(t.Context(), prefix, "", 0)
	if got := keysOf(page.Entries); err != nil || !slices.Equal(got, want) {
		t.Errorf("the store holds %q, %v; want %q", got, err, want)
	}
}

func wantConflict(t *testing.T, want store.ConflictError) func(store.Revision, error) {
	return func(_ store.Revision, err error) {
		t.Helper()
		var got *store.ConflictError
		if !errors.As(err, &got) || *got != want || !errors.Is(err, store.ErrConflict) {
			t.Errorf("error %v, want %v", err, &want)
		}
	}
}

func wantChange(t *testing.T, c store.Change, r store.Revision, want ...string) {
	t.Helper()
	var got []string
	for _, ev := range c.Events {
		if ev.Modified != r {
			t.Errorf("event %+v in revision %d", ev, r)
		}
		if ev.Deleted {
			got = append(got, "deleted "+ev.Key)
		} else {
			got = append(got, fmt.Sprintf("put %s=%s", ev.Key, ev.Value))
		}
	}
	if c.Revision != r || !slices.Equal(got, want) {
		t.Errorf("change at revision %d: %q; want at %d: %q", c.Revision, got, r, want)
	}
}

// wantChangeAfter is wantChange of what has no revision that the test knows.
func wantChangeAfter(t *testing.T, c store.Change, after store.Revision, want ...string) {
	t.Helper()
	if c.Revision <= after {
		t.Errorf("change at revision %d, after %d", c.Revision, after)
	}
	wantChange(t, c, c.Revision, want...)
}
