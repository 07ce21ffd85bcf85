package mapserver

import (
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

func TestReplayProtection(t *testing.T) {
	one, two := lisp.XTR{ID: [16]byte{1}}, lisp.XTR{ID: [16]byte{2}}
	type step struct {
		nonce    uint64
		xtr      lisp.XTR
		other    bool // another content with the same nonce
		accepted bool
	}
	for _, c := range []struct {
		mode  Replay
		steps []step
	}{
		{ReplayMonotonic, []step{
			{nonce: 5, xtr: one, accepted: true}, {nonce: 5, xtr: one, accepted: true}, {nonce: 5, xtr: one, other: true},
			{nonce: 4, xtr: one}, {nonce: 3, xtr: two, accepted: true}, {nonce: 6, xtr: one, accepted: true}, {nonce: 5, xtr: one},
			{nonce: 9, accepted: true}, {nonce: 8},
		}},
		{ReplayStrict, []step{
			{nonce: 5, xtr: one, accepted: true}, {nonce: 5, xtr: one}, {nonce: 3, xtr: two, accepted: true}, {nonce: 6, xtr: one, accepted: true},
			{nonce: 9},
		}},
		{ReplayOff, []step{
			{nonce: 5, xtr: one, accepted: true}, {nonce: 5, xtr: one, other: true, accepted: true}, {nonce: 0, xtr: one, accepted: true}, {nonce: 0, accepted: true},
		}},
	} {
		t.Run(c.mode.String(), func(t *testing.T) {
			s := studio()
			s.Replay = c.mode
			h := newHarness(t, Options{}, s)
			for i, st := range c.steps {
				r := registerOf(st.nonce, record("10.1.0.0/16", 60, "192.0.2.10"))
				r.HasXTR, r.XTR = st.xtr != (lisp.XTR{}), st.xtr
				if st.other {
					r.Records[0].TTL = 61
				}
				list := h.handle(etr, r.encode(t))
				if (len(list) == 1) != st.accepted {
					t.Errorf("step %d, nonce %d of %s: %d packets, want accepted %v", i, st.nonce, st.xtr, len(list), st.accepted)
				}
			}
		})
	}
}

// A repetition is acknowledged while what it registered is there, since the first acknowledgment may have been
// lost; but whoever recorded it cannot keep a registration alive with it.
func TestRepetitionChangesNothing(t *testing.T) {
	s := studio()
	s.Replay = ReplayMonotonic
	h := newHarness(t, Options{}, s)
	r := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
	for range 3 {
		h.register(etr, r, true)
		h.advance(time.Minute)
	}
	h.advance(time.Minute)
	h.register(etr, r, false)
	if st, _ := h.s.Site("studio"); st.Mappings != 0 || st.Registers != 1 {
		t.Errorf("%+v", st)
	}
	last := h.s.Site
	h.register(etr, registerOf(0, record("10.1.0.0/16", 60, "192.0.2.10")), false)
	st, _ := last("studio")
	if !strings.Contains(st.LastRejects[0].Reason, "nonce 0x0 is not greater than 0x1, the last one with key id 1") {
		t.Error(st.LastRejects[0].Reason)
	}
}
