package mapserver

import (
	"net/netip"
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
	for i := range 120 {
		prefix := "10.1." + itoa(i) + ".0/24"
		h.register(etr, registerOf(1, record(prefix, 60, "192.0.2.10")), true)
		r.Records = append(r.Records, lisp.EIDRecord{Prefix: lisp.PrefixOf(eid(prefix))})
	}
	records := 0
	for _, d := range h.handle(itr, ecmOf(t, r, "192.0.2.50:50505")) {
		var m lisp.MapReply
		if err := m.Decode(d.payload); err != nil || len(d.payload) > maxReplySize || m.Nonce != 9 {
			t.Fatalf("%v: %d bytes, nonce %d", err, len(d.payload), m.Nonce)
		}
		records += len(m.Records)
	}
	if records != 120 {
		t.Errorf("%d records, want 120", records)
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
