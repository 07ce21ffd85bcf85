package mapserver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

func TestReplyBits(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	rec := record("10.1.0.0/16", 60, "2001:db8::10", "192.0.2.20", "192.0.2.9", "192.0.2.20")
	rec.Authoritative, rec.MapVersion, rec.Action = true, 5, lisp.ActionDrop
	for i := range rec.Locators {
		rec.Locators[i].Probed, rec.Locators[i].Priority = true, uint8(10+i)
	}
	h.register(etr, registerOf(1, rec), true)
	got := h.ask("10.1.2.3")[0]
	if got.Authoritative || got.MapVersion != 5 || got.Action != lisp.ActionNone {
		t.Errorf("A %v, map-version %d, action %s; want clear, 5 and none", got.Authoritative, got.MapVersion, got.Action)
	}
	if want := "10.1.0.0/16 1h0m0s 192.0.2.9 192.0.2.20 2001:db8::10"; describe(got) != want {
		t.Errorf("%s, want %s", describe(got), want)
	}
	for _, l := range got.Locators {
		if l.Local || l.Probed || !l.Reachable {
			t.Errorf("locator %s has L %v, p %v, R %v; want R alone", &l.Address, l.Local, l.Probed, l.Reachable)
		}
	}
	if got.Locators[1].Priority != 11 {
		t.Errorf("of an RLOC that is there twice, priority %d is told, want that of the first, 11", got.Locators[1].Priority)
	}
}

func TestWhereTheReplyGoes(t *testing.T) {
	six := netip.MustParseAddr("2001:db8::50")
	for _, c := range []struct {
		name string
		opts Options
		from string
		itrs []string
		want string // empty: nowhere
	}{
		{"IPv6 first, came by IPv4", Options{}, "192.0.2.50:4342", []string{"2001:db8::50", "192.0.2.51"}, "192.0.2.51:50505"},
		{"the source is among them", Options{}, "192.0.2.50:4342", []string{"192.0.2.51", "192.0.2.50"}, "192.0.2.50:50505"},
		{"came by IPv6", Options{}, "[2001:db8::50]:4342", []string{"192.0.2.51", "2001:db8::51"}, "[2001:db8::51]:50505"},
		{"only the other family", Options{}, "192.0.2.50:4342", []string{"2001:db8::51"}, "[2001:db8::51]:50505"},
		{"a family we do not have", Options{NoIPv6: true}, "192.0.2.50:4342", []string{"2001:db8::51"}, ""},
		{"the first that can be", Options{}, "192.0.2.50:4342", []string{"0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.53"}, "192.0.2.53:50505"},
		{"loopback from outside", Options{}, "192.0.2.50:4342", []string{"127.0.0.1"}, ""},
		{"loopback from here", Options{}, "127.0.0.1:4342", []string{"127.0.0.1"}, "127.0.0.1:50505"},
		{"none", Options{}, "192.0.2.50:4342", []string{""}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, c.opts, studio())
			r := requestOf(7, "10.1.2.3")
			r.ITRs = nil
			for _, a := range c.itrs {
				ip, _ := netip.ParseAddr(a)
				r.ITRs = append(r.ITRs, lisp.Address{IP: ip})
			}
			list := h.handle(netip.MustParseAddrPort(c.from), ecmOf(t, r, "192.0.2.50:50505"))
			switch {
			case c.want == "" && len(list) != 0:
				t.Errorf("sent to %s, want nothing", list[0].to)
			case c.want == "" && h.s.Counters().Dropped["no-itr"] != 1:
				t.Error("not counted as no-itr")
			case c.want != "" && (len(list) != 1 || list[0].to.String() != c.want):
				t.Errorf("sent %v, want to %s", list, c.want)
			}
		})
	}
	// Without encapsulation the reply goes to the source port.
	h := newHarness(t, Options{}, studio())
	r := requestOf(7, "10.1.2.3")
	r.ITRs = append(r.ITRs, lisp.Address{IP: six})
	packet, _ := r.Append(nil)
	if list := h.handle(itr, packet); len(list) != 1 || list[0].to != itr {
		t.Errorf("sent %v, want to %s", list, itr)
	}
}

func TestConfiguredRLOCs(t *testing.T) {
	s := studio()
	s.RLOCs = []RLOC{{netip.MustParseAddr("2001:db8::1"), 1, 50}, {netip.MustParseAddr("192.0.2.30"), 1, 50}}
	h := newHarness(t, Options{}, s)
	configured := "10.1.0.0/16 24h0m0s 192.0.2.30 2001:db8::1"
	if got := h.answers("10.1.2.3"); got != configured {
		t.Errorf("%s, want %s", got, configured)
	}
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	if got, want := h.answers("10.1.2.3"), "10.1.0.0/16 1h0m0s 192.0.2.10"; got != want {
		t.Errorf("registered: %s, want %s", got, want)
	}
	if got, want := h.answers("2001:db8:1::1"), "2001:db8:1::/48 24h0m0s 192.0.2.30 2001:db8::1"; got != want {
		t.Errorf("the other prefix: %s, want %s", got, want)
	}
	h.advance(4 * time.Minute)
	if got := h.answers("10.1.2.3"); got != configured {
		t.Errorf("timed out: %s, want %s", got, configured)
	}
}

func TestCoreCastIsToldToThoseWhoAsk(t *testing.T) {
	s := studio()
	s.CoreCast = true
	h := newHarness(t, Options{}, s, Site{
		Name: "plain", EIDPrefixes: prefixes("10.2.0.0/16"), RLOCs: []RLOC{{Address: netip.MustParseAddr("192.0.2.60")}},
	})
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10", "2001:db8::10")), true)
	for _, c := range []struct {
		asked, site string
		want        bool
	}{
		{"10.1.2.3", "CORECAST", true},
		{"10.1.2.3", "elsewher", false},
		{"10.1.2.3", "", false},
		{"10.2.2.3", "CORECAST", false},
		{"10.9.2.3", "CORECAST", false},
	} {
		r := requestOf(7, c.asked)
		if c.site != "" {
			r.HasXTR, r.XTR = true, lisp.XTR{ID: [16]byte{1}, Site: [8]byte([]byte(c.site))}
		}
		rec := h.askWith(r)[0]
		var last lisp.Locator
		if n := len(rec.Locators); n > 0 {
			last = rec.Locators[n-1]
		}
		if got := last.Address.LCAFType() == lisp.LCAFJSON; got != c.want {
			t.Errorf("%s from site %q: told %v, want %v", c.asked, c.site, got, c.want)
		}
		if !c.want {
			continue
		}
		l, err := lisp.ParseLCAF(last.Address)
		if err != nil || last.Priority != 255 || last.MPriority != 255 || last.Weight != 0 || last.MWeight != 0 || len(rec.Locators) != 3 {
			t.Fatalf("%+v, %v", last, err)
		}
		if j, ok := l.(*lisp.JSON); !ok || string(j.Text) != `{"corecast":1,"list":32}` {
			t.Errorf("LCAF %+v", l)
		}
	}
}

func TestRequestsAllocateNothing(t *testing.T) {
	s := studio()
	s.CoreCast = true
	h := newHarness(t, benchOptions(), s, Site{Name: "asks", EIDPrefixes: prefixes("10.2.0.0/16"), Keys: studio().Keys, Replay: ReplayOff})
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10", "2001:db8::10")), true)
	h.register(etr, registerOf(1, record("10.1.3.0/24", 60, "192.0.2.10")), true)
	h.register(etr, registerOf(1, record("10.2.0.0/16", 60, "192.0.2.10")), true)
	core := requestOf(7, "10.1.2.3")
	core.HasXTR, core.XTR.Site = true, coreCastSiteID
	for name, r := range map[string]lisp.MapRequest{
		"proxy": requestOf(7, "10.1.3.3"), "with more specifics": requestOf(7, "10.1.2.3"), "CoreCast": core,
		"negative": requestOf(7, "10.9.2.3"), "forwarded": requestOf(7, "10.2.2.3"), "several": requestOf(7, "10.1.3.3", "10.2.2.3"),
	} {
		packet := ecmOf(t, r, "192.0.2.50:50505")
		h.handle(itr, packet)
		if n := testing.AllocsPerRun(100, func() {
			h.out.Reset()
			h.s.Handle(h.now, itr, local, packet, &h.out)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
