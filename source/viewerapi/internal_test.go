package viewerapi

import (
	"errors"
	"net/http/httptest"
	"strings"
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

// Clients are told what is wrong with a body in JSON's words, not in Go's.
func TestMisunderstood(t *testing.T) {
	for body, want := range map[string]string{
		`{"port": 70000}`:     "port: number 70000 is not taken; want a whole number, 0 to 65535",
		`{"port": "5004"}`:    "port: string is not taken; want a whole number, 0 to 65535",
		`{"eid": 4}`:          "eid: number is not taken; want text",
		`[5004]`:              `array is not taken; want an object, such as {"port": 5004}`,
		`{"prot": 5004}`:      `unknown field "prot"`,
		`{"port": 5004`:       "unexpected EOF",
		`{"port": 5004, "x"}`: "invalid character '}' after object key",
	} {
		err := decode(httptest.NewRequest("POST", "/", strings.NewReader(body)), new(joinRequest))
		var p problem
		if !errors.As(err, &p) || p.Detail != want {
			t.Errorf("%s: %+v, want %q", body, err, want)
		}
	}
}
