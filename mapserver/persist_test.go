package mapserver

import (
	"context"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/store"
)

// reopen closes the harness' server and makes another one from the store, after
// some time and with other sites.
func (h *harness) reopen(away time.Duration, opts Options, sites ...Site) {
	h.t.Helper()
	if err := h.s.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.now = h.now.Add(away)
	s, err := New(h.now, sites, opts)
	if err != nil {
		h.t.Fatal(err)
	}
	h.s = s
	h.t.Cleanup(func() { s.Close() })
}

func keys(t *testing.T, s store.Store) (list []string) {
	t.Helper()
	for e, err := range store.All(context.Background(), s, "mapserver/") {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Key)
	}
	return list
}

func TestStateSurvives(t *testing.T) {
	db, err := store.OpenFile(filepath.Join(t.TempDir(), "corecast.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	opts := Options{Store: db}
	site := studio()
	site.Replay = ReplayMonotonic
	h := newHarness(t, opts, site)
	one, two := lisp.XTR{ID: [16]byte{1}}, lisp.XTR{ID: [16]byte{2}, Site: [8]byte{3}}
	send := func(x lisp.XTR, nonce uint64, accepted bool, change func(*register), records ...lisp.Record) {
		t.Helper()
		r := registerOf(nonce, records...)
		r.HasXTR, r.XTR = true, x
		if change != nil {
			change(&r)
		}
		h.register(etr, r, accepted)
	}
	send(one, 10, true, nil, record("10.1.0.0/16", 60, "192.0.2.10"), record("2001:db8:1::/48", 60, "2001:db8::10"))
	merging := func(r *register) { r.Merge = true }
	send(one, 11, true, merging, record("10.1.2.0/24", 60, "192.0.2.10"))
	send(two, 5, true, merging, record("10.1.2.0/24", 60, "192.0.2.20"))
	send(one, 12, true, nil, record("10.1.3.0/24", 60, "192.0.2.10"))
	send(one, 13, true, nil, record("10.1.3.0/24", 0))
	h.advance(100 * time.Second)
	send(one, 14, true, nil, record("10.1.0.0/16", 60, "192.0.2.10"))

	before := h.s.Mappings(MappingFilter{})
	h.reopen(10*time.Second, opts, site)
	after := h.s.Mappings(MappingFilter{})
	if len(after) != 3 || len(before) != 3 {
		t.Fatalf("%d mappings, then %d, want 3", len(before), len(after))
	}
	for i := range after {
		if !sameMapping(before[i], after[i]) {
			t.Errorf("before %+v\n after %+v", before[i], after[i])
		}
	}
	// Nonces are remembered.
	send(one, 14, false, nil, record("10.1.4.0/24", 60, "192.0.2.66"))
	send(two, 5, false, nil, record("10.1.4.0/24", 60, "192.0.2.66"))
	if st, _ := h.s.Site("studio"); st.Rejected["replay"] != 2 {
		t.Errorf("rejected %v", st.Rejected)
	}
	// What was not refreshed ends when it would have, and not before.
	h.advance(60 * time.Second)
	if got := h.answers("10.1.2.3"); !strings.HasPrefix(got, "10.1.2.0/24") {
		t.Errorf("170 s after its Map-Register: %s", got)
	}
	h.advance(12 * time.Second)
	if n := h.s.Counters(); n.Mappings != 1 || n.Expired != 3 {
		t.Errorf("%d mappings and %d expired, want 1 and 3", n.Mappings, n.Expired)
	}
	h.reopen(time.Hour, opts, site)
	if n := h.s.Counters(); n.Mappings != 0 {
		t.Errorf("%d mappings after an hour", n.Mappings)
	}
	h.s.Close()
	for _, k := range keys(t, db) {
		if !strings.HasPrefix(k, nonceKeys) {
			t.Errorf("%s is still in the store", k)
		}
	}
}

func sameMapping(a, b Mapping) bool {
	if a.EID != b.EID || a.Site != b.Site || len(a.Locators) != len(b.Locators) || len(a.Registrations) != len(b.Registrations) || a.TTL != b.TTL || a.Proxy != b.Proxy {
		return false
	}
	for i := range a.Locators {
		if a.Locators[i].Address.IP != b.Locators[i].Address.IP || a.Locators[i].Weight != b.Locators[i].Weight {
			return false
		}
	}
	for _, r := range a.Registrations {
		found := false
		for _, o := range b.Registrations {
			found = found || r.XTR == o.XTR && r.From == o.From && r.Merge == o.Merge && r.KeyID == o.KeyID && r.Since.Equal(o.Since) && r.Expires.Equal(o.Expires)
		}
		if !found {
			return false
		}
	}
	return true
}

// A refresh alone is written now and then; what is restored ends that much
// early at most, and never late.
func TestRefreshesAreWrittenNowAndThen(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	opts := Options{Store: db, FlushInterval: time.Hour}
	h := newHarness(t, opts, studio())
	for i := range 60 {
		h.register(etr, registerOf(uint64(i), record("10.1.0.0/16", 60, "192.0.2.10")), true)
		h.advance(10 * time.Second)
	}
	stats := h.s.Counters().Persistence
	if writes := stats.Coalesced + 1; writes < 600/50 || writes > 600/40 {
		t.Errorf("%d writes in 600 s, want one every 45 to 50 s", writes)
	}
	last := h.now.Add(-10 * time.Second)
	h.reopen(0, opts, studio())
	expires := h.s.Mappings(MappingFilter{})[0].Registrations[0].Expires
	if early := last.Add(3 * time.Minute).Sub(expires); early < 0 || early > 45*time.Second {
		t.Errorf("ends %s early", early)
	}
}

func TestSubscriptionsSurvive(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	opts := Options{Store: db}
	u := newSubscriber(t, opts, studio())
	u.expect("confirmed", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	u.expect("moved", u.move("10.1.0.0/16", "192.0.2.10"), 1001, "10.1.0.0/16 1h0m0s 192.0.2.10")
	home := studio()
	home.Name, home.EIDPrefixes = "home", prefixes("10.200.0.0/16")
	u.reopen(time.Second, opts, studio(), home)
	// It is told anew, since the crash might have lost a change, with a nonce
	// above all that were used.
	u.expect("restarted", u.advance(250*time.Millisecond), 1001+nonceJump+1, "10.1.2.3/32 0s Send-Map-Request; 10.1.0.0/16 1h0m0s 192.0.2.10")
	u.expect("moved", u.move("10.1.0.0/16", "192.0.2.11"), 1001+nonceJump+2, "10.1.0.0/16 1h0m0s 192.0.2.11")
	u.nonce = 1<<20 + 1
	u.expect("ended", u.subscribe("10.1.2.3", netip.Addr{}), 1<<20+1, "10.1.2.3/32 0s Send-Map-Request")
	u.reopen(time.Second, opts, studio(), home)
	if n := u.s.Counters(); n.Subscriptions != 0 {
		t.Errorf("%d subscriptions", n.Subscriptions)
	}
}

// What is not allowed now, or cannot be read, is not restored, and left in the store
// until it is over: the configuration may be the wrong one.
func TestRestoreTakesWhatIsAllowed(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	ctx := context.Background()
	opts := Options{Store: db}
	h := newHarness(t, opts, studio())
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"), record("10.1.2.0/24", 60, "192.0.2.10"), record("2001:db8:1::/48", 60, "198.51.100.1")), true)
	if err := h.s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{registrationKeys + "junk", nonceKeys + "junk", subscriptionKeys + "junk"} {
		if _, err := store.Put(ctx, db, k, []byte{9, 9, 9}); err != nil {
			t.Fatal(err)
		}
	}
	s := studio()
	s.AcceptMoreSpecifics, s.AllowedLocators = false, prefixes("192.0.2.0/24")
	h.reopen(time.Second, opts, s)
	if m := h.s.Mappings(MappingFilter{}); len(m) != 1 || m[0].EID != eid("10.1.0.0/16") {
		t.Errorf("%+v", m)
	}
	if err := h.s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := h.s.Counters().Unrestored; n != 2+3 || len(keys(t, db)) != 4+3 {
		t.Errorf("%d not restored, in the store: %v", n, keys(t, db))
	}
	h.reopen(time.Hour, opts, s)
	if err := h.s.Close(); err != nil {
		t.Fatal(err)
	}
	if list := keys(t, db); len(list) != 1+3 {
		t.Errorf("in the store when all is over: %v", list)
	}
}

// Starting once with another configuration does not forget nonces, and neither does
// taking a site out and putting it in again.
func TestNoncesOutliveTheirSite(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	opts := Options{Store: db}
	other := Site{Name: "other", EIDPrefixes: prefixes("10.9.0.0/16")}
	h := newHarness(t, opts, monotonic())
	first := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
	h.register(etr, first, true)
	h.register(etr, registerOf(2, record("10.1.0.0/16", 60, "192.0.2.11")), true)
	h.reopen(time.Second, opts, other)
	if err := h.s.SetSites([]Site{monotonic()}); err != nil {
		t.Fatal(err)
	}
	h.register(etr, first, false)
	h.reopen(time.Second, opts, other)
	h.reopen(time.Second, opts, monotonic())
	h.register(etr, first, false)
	if got, want := h.answers("10.1.2.3"), "10.1.0.0/16 1h0m0s 192.0.2.11"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, sites := range [][]Site{{other}, {monotonic()}} {
		if err := h.s.SetSites(sites); err != nil {
			t.Fatal(err)
		}
	}
	h.register(etr, first, false)
}

// What was stored while the clock was ahead ends no later than if it came now.
func TestRestoredFromTheFuture(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	h := newHarness(t, Options{Store: db}, studio())
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	h.reopen(-365*24*time.Hour, Options{Store: db}, studio())
	if m := h.s.Mappings(MappingFilter{}); len(m) != 1 || m[0].Registrations[0].Expires.After(h.now.Add(3*time.Minute)) {
		t.Errorf("%+v", m)
	}
}

// A flood of forged Map-Registers right after a restart does not keep out the xTRs
// that had registered before.
func TestXTRsAreKnownAfterARestart(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	opts := Options{Store: db, ForgedRate: 10}
	h := newHarness(t, opts, studio())
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	h.reopen(time.Second, opts, studio())
	forged := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.66"))
	forged.secret = "guess"
	packet := forged.encode(t)
	for i := range 1000 {
		h.handle(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), 4342), packet)
	}
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.11")), true)
}

// Whatever is in the store, restoring it does not fail.
func FuzzFormat(f *testing.F) {
	x := &xtr{id: lisp.XTR{ID: [16]byte{1}}, site: &site{name: "studio"}, from: etr, last: start}
	rec := record("10.1.0.0/16", 60, "192.0.2.10")
	encoded, err := rec.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encodeRegistration(&registration{xtr: x, from: etr.Addr(), own: encoded, lifetime: 180}))
	f.Add(encodeNonce(x, &keyNonce{keyID: 1, nonce: 5}))
	f.Add(encodeSubscription(&subscription{eid: eid("10.1.0.0/16"), xtr: x.id, site: x.site, to: itr, local: local}, "a", 0))
	f.Fuzz(func(t *testing.T, value []byte) {
		if r, err := decodeRegistration(value); err == nil {
			again := encodeRegistration(restoredRegistration(r))
			if s, err := decodeRegistration(again); err != nil || s.eid != r.eid || s.site != r.site || s.from != r.from {
				t.Errorf("%+v, then %+v %v", r, s, err)
			}
		}
		decodeNonce(value)
		if s, err := decodeSubscription(value); err == nil && !s.eid.Prefix.IsValid() {
			t.Errorf("%+v", s)
		}
	})
}

func restoredRegistration(r savedRegistration) *registration {
	out := &registration{
		xtr: &xtr{id: r.xtr, site: &site{name: r.site}}, from: r.from, since: r.since, lifetime: r.lifetime, flags: r.flags, keyID: r.keyID, own: r.record,
	}
	out.refreshed.Store(r.refreshed)
	return out
}

func TestFormatKeepsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addr := netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")))
		if rapid.Bool().Draw(t, "IPv4") {
			b := addr.As16()
			addr = netip.AddrFrom4([4]byte(b[:4]))
		}
		x := &xtr{
			id: lisp.XTR{ID: [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "xTR-ID"))}, site: &site{name: rapid.StringN(0, 60, 255).Draw(t, "site")},
			from: netip.AddrPortFrom(addr, rapid.Uint16().Draw(t, "port")), last: start,
			auth: lastAuth{keyID: rapid.Byte().Draw(t, "key"), algorithm: 2, size: 16},
		}
		n := keyNonce{keyID: 3, nonce: rapid.Uint64().Draw(t, "nonce"), data: [12]byte{1, 2, 3}}
		if got, err := decodeNonce(encodeNonce(x, &n)); err != nil || got != (savedNonce{
			site: x.site.name, xtr: x.id, from: x.from, last: start.UnixNano(), auth: savedAuth{x.auth.keyID, 2, 16}, seen: n,
		}) {
			t.Fatalf("%+v %v", got, err)
		}
		sub := &subscription{eid: drawEID(t, "EID"), xtr: x.id, site: x.site, to: x.from, local: addr, nonce: n.nonce}
		if got, err := decodeSubscription(encodeSubscription(sub, "node", 7)); err != nil || got != (savedSubscription{
			site: x.site.name, eid: sub.eid, xtr: x.id, to: x.from, local: addr, nonce: n.nonce, node: "node", ended: 7,
		}) {
			t.Fatalf("%+v %v", got, err)
		}
	})
}
