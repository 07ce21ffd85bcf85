package mapserver

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
)

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
		if len(list) != 1 || !bytes.Equal(withoutHops(list[0].payload), withoutHops(packet)) {
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
		if len(list) != 1 || !bytes.Equal(withoutHops(list[0].payload), withoutHops(packet)) {
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

// withoutHops returns an ECM without LISP-SEC data and with IPv4 within, its TTL and
// checksum cleared.
func withoutHops(ecm []byte) []byte {
	ecm = bytes.Clone(ecm)
	ecm[4+8], ecm[4+10], ecm[4+11] = 0, 0, 0
	return ecm
}

// A Map-Request is never forwarded to the server itself, nor to loopback for who is
// elsewhere.
func TestNotForwardedToOurselves(t *testing.T) {
	s := studio()
	s.ProxyReply = false
	h := newHarness(t, Options{}, s)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "127.0.0.1")), false)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "::1")), false)
	if st, _ := h.s.Site("studio"); st.Rejected["locator"] != 2 {
		t.Errorf("%+v", st)
	}
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, local.String())), true)
	if list := h.handle(itr, ecmOf(t, requestOf(7, "10.1.2.3"), "192.0.2.50:50505")); len(list) != 0 {
		t.Errorf("forwarded to %s", list[0].to)
	}
	h.register(netip.MustParseAddrPort("127.0.0.1:9"), registerOf(1, record("10.1.0.0/16", 60, "127.0.0.1")), true)
	if list := h.handle(itr, ecmOf(t, requestOf(7, "10.1.2.3"), "192.0.2.50:50505")); len(list) != 0 {
		t.Errorf("forwarded to %s", list[0].to)
	}
}

// Two Map-Servers that forward to each other do so a few times only, whatever
// comes between them.
func TestForwardingInACircleEnds(t *testing.T) {
	h := newHarness(t, Options{Upstream: []netip.AddrPort{netip.MustParseAddrPort("198.51.100.1:4342")}}, studio())
	for _, source := range []string{"192.0.2.50:50505", "[2001:db8::50]:50505"} {
		packet, hops := ecmOf(t, requestOf(7, "10.9.9.9"), source), 0
		for ; hops < 100; hops++ {
			list := h.handle(itr, packet)
			if len(list) == 0 {
				break
			}
			packet = list[0].payload
			var m lisp.ECM
			if err := m.Decode(packet); err != nil || packet[4]>>4 == 4 && headerSum(packet[4:24]) != 0xffff {
				t.Fatalf("%v, header checksum %#x", err, headerSum(packet[4:24]))
			}
		}
		if hops != maxHops {
			t.Errorf("from %s forwarded %d times, want %d", source, hops, maxHops)
		}
	}
	if n := h.s.Counters().Dropped["hops"]; n != 2 {
		t.Errorf("counted %d times", n)
	}
	// What comes from upstream does not go back.
	list := h.handle(netip.MustParseAddrPort("198.51.100.1:4342"), ecmOf(t, requestOf(7, "10.9.9.9"), "192.0.2.50:50505"))
	if len(list) != 1 || lisp.PeekType(list[0].payload) != lisp.TypeMapReply {
		t.Errorf("from upstream: sent %v", list)
	}
}

func headerSum(b []byte) (sum uint32) {
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum
}
