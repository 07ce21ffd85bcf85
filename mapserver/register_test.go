package mapserver

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

func TestRegisterAndAsk(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	if got, want := h.rlocs("10.1.2.3"), "10.1.0.0/16 1m0s Natively-Forward"; got != want {
		t.Errorf("before: %s, want %s", got, want)
	}
	h.register(etr, registerOf(1, record("10.1.0.0/16", 1440, "2001:db8::10", "192.0.2.10")), true)
	if got, want := h.rlocs("10.1.2.3"), "10.1.0.0/16 24h0m0s 192.0.2.10 2001:db8::10"; got != want {
		t.Errorf("after: %s, want %s", got, want)
	}
	h.register(etr, registerOf(2, record("10.1.0.0/16", 0)), true)
	if got, want := h.rlocs("10.1.2.3"), "10.1.0.0/16 1m0s Natively-Forward"; got != want {
		t.Errorf("withdrawn: %s, want %s", got, want)
	}
}

func TestWhatMayBeRegistered(t *testing.T) {
	base := studio()
	for _, c := range []struct {
		name   string
		change func(*Site)
		record lisp.Record
		cause  string // empty: accepted
		words  string // that the reason contains
	}{
		{name: "the prefix", record: record("10.1.0.0/16", 60, "192.0.2.10")},
		{name: "a more specific", record: record("10.1.2.0/24", 60, "192.0.2.10")},
		{name: "a more specific that is not accepted", change: func(s *Site) { s.AcceptMoreSpecifics = false },
			record: record("10.1.2.0/24", 60, "192.0.2.10"), cause: "more-specific", words: "10.1.2.0/24 is within 10.1.0.0/16 of site studio"},
		{name: "a less specific", record: record("10.0.0.0/8", 60, "192.0.2.10"), cause: "unknown-eid", words: "no site has EID-prefix 10.0.0.0/8"},
		{name: "another instance", record: record("[7]10.1.0.0/16", 60, "192.0.2.10"), cause: "unknown-eid", words: "[7]10.1.0.0/16"},
		{name: "another site's", record: record("10.1.200.0/24", 60, "192.0.2.10"), cause: "other-site", words: "is of site other"},
		{name: "no IP prefix", record: lisp.Record{TTL: 60, Prefix: lisp.EIDPrefix{Address: lisp.Address{Raw: []byte("\x00\x11host\x00")}}},
			cause: "not-ip", words: `"host"/0 is no IP prefix`},
		{name: "no locators", record: record("10.1.0.0/16", 60)},
		{name: "an allowed locator", change: func(s *Site) { s.AllowedLocators = prefixes("192.0.2.0/24", "2001:db8::/32") },
			record: record("10.1.0.0/16", 60, "192.0.2.10", "2001:db8::1")},
		{name: "a locator that is not allowed", change: func(s *Site) { s.AllowedLocators = prefixes("192.0.2.0/24") },
			record: record("10.1.0.0/16", 60, "192.0.2.10", "198.51.100.1"), cause: "locator", words: "locator 198.51.100.1 of EID-prefix 10.1.0.0/16 is not within the allowed locators"},
		{name: "a locator that nobody can send to", record: record("10.1.0.0/16", 60, "0.0.0.0"), cause: "locator", words: "0.0.0.0"},
		{name: "an LCAF", record: lcafRecord()},
		{name: "an LCAF where locators are limited", change: func(s *Site) { s.AllowedLocators = prefixes("192.0.2.0/24") },
			record: lcafRecord(), cause: "locator", words: "LCAF 14"},
		{name: "too many locators", record: record("10.1.0.0/16", 60, manyLocators(33)...), cause: "locators", words: "33 locators: at most 32"},
		{name: "as many as may be", record: record("10.1.0.0/16", 60, manyLocators(32)...)},
		{name: "one mapping too many", change: func(s *Site) { s.MaxMappings = 1 },
			record: record("10.1.2.0/24", 60, "192.0.2.10"), cause: "too-many-mappings", words: "has registered 1 mappings, the most it may"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := base
			if c.change != nil {
				c.change(&s)
			}
			other := base
			other.Name, other.EIDPrefixes = "other", prefixes("10.1.200.0/24")
			h := newHarness(t, Options{}, s, other)
			// Along with one that is accepted, which says which keys it is signed with.
			r := registerOf(1, record("2001:db8:1::/48", 60, "192.0.2.10"), c.record)
			n := h.register(etr, r, true)
			st, _ := h.s.Site("studio")
			if c.cause == "" {
				if len(n.Records) != 2 || st.Mappings != 2 || len(st.LastRejects) != 0 {
					t.Errorf("%d records acknowledged, %+v", len(n.Records), st)
				}
				return
			}
			if len(n.Records) != 1 || n.Records[0].Prefix.String() != "2001:db8:1::/48" || st.Mappings != 1 {
				t.Errorf("acknowledged %+v; %d mappings, want 1", n.Records, st.Mappings)
			}
			if st.Rejected[c.cause] != 1 || len(st.LastRejects) != 1 || !strings.Contains(st.LastRejects[0].Reason, c.words) {
				t.Errorf("rejected %v %+v; want %s: %s", st.Rejected, st.LastRejects, c.cause, c.words)
			}
		})
	}
}

func lcafRecord() lisp.Record {
	address, err := lisp.LCAFAddress(&lisp.JSON{Text: []byte(`{"a":1}`)})
	if err != nil {
		panic(err)
	}
	r := record("10.1.0.0/16", 60)
	r.Locators = []lisp.Locator{{Address: address, Priority: 255}}
	return r
}

func manyLocators(n int) (list []string) {
	for i := range n {
		list = append(list, "192.0.2."+itoa(i+1))
	}
	return list
}

func TestNobodysEID(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	h.register(etr, registerOf(1, record("10.9.0.0/16", 60, "192.0.2.10")), false)
	rejects := h.s.Rejects()
	if len(rejects) != 1 || rejects[0].Reason != "no site has EID-prefix 10.9.0.0/16" || rejects[0].EID != "10.9.0.0/16" || rejects[0].Cause != "unknown-eid" {
		t.Errorf("%+v", rejects)
	}
}

func TestTimeouts(t *testing.T) {
	for _, c := range []struct {
		name    string
		useTTL  bool
		ttl     uint32
		timeout time.Duration
		want    time.Duration
		told    time.Duration // TTL in replies
	}{
		{"three minutes", false, 60, 0, 3 * time.Minute, time.Hour},
		{"T bit", true, 10, 0, 10 * time.Minute, 10 * time.Minute},
		{"T bit, for ever", true, lisp.TTLForever, 0, 24 * time.Hour, 24 * time.Hour},
		{"configured", false, 60, 30 * time.Second, 30 * time.Second, time.Hour},
		{"TTL capped", false, 0xffff, 0, 3 * time.Minute, 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := studio()
			s.Timeout = c.timeout
			h := newHarness(t, Options{}, s)
			r := registerOf(1, record("10.1.0.0/16", c.ttl, "192.0.2.10"))
			r.UseTTL = c.useTTL
			h.register(etr, r, true)
			if got, want := h.answers("10.1.2.3"), "10.1.0.0/16 "+c.told.String()+" 192.0.2.10"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			h.now = h.now.Add(c.want - 2*time.Second)
			h.advance(time.Second)
			if h.s.Counters().Mappings != 1 {
				t.Error("timed out too early")
			}
			h.advance(3 * time.Second)
			if n := h.s.Counters(); n.Mappings != 0 || n.Expired != 1 {
				t.Errorf("still there %s after it should have timed out", 2*time.Second)
			}
		})
	}
}

func TestRefreshKeepsAlive(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	for i := range 10 {
		h.register(etr, registerOf(uint64(i), record("10.1.0.0/16", 60, "192.0.2.10")), true)
		h.advance(time.Minute)
	}
	n := h.s.Counters()
	if n.Mappings != 1 || n.Changes != 2+1 || n.Expired != 0 {
		t.Errorf("%+v", n)
	}
	if m := h.s.Mappings(MappingFilter{}); len(m) != 1 || !m[0].Registrations[0].Since.Equal(start) || !m[0].Registrations[0].Refreshed.Equal(h.now.Add(-time.Minute)) {
		t.Errorf("%+v", m)
	}
}

func TestNotifyEchoesTheRegister(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	r := registerOf(0x1122334455667788, record("10.1.0.0/16", 60, "2001:db8::10", "192.0.2.10"), record("10.1.2.0/24", 0))
	for _, xtr := range []bool{false, true} {
		r.HasXTR, r.XTR.ID[0] = xtr, 9
		packet := r.encode(t)
		list := h.handle(etr, packet)
		if len(list) != 1 || len(list[0].payload) != len(packet) {
			t.Fatalf("sent %v", list)
		}
		n := list[0].payload
		if lisp.PeekType(n) != lisp.TypeMapNotify || n[0]&0xf != map[bool]byte{true: 8}[xtr] || n[1] != 0 || n[2] != 0 || n[3] != 2 {
			t.Errorf("header % x: want type 4, I %v, 2 records", n[:4], xtr)
		}
		if !slices.Equal(n[4:16], packet[4:16]) || !slices.Equal(n[48:], packet[48:]) {
			t.Errorf("nonce, key, records or xTR-ID differ:\n% x\n% x", n, packet)
		}
	}
	r.WantNotify = false
	if list := h.handle(etr, r.encode(t)); len(list) != 0 {
		t.Error("a Map-Notify that nobody asked for")
	}
}

func TestRejectsAreKeptOnce(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	bad := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
	bad.secret = "guess"
	for range 10 {
		h.register(etr, bad, false)
		h.advance(time.Second)
	}
	for i := range 200 {
		h.register(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 9), bad, false)
	}
	st, _ := h.s.Site("studio")
	if len(st.LastRejects) != maxRejects || st.Rejected["hmac"] != 210 {
		t.Fatalf("%d kept, %v", len(st.LastRejects), st.Rejected)
	}
	if last := st.LastRejects[maxRejects-1]; last.Count != 10 || last.From != etr {
		t.Errorf("a flood within one moment pushed out what came before: %+v", last)
	}
}
