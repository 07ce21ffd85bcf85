package mapserver

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/store"
)

func TestWhatOneTakesAllKnow(t *testing.T) {
	site := studio()
	site.Replay = ReplayMonotonic
	f := newFleet(t, 3, site)
	a, b, c := f.servers[0], f.servers[1], f.servers[2]
	x := lisp.XTR{ID: [16]byte{1}}
	message := func(nonce uint64, ttl uint32, rlocs ...string) register {
		r := registerOf(nonce, record("10.1.2.0/24", ttl, rlocs...))
		r.HasXTR, r.XTR = true, x
		return r
	}
	w := b.s.Watch(10)
	defer w.Close()
	c.ask("10.1.2.3") // c has told somebody that there is nothing
	a.register(etr, message(10, 60, "192.0.2.10"), true)
	f.share()
	if list := c.advance(time.Second); len(list) != 1 {
		t.Errorf("c sends %d packets to whom it told the mapping before, want an SMR", len(list))
	}
	for _, h := range f.servers {
		if got := h.rlocs("10.1.2.3"); got != "10.1.2.0/24 1h0m0s 192.0.2.10" {
			t.Errorf("%s says %s", h.s.opts.Node, got)
		}
	}
	if change, err := w.Next(t.Context()); err != nil || change.EID != eid("10.1.2.0/24") || change.Mapping == nil {
		t.Errorf("a watcher of b is told %+v, %v", change, err)
	}

	// The same message at another server is a repetition, one of before a replay.
	b.register(etr, message(10, 60, "192.0.2.10"), true)
	b.register(etr, message(9, 60, "192.0.2.66"), false)
	b.register(etr, message(11, 60, "192.0.2.11"), true)
	f.share()
	a.register(etr, message(10, 60, "192.0.2.10"), false)
	if got := c.rlocs("10.1.2.3"); got != "10.1.2.0/24 1h0m0s 192.0.2.11" {
		t.Error(got)
	}

	// A registration lasts as long as somebody hears of it.
	for i := range 8 {
		f.wait(time.Minute)
		f.servers[i%2].register(etr, message(uint64(12+i), 60, "192.0.2.11"), true)
		f.share()
	}
	c.register(etr, message(30, 0), true)
	f.share()
	for _, h := range f.servers {
		if got := h.s.Counters().Mappings; got != 0 {
			t.Errorf("%s: %d mappings after the withdrawal", h.s.opts.Node, got)
		}
	}
	// The clock of c is ahead, and yet what a hears after that is later.
	a.register(etr, message(31, 60, "192.0.2.12"), true)
	f.share()
	if got := c.rlocs("10.1.2.3"); got != "10.1.2.0/24 1h0m0s 192.0.2.12" {
		t.Error(got)
	}
	f.wait(4 * time.Minute)
	f.share()
	for _, h := range f.servers {
		if n := h.s.Counters(); n.Mappings != 0 || n.Expired != 1 {
			t.Errorf("%s: %d mappings, %d expired", h.s.opts.Node, n.Mappings, n.Expired)
		}
	}
	// What is over goes out of the store, but for the nonce, in good time.
	if err := a.s.sweep(t.Context(), a.now); err != nil || len(keys(t, f.store)) != 2 {
		t.Errorf("%v: %v", keys(t, f.store), err)
	}
	if err := a.s.sweep(t.Context(), a.now.Add(time.Hour)); err != nil || len(keys(t, f.store)) != 1 {
		t.Errorf("%v: %v", keys(t, f.store), err)
	}
}

// TestServersAgree: whoever takes what, and in whatever order it gets around, all
// servers end up with what came last.
func TestServersAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFleet(t, 3, studio())
		type owner struct {
			prefix string
			xtr    byte
		}
		type last struct {
			at   int
			rloc string
		}
		latest := map[owner]last{}
		for step := range rapid.IntRange(1, 30).Draw(rt, "steps") {
			i := rapid.IntRange(0, 2).Draw(rt, "server")
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0:
				f.flush(i)
			case 1:
				f.catchUp(i)
			default:
				for _, h := range f.servers {
					h.now = h.now.Add(time.Millisecond)
				}
				o := owner{fmt.Sprintf("10.1.%d.0/24", rapid.IntRange(0, 2).Draw(rt, "prefix")), rapid.ByteRange(1, 2).Draw(rt, "xTR")}
				ttl, rloc := uint32(60), fmt.Sprintf("192.0.2.%d", rapid.IntRange(1, 3).Draw(rt, "RLOC"))
				r := registerOf(1, record(o.prefix, ttl, rloc))
				if rapid.Bool().Draw(rt, "withdraw") {
					r, rloc = registerOf(1, record(o.prefix, 0)), ""
				}
				r.UseTTL, r.HasXTR, r.XTR = true, true, lisp.XTR{ID: [16]byte{o.xtr}}
				f.servers[i].register(etr, r, true)
				latest[o] = last{step, rloc}
			}
		}
		f.share()
		want := map[string]last{}
		for o, l := range latest {
			if l.rloc != "" && (want[o.prefix].rloc == "" || l.at > want[o.prefix].at) {
				want[o.prefix] = l
			}
		}
		for _, h := range f.servers {
			var list []string
			for _, m := range h.s.Mappings(MappingFilter{}) {
				if m.Origin != OriginRegistered {
					continue
				}
				p := m.EID.Prefix.String()
				if len(m.Locators) != 1 || m.Locators[0].Address.String() != want[p].rloc {
					rt.Errorf("%s has %s at %v, want %s", h.s.opts.Node, p, m.Locators, want[p].rloc)
				}
				list = append(list, p)
			}
			if len(list) != len(want) {
				rt.Errorf("%s has %v, want %v", h.s.opts.Node, list, want)
			}
		}
		// So has one that is started on the store.
		if late := newHarness(t, f.options(3), studio()); late.s.Counters().Mappings != len(want) {
			rt.Errorf("one started now has %d mappings, want %d", late.s.Counters().Mappings, len(want))
		}
	})
}

// TestOneServerTellsASubscriber: the one that it subscribed at, or its successor.
func TestOneServerTellsASubscriber(t *testing.T) {
	home := studio()
	home.Name, home.EIDPrefixes = "home", prefixes("10.200.0.0/16")
	f := newFleet(t, 3, studio(), home)
	var subs []*subscriber
	for _, h := range f.servers {
		subs = append(subs, &subscriber{harness: h, xtr: lisp.XTR{ID: [16]byte{7}, Site: [8]byte{8}}, nonce: 1000})
	}
	a, b := subs[0], subs[1]
	there := []string{"a", "b", "c"}
	takeOver := func() {
		for _, h := range f.servers {
			h.s.TakeOver(there)
		}
		f.share()
	}
	told := func() (by string, nonce uint64) {
		t.Helper()
		for _, u := range subs {
			list := u.advance(time.Second)
			if !slices.Contains(there, u.s.opts.Node) {
				continue
			}
			var nonces []uint64
			for _, d := range list {
				var n lisp.MapNotify
				if d.to == subscriberRLOC && n.Decode(d.payload) == nil {
					nonces = append(nonces, n.Nonce)
					u.acknowledge([]sent{d}, "sesame")
				}
			}
			if len(nonces) > 0 {
				by, nonce = by+u.s.opts.Node, nonces[len(nonces)-1]
			}
		}
		return by, nonce
	}
	// change moves the mapping at a server that does not tell of it.
	change := func(teller, rloc string) {
		for _, u := range subs {
			if slices.Contains(there, u.s.opts.Node) && u.s.opts.Node != teller {
				u.move("10.1.0.0/16", rloc)
				break
			}
		}
		f.share()
	}
	a.registerHome(1)
	f.share()
	a.expect("confirmed", a.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	takeOver()
	change("a", "192.0.2.10")
	if by, nonce := told(); by != "a" || nonce != 1001 {
		t.Errorf("told by %q with nonce %d, want a, 1001", by, nonce)
	}
	f.share()

	there = []string{"b", "c"}
	takeOver()
	by, nonce := told()
	if by != "b" && by != "c" || nonce <= 1001 {
		t.Errorf("after a is gone told by %q, nonce %d", by, nonce)
	}
	f.share()
	change(by, "192.0.2.11")
	if again, next := told(); again != by || next <= nonce {
		t.Errorf("then told by %q, nonce %d", again, next)
	}
	f.share()

	there = []string{"a", "b", "c"} // a is back, and does not tell
	takeOver()
	change(by, "192.0.2.12")
	if again, _ := told(); again != by {
		t.Errorf("after a is back told by %q, not %s", again, by)
	}
	f.share()
	a.nonce = 1 << 20
	a.expect("again", a.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1<<20, "10.1.0.0/16 1h0m0s 192.0.2.12")
	f.share()
	change("a", "192.0.2.13")
	if by, _ := told(); by != "a" {
		t.Errorf("told by %q, not by a, where it subscribed again", by)
	}
	f.share()
	b.nonce = 1 << 30
	b.subscribe("10.1.2.3", netip.Addr{})
	f.share()
	for _, u := range subs {
		if n := u.s.Counters().Subscriptions; n != 0 {
			t.Errorf("%s: %d subscriptions after the end", u.s.opts.Node, n)
		}
	}
}

// TestSitesComeLate: what was registered for a site that a server does not know yet is
// there once it does.
func TestSitesComeLate(t *testing.T) {
	now := time.Now()
	more := studio()
	more.Name, more.EIDPrefixes = "more", prefixes("10.9.0.0/16")
	f := newFleet(t, 2, studio())
	a, b := f.servers[0], f.servers[1]
	a.now, b.now = now, now // it is the machine's clock that things are read back by
	sites := []Site{studio(), more}
	if err := a.s.SetSites(sites); err != nil {
		t.Fatal(err)
	}
	a.register(etr, registerOf(1, record("10.9.1.0/24", 60, "192.0.2.10")), true)
	f.share()
	count := func() int { return b.s.Counters().Mappings }
	if err := b.s.mergeLeft(t.Context()); err != nil || count() != 0 {
		t.Fatalf("%v: b has %d mappings of a site that it does not know", err, count())
	}
	if err := b.s.SetSites(sites); err != nil {
		t.Fatal(err)
	}
	if err := b.s.mergeLeft(t.Context()); err != nil || count() != 1 {
		t.Errorf("%v: %d mappings", err, count())
	}
}

// TestFollow merges by itself, and goes on where the store no longer remembers what
// has happened.
func TestFollow(t *testing.T) {
	db := store.NewMemory()
	defer db.Close()
	now := time.Now()
	open := func(node string) *Server {
		s, err := New(now, []Site{studio()}, Options{Store: db, Shared: true, Node: node, FlushInterval: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := open("a"), open("b")
	defer a.Close()
	defer b.Close()
	h := &harness{t: t, s: a, now: now}
	h.register(etr, registerOf(1, record("10.1.1.0/24", 60, "192.0.2.10")), true)
	for i := range 20_000 { // more than the store remembers
		if _, err := store.Put(t.Context(), db, "other", []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Follow(ctx) }()
	until := func(prefix string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			list := b.Mappings(MappingFilter{})
			if slices.ContainsFunc(list, func(m Mapping) bool { return m.EID == eid(prefix) }) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("b has %v", list)
			}
		}
	}
	until("10.1.1.0/24")
	h.register(etr, registerOf(1, record("10.1.2.0/24", 60, "192.0.2.10")), true)
	until("10.1.2.0/24")
	if _, err := store.Put(t.Context(), db, registrationKeys+"nonsense", []byte("x")); err != nil {
		t.Fatal(err)
	}
	h.register(etr, registerOf(1, record("10.1.3.0/24", 60, "192.0.2.10")), true)
	until("10.1.3.0/24")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := b.Counters(); n.Unrestored != 1 || n.Merged < 3 {
		t.Errorf("%d unrestored, %d merged", n.Unrestored, n.Merged)
	}
}
