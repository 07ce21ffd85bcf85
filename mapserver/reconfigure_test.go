package mapserver

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
)

func TestReconfiguration(t *testing.T) {
	base := studio()
	second := Site{Name: "second", EIDPrefixes: prefixes("10.2.0.0/16")}
	for _, c := range []struct {
		name   string
		sites  func() []Site
		ten1   string // what is told of 10.1.2.3 then
		change int    // how many mappings have changed
	}{
		{"nothing", func() []Site { return []Site{base, second} }, "10.1.2.0/24 1h0m0s 192.0.2.11", 0},
		{"another key", func() []Site {
			s := base
			s.Keys = []Key{{ID: 9, Secret: []byte("x")}}
			return []Site{s, second}
		}, "10.1.2.0/24 1h0m0s 192.0.2.11", 0},
		{"no more specifics", func() []Site { s := base; s.AcceptMoreSpecifics = false; return []Site{s, second} },
			"10.1.0.0/16 1h0m0s 192.0.2.10", 1},
		{"locators are limited", func() []Site { s := base; s.AllowedLocators = prefixes("192.0.2.10/32"); return []Site{s, second} },
			"10.1.0.0/16 1h0m0s 192.0.2.10", 1},
		{"a prefix less", func() []Site { s := base; s.EIDPrefixes = prefixes("2001:db8:1::/48"); return []Site{s, second} },
			"10.0.0.0/15 15m0s Natively-Forward", 2},
		{"another site's", func() []Site {
			s := second
			s.EIDPrefixes = append(s.EIDPrefixes, prefixes("10.1.0.0/16", "2001:db8:1::/48")...)
			s.RLOCs = []RLOC{{Address: netip.MustParseAddr("192.0.2.60")}}
			return []Site{s}
		}, "10.1.0.0/16 24h0m0s 192.0.2.60", 4},
		{"denied", func() []Site { s := base; s.Deny = true; return []Site{s, second} }, "10.1.2.0/24 15m0s Drop/Policy-Denied", 0},
		{"no sites", func() []Site { return nil }, "0.0.0.0/0 15m0s Natively-Forward", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, Options{}, base, second)
			h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"), record("10.1.2.0/24", 60, "192.0.2.11")), true)
			before := h.s.Counters().Changes
			if err := h.s.SetSites(c.sites()); err != nil {
				t.Fatal(err)
			}
			if got := h.answers("10.1.2.3"); got != c.ten1 {
				t.Errorf("%s, want %s", got, c.ten1)
			}
			if got := h.s.Counters().Changes - before; int(got) != c.change {
				t.Errorf("%d changes, want %d", got, c.change)
			}
			// And back again: what was dropped stays so until it is registered.
			if err := h.s.SetSites([]Site{base, second}); err != nil {
				t.Fatal(err)
			}
			h.register(etr, registerOf(2, record("10.1.0.0/16", 60, "192.0.2.10"), record("10.1.2.0/24", 60, "192.0.2.11")), true)
			if got, want := h.answers("10.1.2.3"), "10.1.2.0/24 1h0m0s 192.0.2.11"; got != want {
				t.Errorf("back: %s, want %s", got, want)
			}
			n := h.s.Counters()
			if st, _ := h.s.Site("studio"); st.Mappings != 2 || n.Mappings != 2 || n.Registrations != 2 || n.Unregistered != 2 || n.Static != 0 {
				t.Errorf("site has %d mappings; %+v", st.Mappings, n)
			}
		})
	}
}

func TestProxyReplyCanBeSwitched(t *testing.T) {
	s := studio()
	s.ProxyReply = false
	h := newHarness(t, Options{}, s)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	packet := ecmOf(t, requestOf(7, "10.1.2.3"), "192.0.2.50:50505")
	for _, c := range []struct {
		proxy bool
		want  lisp.Type
	}{{false, lisp.TypeECM}, {true, lisp.TypeMapReply}, {false, lisp.TypeECM}} {
		s.ProxyReply = c.proxy
		if err := h.s.SetSites([]Site{s}); err != nil {
			t.Fatal(err)
		}
		if list := h.handle(itr, packet); len(list) != 1 || lisp.PeekType(list[0].payload) != c.want {
			t.Errorf("proxy %v: sent %v", c.proxy, list)
		}
	}
}

func TestWrongConfiguration(t *testing.T) {
	key := Key{ID: 1, Secret: []byte("x")}
	ok := Site{Name: "a", EIDPrefixes: prefixes("10.1.0.0/16"), Keys: []Key{key}}
	change := func(f func(*Site)) []Site {
		s := ok
		f(&s)
		return []Site{s}
	}
	for _, c := range []struct {
		sites []Site
		want  string
	}{
		{change(func(s *Site) { s.Name = "" }), "no name"},
		{change(func(s *Site) { s.EIDPrefixes = nil }), "no EID-prefixes"},
		{change(func(s *Site) { s.EIDPrefixes = prefixes("10.1.2.0/16") }), "without host bits"},
		{change(func(s *Site) { s.Keys = []Key{{ID: 1}} }), "no secret"},
		{change(func(s *Site) { s.Keys = []Key{{ID: 1, Algorithm: 9, Secret: []byte("x")}} }), "algorithm 9: want 1, 2 or 3"},
		{change(func(s *Site) { s.Keys = []Key{key, key} }), "two keys have id 1"},
		{change(func(s *Site) { s.Keys = make([]Key, 17) }), "17 keys"},
		{change(func(s *Site) { s.Replay = 9 }), "monotonic, strict or off"},
		{change(func(s *Site) { s.Timeout = 5 }), "registration timeout"},
		{change(func(s *Site) { s.MaxMappings = -1 }), "mappings"},
		{change(func(s *Site) { s.RLOCs = []RLOC{{}} }), "unicast address"},
		{change(func(s *Site) { s.RLOCs = make([]RLOC, 33) }), "33 RLOCs"},
		{change(func(s *Site) { s.AllowedLocators = []netip.Prefix{{}} }), "allowed locators"},
		{[]Site{ok, ok}, `two sites are named "a"`},
		{[]Site{ok, {Name: "b", EIDPrefixes: ok.EIDPrefixes}}, `10.1.0.0/16 belongs to site "a" and to site "b"`},
	} {
		h := newHarness(t, Options{}, studio())
		err := h.s.SetSites(c.sites)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
		if len(h.s.Sites()) != 1 {
			t.Errorf("%q: the configuration has changed", c.want)
		}
	}
	for _, o := range []Options{
		{NoIPv4: true, NoIPv6: true}, {Upstream: []netip.AddrPort{{}}}, {MaxTTL: 1},
	} {
		if _, err := New(start, nil, o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
