package mapserver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

func TestMerge(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	xtr := func(i byte, nonce uint64, merge bool, rec lisp.Record) register {
		r := registerOf(nonce, rec)
		r.HasXTR, r.XTR, r.Merge = true, lisp.XTR{ID: [16]byte{i}}, merge
		return r
	}
	steps := []struct {
		register register
		want     string
	}{
		{xtr(1, 1, true, record("10.1.0.0/16", 60, "192.0.2.10")), "10.1.0.0/16 1h0m0s 192.0.2.10"},
		{xtr(2, 1, true, record("10.1.0.0/16", 30, "192.0.2.9", "192.0.2.10")), "10.1.0.0/16 30m0s 192.0.2.9 192.0.2.10"},
		{xtr(3, 1, true, record("10.1.0.0/16", 60, "2001:db8::1")), "10.1.0.0/16 30m0s 192.0.2.9 192.0.2.10 2001:db8::1"},
		{xtr(2, 2, true, record("10.1.0.0/16", 0)), "10.1.0.0/16 1h0m0s 192.0.2.10 2001:db8::1"},
		{xtr(4, 1, false, record("10.1.0.0/16", 60, "192.0.2.40")), "10.1.0.0/16 1h0m0s 192.0.2.40"},
		{xtr(4, 2, false, record("10.1.0.0/16", 0)), "10.1.0.0/16 1h0m0s 192.0.2.10 2001:db8::1"},
		{xtr(9, 1, false, record("10.1.0.0/16", 0)), "10.1.0.0/16 1h0m0s 192.0.2.10 2001:db8::1"},
		{xtr(1, 2, true, record("10.1.0.0/16", 60, "192.0.2.11")), "10.1.0.0/16 1h0m0s 192.0.2.11 2001:db8::1"},
	}
	for i, c := range steps {
		h.register(etr, c.register, true)
		if got := h.answers("10.1.2.3"); got != c.want {
			t.Errorf("step %d: %s, want %s", i, got, c.want)
		}
	}
	// Each times out by itself.
	h.advance(2 * time.Minute)
	h.register(etr, xtr(1, 3, true, record("10.1.0.0/16", 60, "192.0.2.11")), true)
	h.advance(2 * time.Minute)
	if got, want := h.answers("10.1.2.3"), "10.1.0.0/16 1h0m0s 192.0.2.11"; got != want {
		t.Errorf("after a while: %s, want %s", got, want)
	}
	if n := h.s.Counters(); n.Registrations != 1 {
		t.Errorf("%d registrations, want 1", n.Registrations)
	}
}

// Without merging, the latest Map-Register is what is told, and when its xTR
// goes, what another one still registers.
func TestSeveralXTRsWithoutMerging(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	xtr := func(i byte, ttl uint32, rloc string) register {
		r := registerOf(1, record("10.1.0.0/16", ttl, rloc))
		r.HasXTR, r.XTR = true, lisp.XTR{ID: [16]byte{i}}
		return r
	}
	for i, c := range []struct {
		register register
		want     string
	}{
		{xtr(1, 60, "192.0.2.10"), "192.0.2.10"},
		{xtr(2, 60, "192.0.2.20"), "192.0.2.20"},
		{xtr(1, 60, "192.0.2.10"), "192.0.2.10"},
		{xtr(1, 0, "192.0.2.10"), "192.0.2.20"},
		{xtr(1, 0, "192.0.2.10"), "192.0.2.20"},
	} {
		h.register(etr, c.register, true)
		if got, want := h.answers("10.1.2.3"), "10.1.0.0/16 1h0m0s "+c.want; got != want {
			t.Errorf("step %d: %s, want %s", i, got, want)
		}
	}
}

func TestMergeWithoutXTRIDGoesByAddress(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	r := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
	r.Merge = true
	h.register(etr, r, true)
	r.Records = []lisp.Record{record("10.1.0.0/16", 60, "192.0.2.20")}
	h.register(netip.MustParseAddrPort("192.0.2.20:9"), r, true)
	if got, want := h.answers("10.1.2.3"), "10.1.0.0/16 1h0m0s 192.0.2.10 192.0.2.20"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
