package mapserver

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

// answers describes all records for an EID.
func (h *harness) answers(eids ...string) string {
	h.t.Helper()
	var list []string
	for _, r := range h.ask(eids...) {
		list = append(list, describe(r))
	}
	return strings.Join(list, "; ")
}

func TestNegativeReplies(t *testing.T) {
	other := Site{Name: "other", EIDPrefixes: prefixes("10.1.128.0/17"), InstanceID: 0}
	seven := Site{Name: "seven", EIDPrefixes: prefixes("10.7.0.0/16"), InstanceID: 7}
	h := newHarness(t, Options{}, studio(), other, seven)
	for _, c := range []struct{ asked, want string }{
		{"10.9.9.9", "10.8.0.0/13 15m0s Natively-Forward"}, // the widest hole beside 10.1.0.0/16
		{"192.0.2.1", "128.0.0.0/1 15m0s Natively-Forward"},
		{"10.1.2.3", "10.1.0.0/17 1m0s Natively-Forward"}, // of studio, and not of other
		{"10.1.128.1", "10.1.128.0/17 1m0s Natively-Forward"},
		{"2001:db8:1::1", "2001:db8:1::/48 1m0s Natively-Forward"},
		{"2001:db8:0::1", "2001:db8::/48 15m0s Natively-Forward"},
		{"[7]10.1.2.3", "[7]10.0.0.0/14 15m0s Natively-Forward"},
		{"[7]10.7.2.3", "[7]10.7.0.0/16 1m0s Natively-Forward"},
		{"[9]10.7.2.3", "[9]0.0.0.0/0 15m0s Natively-Forward"},
		{"10.9.0.0/16", "10.8.0.0/13 15m0s Natively-Forward"},
		{"10.1.64.0/18", "10.1.0.0/17 1m0s Natively-Forward"},
		// A prefix that contains EIDs is told with what is known of them.
		{"10.1.0.0/16", "10.1.0.0/16 1m0s Natively-Forward; 10.1.128.0/17 1m0s Natively-Forward"},
		{"10.0.0.0/8", "10.0.0.0/8 1m0s Natively-Forward; 10.1.0.0/16 1m0s Natively-Forward; 10.1.128.0/17 1m0s Natively-Forward"},
	} {
		if got := h.answers(c.asked); got != c.want {
			t.Errorf("%s: %s, want %s", c.asked, got, c.want)
		}
	}
}

func TestMoreSpecificsAreToldAlong(t *testing.T) {
	other := Site{
		Name: "other", EIDPrefixes: prefixes("10.1.128.0/17"), RLOCs: []RLOC{{Address: netip.MustParseAddr("198.51.100.1"), Priority: 1}},
	}
	denied := Site{Name: "denied", EIDPrefixes: prefixes("10.1.64.0/24"), Deny: true}
	asks := Site{Name: "asks", EIDPrefixes: prefixes("10.1.65.0/24"), Keys: studio().Keys, Replay: ReplayOff}
	h := newHarness(t, Options{}, studio(), other, denied, asks)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	h.register(etr, registerOf(1, record("10.1.3.0/24", 5, "192.0.2.11")), true)
	h.register(etr, registerOf(1, record("10.1.65.0/24", 5, "192.0.2.12")), true)
	all := "10.1.0.0/16 1m0s 192.0.2.10; 10.1.3.0/24 1m0s 192.0.2.11; 10.1.64.0/24 1m0s Drop/Policy-Denied; " +
		"10.1.65.0/24 1m0s Send-Map-Request; 10.1.128.0/17 1m0s 198.51.100.1"
	for _, c := range []struct{ asked, want string }{
		{"10.1.2.3", all},
		{"10.1.3.4", "10.1.3.0/24 5m0s 192.0.2.11"},
		{"10.1.64.1", "10.1.64.0/24 15m0s Drop/Policy-Denied"},
		{"10.1.128.1", "10.1.128.0/17 24h0m0s 198.51.100.1"},
	} {
		if got := h.answers(c.asked); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.asked, got, c.want)
		}
	}
	// With too many to tell all, the reply tells of the part without.
	for i := range 100 {
		h.register(etr, registerOf(1, record("10.1.4."+itoa(i)+"/32", 5, "192.0.2.11")), true)
	}
	for _, c := range []struct{ asked, want string }{
		{"10.1.2.3", "10.1.2.0/24 1h0m0s 192.0.2.10"},
		{"10.1.4.200", "10.1.4.128/25 1h0m0s 192.0.2.10"},
		{"10.1.4.5", "10.1.4.5/32 5m0s 192.0.2.11"},
		{"10.1.4.0/24", "10.1.4.0/24 1m0s Send-Map-Request"},
		{"10.0.0.0/8", "10.0.0.0/8 1m0s Send-Map-Request"},
	} {
		if got := h.answers(c.asked); got != c.want {
			t.Errorf("many: %s: %s, want %s", c.asked, got, c.want)
		}
	}
}

// A site that registers one prefix around another of its own is asked by the
// one that it registered.
func TestUnregisteredWithinRegistered(t *testing.T) {
	s := studio()
	s.EIDPrefixes = prefixes("10.1.0.0/16", "10.1.2.0/24")
	foreign := Site{Name: "foreign", EIDPrefixes: prefixes("10.1.3.0/24")}
	h := newHarness(t, Options{}, s, foreign)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	want := "10.1.0.0/16 1m0s 192.0.2.10; 10.1.3.0/24 1m0s Natively-Forward"
	for _, asked := range []string{"10.1.2.9", "10.1.9.9"} {
		if got := h.answers(asked); got != want {
			t.Errorf("%s: %s, want %s", asked, got, want)
		}
	}
	if got, want := h.answers("10.1.3.9"), "10.1.3.0/24 1m0s Natively-Forward"; got != want {
		t.Errorf("of the other site: %s, want %s", got, want)
	}
}

func TestSeveralRecordsInOneRequest(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"), record("2001:db8:1::/48", 60, "2001:db8:ff::1")), true)
	got := h.answers("10.1.2.3", "10.9.9.9", "2001:db8:1::5")
	want := "10.1.0.0/16 1h0m0s 192.0.2.10; 10.8.0.0/13 15m0s Natively-Forward; 2001:db8:1::/48 1h0m0s 2001:db8:ff::1"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Many go into several replies, none of them large.
	r := requestOf(9)
	for i := range 250 {
		r.Records = append(r.Records, lisp.EIDRecord{Prefix: lisp.PrefixOf(eid("10.1.2." + itoa(i)))})
	}
	records := 0
	for _, d := range h.handle(itr, ecmOf(t, r, "192.0.2.50:50505")) {
		var m lisp.MapReply
		if err := m.Decode(d.payload); err != nil || len(d.payload) > maxReplySize || m.Nonce != 9 {
			t.Fatalf("%v: %d bytes, nonce %d", err, len(d.payload), m.Nonce)
		}
		records += len(m.Records)
	}
	if records != 250 {
		t.Errorf("%d records, want 250", records)
	}
}

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

func TestNotForUs(t *testing.T) {
	request := func(change func(*lisp.MapRequest)) []byte {
		r := requestOf(7, "10.1.2.3")
		change(&r)
		packet, err := r.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		return packet
	}
	probe := requestOf(7, "10.1.2.3")
	probe.Probe = true
	reply, _ := (&lisp.MapReply{Nonce: 1}).Append(nil)
	for _, c := range []struct {
		cause  string
		packet []byte
	}{
		{"probe", request(func(r *lisp.MapRequest) { r.Probe = true })},
		{"probe", ecmOf(t, probe, "192.0.2.50:50505")},
		{"dont-reply", request(func(r *lisp.MapRequest) { r.SMR = true })},
		{"dont-reply", request(func(r *lisp.MapRequest) { r.DontReply = true })},
		{"not-ip", request(func(r *lisp.MapRequest) {
			r.Records = []lisp.EIDRecord{{Prefix: lisp.EIDPrefix{Address: lisp.Address{Raw: []byte("\x00\x11host\x00")}}}}
		})},
		{"malformed", request(func(*lisp.MapRequest) {})[:20]},
		{"malformed", []byte{0x80, 0, 0, 0, 0x45}},
		{"map-reply", reply},
		{"info", []byte{0x70}},
		{"type", []byte{0x60}},
		{"type", []byte{0xf0}},
		{"type", nil},
		{"inner", ecmAround(t, reply)},
		{"unexpected-ack", mustAppend(t, &lisp.MapNotifyAck{Nonce: 5})},
		{"no-records", registerOf(1).encode(t)},
	} {
		h := newHarness(t, Options{}, studio())
		if list := h.handle(itr, c.packet); len(list) != 0 {
			t.Errorf("%s: sent %d packets", c.cause, len(list))
		}
		for name, n := range h.s.Counters().Dropped {
			if want := name == c.cause; (n == 1) != want {
				t.Errorf("%s: %s counted %d times", c.cause, name, n)
			}
		}
		if rejects := h.s.Rejects(); len(rejects) != 1 || rejects[0].Cause != c.cause || rejects[0].Reason == "" {
			t.Errorf("%s: rejects %v", c.cause, rejects)
		}
	}
}

func ecmAround(t *testing.T, message []byte) []byte {
	t.Helper()
	m := lisp.ECM{Inner: lisp.Inner{
		Src: itr, Dst: netip.AddrPortFrom(netip.MustParseAddr("10.1.2.3"), lisp.ControlPort), Message: message,
	}}
	packet, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func mustAppend(t *testing.T, m interface{ Append([]byte) ([]byte, error) }) []byte {
	t.Helper()
	packet, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestForwarding(t *testing.T) {
	s := studio()
	s.ProxyReply = false
	h := newHarness(t, Options{}, s)
	rec := record("10.1.0.0/16", 60, "192.0.2.10", "192.0.2.11", "192.0.2.12", "2001:db8::10")
	rec.Locators[0].Priority, rec.Locators[2].Reachable = 2, false
	h.register(etr, registerOf(1, rec, record("10.1.9.0/24", 60, "192.0.2.20")), true)
	packet := ecmOf(t, requestOf(7, "10.1.2.3"), "192.0.2.50:50505")
	seen := map[string]int{}
	for range 10 {
		list := h.handle(itr, packet)
		if len(list) != 1 || !bytes.Equal(list[0].payload, packet) {
			t.Fatalf("the ECM was not forwarded as it came: %v", list)
		}
		seen[list[0].to.String()]++
	}
	// Of the best priority, those that the xTR has a route to, in turn.
	if len(seen) != 2 || seen["192.0.2.11:4342"] != 5 || seen["[2001:db8::10]:4342"] != 5 {
		t.Errorf("forwarded to %v", seen)
	}
	if st, _ := h.s.Site("studio"); st.Forwarded != 10 || st.Requests != 10 {
		t.Errorf("%d of %d requests forwarded, want 10 of 10", st.Forwarded, st.Requests)
	}
	// What came without encapsulation is encapsulated.
	r := requestOf(7, "10.1.9.3")
	plain, _ := r.Append(nil)
	list := h.handle(itr, plain)
	var m lisp.ECM
	if len(list) != 1 || list[0].to.String() != "192.0.2.20:4342" || m.Decode(list[0].payload) != nil ||
		!bytes.Equal(m.Inner.Message, plain) || m.Inner.Src != itr || m.Inner.Dst.String() != "10.1.9.3:4342" {
		t.Errorf("forwarded %v as %+v", list, m)
	}
}

func TestForwardingOneOfSeveralRecords(t *testing.T) {
	asks := Site{Name: "asks", EIDPrefixes: prefixes("10.2.0.0/16"), Keys: studio().Keys, Replay: ReplayOff}
	h := newHarness(t, Options{}, studio(), asks)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	h.register(etr, registerOf(1, record("10.2.0.0/16", 60, "192.0.2.20")), true)
	list := h.handle(itr, ecmOf(t, requestOf(7, "10.1.2.3", "10.2.2.3"), "192.0.2.50:50505"))
	if len(list) != 2 {
		t.Fatalf("%d packets, want a reply and a forwarded request", len(list))
	}
	var reply lisp.MapReply
	if err := reply.Decode(list[0].payload); err != nil || len(reply.Records) != 1 || describe(reply.Records[0]) != "10.1.0.0/16 1h0m0s 192.0.2.10" {
		t.Errorf("reply %+v %v", reply, err)
	}
	var m lisp.ECM
	var r lisp.MapRequest
	if err := m.Decode(list[1].payload); err != nil {
		t.Fatal(err)
	}
	if err := r.Decode(m.Inner.Message); err != nil || r.Nonce != 7 || len(r.Records) != 1 || r.Records[0].Prefix.String() != "10.2.2.3/32" ||
		m.Inner.Src.String() != "192.0.2.50:50505" || list[1].to.String() != "192.0.2.20:4342" {
		t.Errorf("forwarded %+v to %s, %v", r, list[1].to, err)
	}
}

// An ETR that asks for proxy replies gets them, whatever the site's policy.
func TestProxyBit(t *testing.T) {
	s := studio()
	s.ProxyReply = false
	h := newHarness(t, Options{}, s)
	r := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
	r.ProxyReply = true
	h.register(etr, r, true)
	if got, want := h.answers("10.1.2.3"), "10.1.0.0/16 1h0m0s 192.0.2.10"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestNoLocatorToForwardTo(t *testing.T) {
	s := studio()
	s.ProxyReply = false
	h := newHarness(t, Options{NoIPv6: true}, s)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "2001:db8::10"), record("10.1.2.0/24", 60)), true)
	if list := h.handle(itr, ecmOf(t, requestOf(7, "10.1.9.9"), "192.0.2.50:50505")); len(list) != 0 {
		t.Errorf("sent to %s", list[0].to)
	}
	if st, _ := h.s.Site("studio"); st.Rejected["no-etr"] != 1 || !strings.Contains(st.LastRejects[0].Reason, "10.1.0.0/16") {
		t.Errorf("%+v", st)
	}
	// An empty locator-set has nobody to forward to, and is told as it is.
	if got, want := h.answers("10.1.2.3"), "10.1.2.0/24 1h0m0s No-Action"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestUpstream(t *testing.T) {
	up := []netip.AddrPort{netip.MustParseAddrPort("198.51.100.1:4342"), netip.MustParseAddrPort("198.51.100.2:4342")}
	h := newHarness(t, Options{Upstream: up}, studio())
	packet := ecmOf(t, requestOf(7, "10.9.9.9"), "192.0.2.50:50505")
	var to []netip.AddrPort
	for range 4 {
		list := h.handle(itr, packet)
		if len(list) != 1 || !bytes.Equal(list[0].payload, packet) {
			t.Fatalf("not forwarded: %v", list)
		}
		to = append(to, list[0].to)
	}
	if !slices.Equal(to, []netip.AddrPort{up[1], up[0], up[1], up[0]}) {
		t.Errorf("forwarded to %v", to)
	}
	if got, want := h.answers("10.1.2.3"), "10.1.0.0/16 1m0s Natively-Forward"; got != want {
		t.Errorf("our own: %s, want %s", got, want)
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

func TestDDTClientsAreSentElsewhere(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	r := requestOf(7, "10.1.2.3")
	message, _ := r.Append(nil)
	m := lisp.ECM{DDT: true, Inner: lisp.Inner{Src: netip.MustParseAddrPort("10.9.9.9:50505"), Dst: netip.MustParseAddrPort("10.1.2.3:4342"), Message: message}}
	list := h.handle(itr, mustAppend(t, &m))
	var ref lisp.MapReferral
	if len(list) != 1 || list[0].to != itr || ref.Decode(list[0].payload) != nil {
		t.Fatalf("sent %v", list)
	}
	rec := ref.Records[0]
	if ref.Nonce != 7 || rec.Action != lisp.ReferralNotAuthoritative || !rec.Incomplete || rec.TTL != 0 || rec.Prefix.String() != "10.1.2.3/32" {
		t.Errorf("%+v", ref)
	}
}

func TestLISPSecIsAnsweredUnprotected(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	r := requestOf(7, "10.1.2.3")
	message, _ := r.Append(nil)
	auth := []byte{1, 0, 0, 1, 0, 24, 0, 1}
	auth = append(auth, make([]byte, 24)...)
	auth = append(auth, 0, 4, 0, 1)
	m := lisp.ECM{Security: true, Auth: auth, Inner: lisp.Inner{Src: netip.MustParseAddrPort("10.9.9.9:50505"), Dst: netip.MustParseAddrPort("10.1.2.3:4342"), Message: message}}
	list := h.handle(itr, mustAppend(t, &m))
	var reply lisp.MapReply
	if len(list) != 1 || reply.Decode(list[0].payload) != nil || reply.Security || len(reply.Records) != 1 {
		t.Errorf("sent %v: %+v", list, reply)
	}
}

func TestRequestRate(t *testing.T) {
	h := newHarness(t, Options{RequestRate: 10}, studio())
	packet := ecmOf(t, requestOf(7, "10.1.2.3"), "192.0.2.50:50505")
	n := 0
	for range 100 {
		n += len(h.handle(itr, packet))
	}
	if n < 10 || n > 11 || h.s.Counters().Dropped["rate"] != uint64(100-n) {
		t.Errorf("%d of 100 answered at 10 a second; dropped %v", n, h.s.Counters().Dropped["rate"])
	}
	other := netip.MustParseAddrPort("198.51.100.7:4342")
	r := requestOf(7, "10.1.2.3")
	r.ITRs[0].IP = other.Addr()
	if list := h.handle(other, ecmOf(t, r, "192.0.2.50:50505")); len(list) != 1 {
		t.Error("another source was refused")
	}
	// Whoever names somebody else as ITR does not get around it.
	r.ITRs[0].IP = itr.Addr()
	if list := h.handle(other, ecmOf(t, r, "192.0.2.50:50505")); len(list) != 0 {
		t.Error("replies to the flooded ITR go on, from another source")
	}
	h.now = h.now.Add(time.Second)
	if len(h.handle(itr, packet)) != 1 {
		t.Error("still refused a second later")
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
