package mapserver

import (
	"testing"
	"time"
)

func monotonic() Site {
	s := studio()
	s.Replay = ReplayMonotonic
	return s
}

// A repetition acknowledges only what is in the database.
func TestRepetitionOfWhatWasRejectedIsTakenOnceItMayBe(t *testing.T) {
	s := monotonic()
	s.AcceptMoreSpecifics = false
	h := newHarness(t, Options{}, s)
	r := registerOf(1, record("10.1.2.0/24", 60, "192.0.2.10"))
	h.register(etr, r, false)
	s.AcceptMoreSpecifics = true
	if err := h.s.SetSites([]Site{s}); err != nil {
		t.Fatal(err)
	}
	h.register(etr, r, true)
	if got, want := h.answers("10.1.2.3"), "10.1.2.0/24 1h0m0s 192.0.2.10"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRepetitionOfWhatTimedOutIsNotAcknowledged(t *testing.T) {
	h := newHarness(t, Options{}, monotonic())
	r := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
	h.register(etr, r, true)
	h.register(etr, r, true)
	h.advance(4 * time.Minute)
	h.register(etr, r, false)
	if st, _ := h.s.Site("studio"); st.Rejected["replay"] != 1 {
		t.Errorf("%+v", st)
	}
	withdraw := registerOf(2, record("10.1.0.0/16", 0))
	h.register(etr, withdraw, true)
	h.register(etr, withdraw, true)
}

func TestRepetitionAcknowledgesWhatTheFirstDid(t *testing.T) {
	s := monotonic()
	s.MaxMappings = 1
	h := newHarness(t, Options{}, s)
	r := registerOf(1, record("10.1.1.0/24", 60, "192.0.2.10"), record("10.1.2.0/24", 60, "192.0.2.10"))
	for range 3 {
		if n := h.register(etr, r, true); len(n.Records) != 1 || n.Records[0].Prefix.String() != "10.1.1.0/24" {
			t.Errorf("acknowledged %+v", n.Records)
		}
	}
}
