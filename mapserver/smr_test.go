package mapserver

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

// solicited returns to whom SMRs were sent, and for what.
func solicited(t *testing.T, list []sent) (out []string) {
	t.Helper()
	for _, d := range list {
		if lisp.PeekType(d.payload) != lisp.TypeMapRequest {
			continue
		}
		var r lisp.MapRequest
		if err := r.Decode(d.payload); err != nil {
			t.Fatal(err)
		}
		if !r.SMR || !r.DontReply || r.Nonce == 0 || len(r.ITRs) != 1 || r.ITRs[0].IP != local || d.from != local ||
			r.Source.IP != r.Records[0].Prefix.IP || r.Source.InstanceID != r.Records[0].Prefix.InstanceID {
			t.Errorf("SMR %+v from %s", r, d.from)
		}
		out = append(out, d.to.String()+" "+r.Records[0].Prefix.String())
	}
	slices.Sort(out)
	return out
}

// askFrom asks for an EID as some ITR, by some port.
func (h *harness) askFrom(itr string, e string) {
	h.t.Helper()
	a := netip.MustParseAddr(itr)
	r := requestOf(7, e)
	r.ITRs = []lisp.Address{{IP: a}}
	if len(h.handle(netip.AddrPortFrom(a, 1234), ecmOf(h.t, r, "192.0.2.50:50505"))) != 1 {
		h.t.Fatal("no answer")
	}
}

func TestHoldersOfAMovedMappingAreSolicited(t *testing.T) {
	s := studio()
	s.InstanceID = 7
	h := newHarness(t, Options{}, s)
	move := func(rloc string) []string {
		t.Helper()
		return solicited(t, h.handle(etr, registerOf(1, record("[7]10.1.0.0/16", 60, rloc)).encode(t)))
	}
	if got := move("192.0.2.10"); len(got) != 0 {
		t.Errorf("nobody has asked, and %v is solicited", got)
	}
	h.askFrom("192.0.2.50", "[7]10.1.2.3")
	h.askFrom("192.0.2.51", "[7]10.1.2.3")
	h.askFrom("192.0.2.51", "[7]10.1.2.4")
	if got := move("192.0.2.10"); len(got) != 0 {
		t.Errorf("nothing has moved, and %v is solicited", got)
	}
	want := []string{"192.0.2.50:4342 [7]10.1.0.0/16", "192.0.2.51:4342 [7]10.1.0.0/16"}
	if got := move("192.0.2.11"); !slices.Equal(got, want) {
		t.Errorf("moved: %v, want %v", got, want)
	}
	if got := move("192.0.2.12"); len(got) != 0 {
		t.Errorf("those who did not ask again: %v", got)
	}
	// Who asks again and again is told every 3 s, and in the end of the last.
	h.askFrom("192.0.2.50", "[7]10.1.2.3")
	if got := move("192.0.2.13"); len(got) != 0 {
		t.Errorf("within 3 s: %v", got)
	}
	if got := solicited(t, h.advance(2*time.Second)); len(got) != 0 {
		t.Errorf("within 3 s: %v", got)
	}
	if got := solicited(t, h.advance(2*time.Second)); !slices.Equal(got, want[:1]) {
		t.Errorf("later: %v, want %v", got, want[:1])
	}
	// A more specific mapping that appears moves part of what covered it.
	h.askFrom("192.0.2.50", "[7]10.1.2.3")
	got := solicited(t, h.handle(etr, registerOf(1, record("[7]10.1.2.0/24", 60, "192.0.2.20")).encode(t)))
	if want := []string{"192.0.2.50:4342 [7]10.1.2.0/24"}; !slices.Equal(got, want) {
		t.Errorf("a more specific one: %v, want %v", got, want)
	}
	// Who was told of nothing is told when there is something again.
	h.advance(4 * time.Minute)
	h.askFrom("192.0.2.52", "[7]10.1.2.3")
	if got, want := move("192.0.2.10"), []string{"192.0.2.52:4342 [7]10.1.0.0/16"}; !slices.Equal(got, want) {
		t.Errorf("registered again: %v, want %v", got, want)
	}
}

func TestHoldersEndWithTheTTL(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	r := registerOf(1, record("10.1.0.0/16", 10, "192.0.2.10"))
	r.UseTTL = true
	h.register(etr, r, true)
	h.askFrom("192.0.2.50", "10.1.2.3")
	for range 3 {
		h.advance(4 * time.Minute)
		h.register(etr, r, true)
	}
	r.Records = []lisp.Record{record("10.1.0.0/16", 10, "192.0.2.11")}
	if got := solicited(t, h.handle(etr, r.encode(t))); len(got) != 0 {
		t.Errorf("%v is solicited 12 minutes after it was told a TTL of 10", got)
	}
}

func TestHoldersAreBounded(t *testing.T) {
	h := newHarness(t, Options{MaxHoldersPerMapping: 4, MaxHolders: 6}, studio())
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"), record("10.1.2.0/24", 60, "192.0.2.10")), true)
	for i := range 10 {
		h.askFrom("192.0.2."+itoa(100+i), "10.1.2.3")
		h.advance(time.Second)
	}
	for i := range 10 {
		h.askFrom("192.0.2."+itoa(100+i), "10.1.9.9")
		h.advance(time.Second)
	}
	n := h.s.Counters()
	if n.Holders != 6 || n.HoldersForgotten != 6+8 {
		t.Errorf("%d remembered, %d forgotten; want 6 and 14", n.Holders, n.HoldersForgotten)
	}
	got := solicited(t, h.handle(etr, registerOf(2, record("10.1.2.0/24", 60, "192.0.2.11")).encode(t)))
	want := []string{"192.0.2.106:4342 10.1.2.0/24", "192.0.2.107:4342 10.1.2.0/24", "192.0.2.108:4342 10.1.2.0/24", "192.0.2.109:4342 10.1.2.0/24"}
	if !slices.Equal(got, want) {
		t.Errorf("solicited %v, want the last to ask, %v", got, want)
	}
	if n := h.s.Counters(); n.Holders != 2 {
		t.Errorf("%d remembered after, want 2", n.Holders)
	}
}

// TestSMRIsForAnEIDOfTheHolder: what an SMR asks for is an EID of the ITR, if
// it told one in the mapping's instance; its source is the prefix that changed.
func TestSMRIsForAnEIDOfTheHolder(t *testing.T) {
	for _, c := range []struct{ source, asked string }{
		{"[7]10.9.0.5", "[7]10.9.0.5/32"},
		{"[7]2001:db8::5", "[7]2001:db8::5/128"},
		{"[8]10.9.0.5", "[7]10.1.0.0/16"},
		{"10.9.0.5", "[7]10.1.0.0/16"},
		{"", "[7]10.1.0.0/16"},
	} {
		s := studio()
		s.InstanceID = 7
		h := newHarness(t, Options{}, s)
		h.register(etr, registerOf(1, record("[7]10.1.0.0/16", 60, "192.0.2.10")), true)
		r := requestOf(7, "[7]10.1.2.3")
		if c.source != "" {
			prefix := lisp.PrefixOf(eid(c.source))
			r.Source = prefix.Address
		}
		h.handle(itr, ecmOf(t, r, "192.0.2.50:50505"))
		var got []string
		for _, d := range h.handle(etr, registerOf(2, record("[7]10.1.0.0/16", 60, "192.0.2.11")).encode(t)) {
			var m lisp.MapRequest
			if lisp.PeekType(d.payload) != lisp.TypeMapRequest {
				continue
			}
			if err := m.Decode(d.payload); err != nil {
				t.Fatal(err)
			}
			got = append(got, m.Source.String()+" "+m.Records[0].Prefix.String())
		}
		if want := []string{"[7]10.1.0.0 " + c.asked}; !slices.Equal(got, want) {
			t.Errorf("source EID %q: solicited by %v, want %v", c.source, got, want)
		}
	}
}

// Who was told a more-specific mapping along with the one that covers it is told
// when that one moves, and when the one around it does.
func TestHoldersWhoWereToldAlongAreSolicited(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"), record("10.1.5.0/24", 60, "192.0.2.10")), true)
	h.askFrom("192.0.2.50", "10.1.0.1")
	move := func(e, rloc string) []string {
		t.Helper()
		return solicited(t, h.handle(etr, registerOf(1, record(e, 60, rloc)).encode(t)))
	}
	if got, want := move("10.1.5.0/24", "192.0.2.11"), []string{"192.0.2.50:4342 10.1.5.0/24"}; !slices.Equal(got, want) {
		t.Errorf("told along: %v, want %v", got, want)
	}
	h.askFrom("192.0.2.51", "10.1.5.1") // the more specific one only
	h.advance(4 * time.Second)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"), record("10.1.5.0/24", 60, "192.0.2.11")), true)
	want := []string{"192.0.2.50:4342 10.1.5.0/24", "192.0.2.51:4342 10.1.5.0/24"}
	if got := move("10.1.5.0/24", "192.0.2.12"); !slices.Equal(got, want) {
		t.Errorf("both: %v, want %v", got, want)
	}
}

// An EID-prefix of a site that nobody has registered is answered for by what the
// site has registered around it: who holds that is told when somebody does.
func TestHoldersAroundAnUnregisteredPrefixAreSolicited(t *testing.T) {
	s := studio()
	s.EIDPrefixes = prefixes("10.1.0.0/16", "10.1.2.0/24")
	h := newHarness(t, Options{}, s)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	h.askFrom("192.0.2.50", "10.1.2.3")
	for _, e := range []string{"10.1.2.128/25", "10.1.2.0/24"} {
		got := solicited(t, h.handle(etr, registerOf(1, record(e, 60, "192.0.2.20")).encode(t)))
		if want := []string{"192.0.2.50:4342 " + e}; !slices.Equal(got, want) {
			t.Errorf("%s registered: %v, want %v", e, got, want)
		}
	}
}

// Holders whose TTL is over make room for others.
func TestExpiredHoldersMakeRoom(t *testing.T) {
	h := newHarness(t, Options{MaxHolders: 100}, studio())
	refresh := func() {
		for i := range 101 {
			h.register(etr, registerOf(1, record("10.1."+itoa(i)+".0/24", 5, "192.0.2.10")), true)
		}
	}
	refresh()
	for i := range 100 {
		h.askFrom("192.0.2.50", "10.1."+itoa(i)+".1")
	}
	for range 3 {
		h.advance(2 * time.Minute)
		refresh()
	}
	if n := h.s.Counters().Holders; n > 50 {
		t.Errorf("%d remembered whose TTL is over", n)
	}
	h.askFrom("192.0.2.51", "10.1.100.1")
	got := solicited(t, h.handle(etr, registerOf(1, record("10.1.100.0/24", 5, "192.0.2.11")).encode(t)))
	if want := []string{"192.0.2.51:4342 10.1.100.0/24"}; !slices.Equal(got, want) {
		t.Errorf("solicited %v, want %v", got, want)
	}
}
