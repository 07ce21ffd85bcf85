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

func TestAuthentication(t *testing.T) {
	keys := []Key{
		{ID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte("sesame")},
		{ID: 2, Algorithm: lisp.AlgorithmSHA1, Secret: []byte("old")},
		{ID: 3, Algorithm: lisp.AlgorithmSHA256HKDF, Secret: []byte("derived")},
		{ID: 4, Secret: []byte("any")},
	}
	for _, c := range []struct {
		name      string
		keyID     uint8
		algorithm lisp.Algorithm
		secret    string
		size      int
		cause     string // empty: accepted
		words     string
	}{
		{name: "SHA-256, full", keyID: 1, algorithm: 2, secret: "sesame"},
		{name: "SHA-256, truncated", keyID: 1, algorithm: 2, secret: "sesame", size: 16},
		{name: "SHA-1, full", keyID: 2, algorithm: 1, secret: "old"},
		{name: "SHA-1, truncated", keyID: 2, algorithm: 1, secret: "old", size: 12},
		{name: "HKDF, full", keyID: 3, algorithm: 3, secret: "derived"},
		{name: "HKDF, truncated", keyID: 3, algorithm: 3, secret: "derived", size: 16},
		{name: "a key for all algorithms", keyID: 4, algorithm: 1, secret: "any"},
		{name: "16-bit key id 1: SHA-1", keyID: 0, algorithm: 1, secret: "old"},
		{name: "16-bit key id 2: SHA-256", keyID: 0, algorithm: 2, secret: "sesame"},
		{name: "wrong secret", keyID: 1, algorithm: 2, secret: "guess", cause: "hmac",
			words: "HMAC does not match key id 1 of site studio: the secrets differ"},
		{name: "wrong secret, 16-bit key id", keyID: 0, algorithm: 2, secret: "guess", cause: "hmac",
			words: "HMAC matches none of the 2 keys of site studio with algorithm 2"},
		{name: "another key's secret", keyID: 1, algorithm: 2, secret: "any", cause: "hmac",
			words: "HMAC does not match key id 1 of site studio: the secrets differ"},
		{name: "unknown key", keyID: 9, algorithm: 2, secret: "sesame", cause: "unknown-key",
			words: "key id 9; site studio has key ids 1 (algorithm 2), 2 (algorithm 1), 3 (algorithm 3), 4"},
		{name: "another algorithm", keyID: 1, algorithm: 1, secret: "sesame", cause: "algorithm",
			words: "algorithm 1 with key id 1; site studio has key ids 1 (algorithm 2), 2 (algorithm 1), 3 (algorithm 3), 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := studio()
			s.Keys = keys
			h := newHarness(t, Options{}, s)
			r := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
			r.Auth, r.secret, r.size = lisp.Auth{KeyID: c.keyID, Algorithm: c.algorithm}, c.secret, c.size
			n := h.register(etr, r, c.cause == "")
			st, _ := h.s.Site("studio")
			if c.cause == "" {
				size := c.size
				if size == 0 {
					size = c.algorithm.Size()
				}
				if len(n.Auth.Data) != size || n.Auth.KeyID != c.keyID || n.Auth.Algorithm != c.algorithm || st.Mappings != 1 {
					t.Errorf("acknowledged with %d bytes, key id %d, algorithm %d; want %d, %d, %d", len(n.Auth.Data), n.Auth.KeyID, n.Auth.Algorithm, size, c.keyID, c.algorithm)
				}
				return
			}
			if st.Rejected[c.cause] != 1 || len(st.LastRejects) != 1 || st.LastRejects[0].Reason != c.words || st.LastRejects[0].From != etr || st.Mappings != 0 {
				t.Errorf("rejected %v, last %+v; want %s: %s", st.Rejected, st.LastRejects, c.cause, c.words)
			}
		})
	}
}

// Any bit that differs from what was signed makes a Map-Register void.
func TestEveryBitIsAuthenticated(t *testing.T) {
	s := studio()
	h := newHarness(t, Options{ForgedRate: -1}, s)
	r := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
	r.HasXTR, r.XTR = true, lisp.XTR{ID: [16]byte{1, 2}, Site: [8]byte{3}}
	packet := r.encode(t)
	tried := 0
	for i := range len(packet) * 8 {
		packet[i/8] ^= 1 << (i % 8)
		if list := h.handle(etr, packet); len(list) != 0 {
			t.Errorf("bit %d of byte %d: answered", i%8, i/8)
		}
		packet[i/8] ^= 1 << (i % 8)
		tried++
	}
	if n := h.s.Counters().Mappings; n != 0 || tried == 0 {
		t.Errorf("%d mappings after %d forgeries", n, tried)
	}
	if len(h.handle(etr, packet)) != 1 {
		t.Error("the original is refused")
	}
}

func TestKeyRotation(t *testing.T) {
	s := studio()
	h := newHarness(t, Options{}, s)
	old := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
	h.register(etr, old, true)
	s.Keys = append(slices.Clone(s.Keys), Key{ID: 2, Algorithm: lisp.AlgorithmSHA256, Secret: []byte("fresh")})
	if err := h.s.SetSites(h.now, []Site{s}); err != nil {
		t.Fatal(err)
	}
	h.register(etr, old, true)
	fresh := registerOf(2, record("10.1.0.0/16", 60, "192.0.2.10"))
	fresh.Auth.KeyID, fresh.secret = 2, "fresh"
	h.register(etr, fresh, true)
	s.Keys = s.Keys[1:]
	if err := h.s.SetSites(h.now, []Site{s}); err != nil {
		t.Fatal(err)
	}
	h.register(etr, old, false)
	h.register(etr, fresh, true)
	if st, _ := h.s.Site("studio"); st.Mappings != 1 || st.Changes != 1+2 || st.XTRs[0].KeyID != 2 {
		t.Errorf("%+v", st) // 2: the site's own prefixes
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

// A repetition is acknowledged, since the first acknowledgment may have been
// lost; but whoever recorded it cannot keep a registration alive with it.
func TestRepetitionChangesNothing(t *testing.T) {
	s := studio()
	s.Replay = ReplayMonotonic
	h := newHarness(t, Options{}, s)
	r := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
	for range 6 {
		h.register(etr, r, true)
		h.advance(time.Minute)
	}
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

func TestForgedRegistersHaveABudget(t *testing.T) {
	s := studio()
	h := newHarness(t, Options{ForgedRate: 10}, s)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	forged := registerOf(2, record("10.1.0.0/16", 60, "198.51.100.66"))
	forged.secret = "guess"
	packet := forged.encode(t)
	flood := func(from func(i int) netip.AddrPort) (verified, skipped uint64) {
		before := h.s.Counters().Dropped
		st, _ := h.s.Site("studio")
		for i := range 1000 {
			h.handle(from(i), packet)
		}
		now, _ := h.s.Site("studio")
		after := h.s.Counters().Dropped
		if after["hmac"]-before["hmac"] != now.Rejected["hmac"]-st.Rejected["hmac"] {
			t.Error("the site's counter and the server's differ")
		}
		return after["hmac"] - before["hmac"], after["forged-rate"] - before["forged-rate"]
	}
	// From anywhere: together they have one budget, and xTRs are not in it.
	verified, skipped := flood(func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 4342)
	})
	if verified < 10 || verified > 11 || skipped != 1000-verified {
		t.Errorf("%d looked at, %d not; want 10 or 11", verified, skipped)
	}
	h.register(etr, registerOf(3, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	// With the address of an xTR: its own budget goes, and comes back.
	if verified, _ = flood(func(int) netip.AddrPort { return etr }); verified < 10 || verified > 11 {
		t.Errorf("%d looked at, want 10 or 11", verified)
	}
	h.register(etr, registerOf(4, record("10.1.0.0/16", 60, "192.0.2.10")), false)
	h.advance(2 * time.Second)
	h.register(etr, registerOf(5, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	if got, want := h.answers("10.1.2.3"), "10.1.0.0/16 1h0m0s 192.0.2.10"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRegisterRate(t *testing.T) {
	h := newHarness(t, Options{RegisterRate: 20}, studio())
	n := 0
	for i := range 100 {
		n += len(h.handle(etr, registerOf(uint64(i), record("10.1.0.0/16", 60, "192.0.2.10")).encode(t)))
	}
	if n < 10 || n > 11 { // each counts 2: the message and its record
		t.Errorf("%d of 100 accepted at 20 a second", n)
	}
}

func TestTooManyXTRs(t *testing.T) {
	h := newHarness(t, Options{MaxXTRs: 3}, studio())
	for i := range 5 {
		r := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
		r.HasXTR, r.XTR.ID[0] = true, byte(i+1)
		h.register(etr, r, i < 3)
	}
	if st, _ := h.s.Site("studio"); st.Rejected["too-many-xtrs"] != 2 || len(st.XTRs) != 3 {
		t.Errorf("%+v", st)
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
