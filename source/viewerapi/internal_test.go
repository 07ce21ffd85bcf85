package viewerapi

import (
	"testing"

	"github.com/corecast/corecast/source/dstlist"
)

// Whatever is given as a lease id: only what was made by encode is one.
func FuzzLeaseID(f *testing.F) {
	ids := newLeaseIDs("news", secret())
	f.Add(ids.encode(7))
	f.Add("")
	f.Add("AAAAAQAAAADsB2rUddzAaNFxRD0")
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := ids.decode(s)
		if ok && ids.encode(id) != s {
			t.Errorf("%q is taken for %q", s, ids.encode(id))
		}
	})
}

func TestLeaseIDs(t *testing.T) {
	key := secret()
	news, sports := newLeaseIDs("news", key), newLeaseIDs("sports", key)
	for _, id := range []dstlist.ID{0, 1, 1<<63 + 5} {
		s := news.encode(id)
		if got, ok := news.decode(s); !ok || got != id {
			t.Errorf("%d became %d, %v", id, got, ok)
		}
		if _, ok := sports.decode(s); ok {
			t.Error("a lease of one channel is one of another")
		}
	}
}

// Readers get every event once and in order, know how many they missed, and
// are let go at the end.
func TestEventLog(t *testing.T) {
	l := newEventLog()
	for range logSize + 10 {
		l.add(Event{Type: EventJoin})
	}
	events, missed, news := l.since(0, 100)
	if missed != 10 || len(events) != 100 || events[0].ID != 11 || news == nil {
		t.Errorf("%d missed, %d events from %d", missed, len(events), events[0].ID)
	}
	if events, missed, _ = l.since(logSize+10, 100); missed != 0 || len(events) != 0 {
		t.Errorf("%d missed, %d events at the end", missed, len(events))
	}
	if events, _, _ = l.since(1<<60, 100); len(events) != 0 {
		t.Error("events from the future")
	}
	_, _, news = l.since(logSize+10, 100)
	l.close()
	<-news
	if _, _, news = l.since(logSize+10, 100); news != nil {
		t.Error("the end is not told")
	}
}
