package keep

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/store"
)

// What is read is what would be written.
func FuzzDecodeLease(f *testing.F) {
	for _, s := range []string{
		`{"viewer":"10.1.0.11:5004","expires":1767225600000}`,
		`{"viewer":"[2001:db8::1]:5004","expires":1,"until":2,"client":"10.0.0.1","subject":"alice"}`,
		`{}`, `{"viewer":"x"}`, `[`, "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		l, err := decodeLease(7, value)
		if err != nil {
			return
		}
		again, err := l.encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeLease(7, again)
		l.Subject = strings.ToValidUTF8(l.Subject, "\ufffd")
		if err != nil || len(l.Subject) <= maxSubject && !reflect.DeepEqual(l, back) {
			t.Fatalf("%+v became %+v, %v", l, back, err)
		}
	})
}

func FuzzDecodeRenewals(f *testing.F) {
	f.Add(appendRenewal(appendRenewal(nil, 7, time.UnixMilli(1)), 1<<60, time.UnixMilli(1<<50)))
	f.Add([]byte{})
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, value []byte) {
		all, err := decodeRenewals(value)
		if err != nil {
			return
		}
		var again []byte
		for id, expires := range all {
			again = appendRenewal(again, id, expires)
		}
		if !bytes.Equal(again, value) {
			t.Fatalf("%x became %x", value, again)
		}
	})
}

// Renewals that are older than any lease are deleted.
func TestTrim(t *testing.T) {
	s := store.NewMemory()
	defer s.Close()
	f := NewFollower(s, "news")
	if err := f.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, _, err := Begin(t.Context(), f, Options{TTL: time.Minute, Look: func(id dstlist.ID) (Lease, bool) {
		return Lease{ID: id, Expires: time.Now().Add(time.Minute)}, true
	}})
	if err != nil {
		t.Fatal(err)
	}
	count := func() int {
		page, err := s.List(t.Context(), w.keys.renewals(), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Entries)
	}
	for range 5 {
		w.Renewed(1)
		if err := w.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.trim(t.Context(), time.Now().Add(59*time.Second)); err != nil || count() != 5 {
		t.Errorf("%v, %d entries", err, count())
	}
	if err := w.trim(context.Background(), time.Now().Add(61*time.Second)); err != nil || count() != 0 || len(w.logged) != 0 {
		t.Errorf("%v, %d entries are left", err, count())
	}
}
