package mapserver

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

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
	if err := h.s.SetSites([]Site{s}); err != nil {
		t.Fatal(err)
	}
	h.register(etr, old, true)
	fresh := registerOf(2, record("10.1.0.0/16", 60, "192.0.2.10"))
	fresh.Auth.KeyID, fresh.secret = 2, "fresh"
	h.register(etr, fresh, true)
	s.Keys = s.Keys[1:]
	if err := h.s.SetSites([]Site{s}); err != nil {
		t.Fatal(err)
	}
	h.register(etr, old, false)
	h.register(etr, fresh, true)
	if st, _ := h.s.Site("studio"); st.Mappings != 1 || st.Changes != 1+2 || st.XTRs[0].KeyID != 2 {
		t.Errorf("%+v", st) // 2: the site's own prefixes
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
