package mappings

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/lisptest"
	"github.com/corecast/corecast/source/sourcetest"
)

// A site's capability comes and goes, its xTR moves, and the source knows: by
// SMRs without a key, by Map-Notifies with one.
func TestFollowsTheMapServer(t *testing.T) {
	t.Parallel()
	for _, subscribed := range []bool{false, true} {
		t.Run(map[bool]string{false: "SMR", true: "PubSub"}[subscribed], func(t *testing.T) {
			t.Parallel()
			s := startServer(t, netip.AddrPortFrom(host(), 0), sites(false))
			config := Config{Resolvers: []netip.AddrPort{s.at}, Retry: slow}
			if subscribed {
				config.Subscription = s.subscription()
			}
			c := start(t, config)
			m := resolved(t, c, "10.1.2.3", func(Mapping) bool { return true })
			if m.CoreCast || m.Native || m.RLOC("news", nil) != addr("192.0.2.21") || m.Prefix != netip.MustParsePrefix("10.1.0.0/16") {
				t.Errorf("%+v", m)
			}
			if subscribed {
				sourcetest.Until(t, "the subscription", func() bool { return c.Stats().Subscribed == 1 })
			}
			for _, coreCast := range []bool{true, false, true} {
				if err := s.SetSites(sites(coreCast)); err != nil {
					t.Fatal(err)
				}
				resolved(t, c, "10.1.2.3", func(m Mapping) bool { return m.CoreCast == coreCast })
			}
			moved := sites(true)
			moved[0].RLOCs[0].Address = addr("192.0.2.22")
			if err := s.SetSites(moved); err != nil {
				t.Fatal(err)
			}
			resolved(t, c, "10.1.2.3", func(m Mapping) bool { return m.RLOC("news", nil) == addr("192.0.2.22") })
			n := c.Stats()
			if n.Mappings != 1 || n.CoreCast != 1 || n.Dropped != (Dropped{}) {
				t.Errorf("%+v", n)
			}
			if subscribed && (!n.Registered || n.Notified < 4) || !subscribed && n.Solicited < 4 {
				t.Errorf("%+v", n)
			}
		})
	}
}

// What is no LISP site is known as that; a site without an xTR is asked for
// again by TTL.
func TestNegative(t *testing.T) {
	s := startServer(t, netip.AddrPortFrom(host(), 0), sites(true))
	c := start(t, Config{Resolvers: []netip.AddrPort{s.at}})
	m := resolved(t, c, "10.9.9.9", func(Mapping) bool { return true })
	if !m.Native || m.CoreCast || len(m.RLOCs) != 0 || !m.Delivery(m.RLOC("news", nil)).Unicast {
		t.Errorf("%+v", m)
	}
	requests := c.Stats().Requests
	for _, near := range []string{"10.9.9.9", "10.9.9.8", "10.9.0.1"} {
		if got, ok := c.Lookup(addr(near)); !ok || got.Prefix != m.Prefix {
			t.Errorf("%s: %+v, %v: want the mapping of %s", near, got, ok, m.Prefix)
		}
	}
	if n := c.Stats(); n.Requests != requests {
		t.Errorf("it was asked for again: %+v", n)
	}
}

// However many viewers of a site come at once, one asks.
func TestOneRequest(t *testing.T) {
	var asked atomic.Int32
	gate := make(chan struct{})
	at := scripted(t, func(m *lisptest.Request) [][]byte {
		asked.Add(1)
		<-gate
		return [][]byte{lisptest.Reply(t, m.Nonce, record("10.1.0.0/16", "192.0.2.21"))}
	})
	c := start(t, Config{Resolvers: []netip.AddrPort{at}, Retry: slow})
	for i := range 250 {
		if _, ok := c.Lookup(netip.AddrFrom4([4]byte{10, 1, 2, byte(i)})); ok {
			t.Fatal("known before it was asked for")
		}
	}
	close(gate)
	resolved(t, c, "10.1.2.9", func(Mapping) bool { return true })
	if n := asked.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// While no Map-Resolver answers, what was known stays, and it is said that it is
// old; when one is back, it is asked.
func TestMapServerAway(t *testing.T) {
	t.Parallel()
	at := netip.AddrPortFrom(host(), lisp.ControlPort)
	s := startServer(t, at, sites(true))
	c := start(t, Config{Resolvers: []netip.AddrPort{s.at}, Subscription: s.subscription()})
	resolved(t, c, "10.1.2.3", func(m Mapping) bool { return m.CoreCast })
	sourcetest.Until(t, "the subscription", func() bool { return c.Stats().Subscribed == 1 })
	s.stop()
	c.solicited([]lisp.EID{{Prefix: netip.MustParsePrefix("10.1.0.0/16")}}) // as if the TTL had come
	sourcetest.Until(t, "a request without an answer", func() bool { return c.Stats().Stale == 1 })
	if m, ok := c.Lookup(addr("10.1.2.3")); !ok || !m.CoreCast {
		t.Errorf("%+v, %v: want what was known", m, ok)
	}
	_, _ = c.Lookup(addr("10.2.2.3")) // a new one, which fails too
	sourcetest.Until(t, "another", func() bool { return c.Stats().Unanswered > 1 })

	// It comes back without memory, and with other sites: who wants them asks.
	startServer(t, at, sites(false))
	sourcetest.Until(t, "the mapping as it is now", func() bool {
		m, ok := c.Lookup(addr("10.1.2.3"))
		return ok && !m.CoreCast
	})
	resolved(t, c, "10.2.2.3", func(m Mapping) bool { return m.Native })
	if n := c.Stats(); n.Stale != 0 {
		t.Errorf("%+v", n)
	}
}

// The second Map-Resolver is asked when the first is silent.
func TestSeveralResolvers(t *testing.T) {
	silent := scripted(t, func(*lisptest.Request) [][]byte { return nil })
	s := startServer(t, netip.AddrPortFrom(host(), 0), sites(true))
	c := start(t, Config{Resolvers: []netip.AddrPort{silent, s.at}})
	resolved(t, c, "10.1.2.3", func(m Mapping) bool { return m.CoreCast })
}

// A more specific prefix takes its part out of the mapping around it, and gives
// it back.
func TestMoreSpecific(t *testing.T) {
	s := startServer(t, netip.AddrPortFrom(host(), 0), sites(true))
	c := start(t, Config{Resolvers: []netip.AddrPort{s.at}, Subscription: s.subscription()})
	resolved(t, c, "10.1.2.3", func(m Mapping) bool { return m.CoreCast })
	sourcetest.Until(t, "the subscription", func() bool { return c.Stats().Subscribed == 1 })
	part := sites(true)
	part = append(part, part[0])
	part[2].Name, part[2].CoreCast, part[2].EIDPrefixes = "part", false, []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")}
	part[2].RLOCs[0].Address = addr("192.0.2.21")
	if err := s.SetSites(part); err != nil {
		t.Fatal(err)
	}
	resolved(t, c, "10.1.2.3", func(m Mapping) bool { return !m.CoreCast && m.Prefix.Bits() == 24 })
	resolved(t, c, "10.1.3.3", func(m Mapping) bool { return m.CoreCast })
	if err := s.SetSites(part[:2]); err != nil {
		t.Fatal(err)
	}
	resolved(t, c, "10.1.2.3", func(m Mapping) bool { return m.CoreCast && m.Prefix.Bits() == 16 })
}

// Mappings are bounded; those that nobody uses go first.
func TestBounded(t *testing.T) {
	at := scripted(t, func(m *lisptest.Request) [][]byte {
		eid, _ := m.Records[0].Prefix.EID()
		return [][]byte{lisptest.Reply(t, m.Nonce, record(eid.Prefix.String(), "192.0.2.21"))}
	})
	c := start(t, Config{Resolvers: []netip.AddrPort{at}, MaxMappings: 3})
	for i := range 8 {
		_, _ = c.Lookup(netip.AddrFrom4([4]byte{10, 1, byte(i), 1}))
	}
	sourcetest.Until(t, "8 answers", func() bool { return c.Stats().Answers >= 8 })
	if n := c.Stats(); n.Mappings != 3 || n.Full < 5 {
		t.Errorf("%+v", n)
	}
	c.refreshDue(time.Now().Add(time.Hour))
	if n := c.Stats(); n.Mappings != 0 {
		t.Errorf("%+v: want none after an hour without use", n)
	}
}
