package mapserver

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

func TestSubscription(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.expect("confirmed", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	u.expect("registered", u.move("10.1.0.0/16", "192.0.2.10"), 1001, "10.1.0.0/16 1h0m0s 192.0.2.10")
	u.expect("moved", u.move("10.1.0.0/16", "192.0.2.11"), 1002, "10.1.0.0/16 1h0m0s 192.0.2.11")
	u.expect("refreshed", u.move("10.1.0.0/16", "192.0.2.11"), 0)
	u.expect("elsewhere", u.move("10.1.9.0/24", "192.0.2.20"), 0)
	u.expect("closer", u.move("10.1.2.0/24", "192.0.2.20"), 1003, "10.1.2.0/24 1h0m0s 192.0.2.20")
	u.expect("behind a closer one", u.move("10.1.0.0/16", "192.0.2.12"), 0)
	u.expect("the closer one is gone", u.move("10.1.2.0/24", ""), 1004,
		"10.1.2.0/24 0s Send-Map-Request; 10.1.0.0/16 1h0m0s 192.0.2.12; 10.1.9.0/24 1h0m0s 192.0.2.20")
	u.expect("all is gone", u.move("10.1.0.0/16", ""), 1005, "10.1.0.0/21 1m0s Natively-Forward")
	if n := u.s.Counters(); n.Subscriptions != 1 || n.Unacked != 0 || n.Retransmissions != 0 || n.Acks != 6 {
		t.Errorf("%+v", n)
	}
	if st, _ := u.s.Site("home"); st.Subscriptions != 1 {
		t.Errorf("site home has %d subscriptions, want 1", st.Subscriptions)
	}
}

func TestSubscriptionToAPrefix(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.move("10.1.0.0/16", "192.0.2.10")
	u.expect("confirmed", u.subscribe("10.0.0.0/8", subscriberRLOC.Addr()), 1000,
		"10.0.0.0/8 15m0s Natively-Forward; 10.1.0.0/16 15m0s 192.0.2.10; 10.200.0.0/16 15m0s 192.0.2.70")
	u.expect("within", u.move("10.1.7.0/24", "192.0.2.20"), 1001, "10.1.7.0/24 1h0m0s 192.0.2.20")
	u.expect("gone within", u.move("10.1.7.0/24", ""), 1002, "10.1.7.0/24 0s Send-Map-Request")
	u.expect("IPv6", u.move("2001:db8:1::/48", "192.0.2.10"), 0)
}

func TestNotifiesAreRepeatedUntilAcknowledged(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.expect("confirmed", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	first := u.move("10.1.0.0/16", "192.0.2.10")
	var at []time.Duration
	for began, i := u.now, 0; i < 400; i++ {
		list := u.advance(250 * time.Millisecond)
		nonces, words := u.told(list)
		if len(nonces) > 0 {
			at = append(at, u.now.Sub(began))
			if nonces[0] != 1001 || words[0] != "10.1.0.0/16 1h0m0s 192.0.2.10" {
				t.Fatalf("repeated as %d %s", nonces[0], words[0])
			}
		}
	}
	want := []time.Duration{3, 6, 9, 12, 18, 30}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(at, want) {
		t.Errorf("repeated after %v, want %v", at, want)
	}
	if n := u.s.Counters(); n.Unacknowledged != 1 || n.Unacked != 0 || n.Subscriptions != 1 {
		t.Errorf("%+v", n)
	}
	// It stays subscribed, and is told once it shows that it is there.
	u.acknowledge(first, "sesame")
	if n := u.s.Counters(); n.Dropped["unexpected-ack"] != 1 {
		t.Errorf("a late acknowledgment: %v", n.Dropped)
	}
	r := registerOf(2, record("10.200.0.0/16", 24*60, "192.0.2.70"))
	r.HasXTR, r.XTR = true, u.xtr
	u.expect("back", u.handle(subscriberRLOC, r.encode(t)), 1002, "10.200.0.0/16 24h0m0s 192.0.2.70", "10.1.0.0/16 1h0m0s 192.0.2.10")
}

func TestAcknowledgmentsAreAuthenticated(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	list := u.subscribe("10.1.2.3", subscriberRLOC.Addr())
	u.acknowledge(list, "guess")
	if n := u.s.Counters(); n.Unacked != 1 || n.Dropped["ack-hmac"] != 1 {
		t.Errorf("%d unacknowledged, %v", n.Unacked, n.Dropped)
	}
	u.acknowledge(list, "sesame")
	if n := u.s.Counters(); n.Unacked != 0 || n.Acks != 1 {
		t.Errorf("%+v", n)
	}
}

func TestUnconfirmedSubscriptionEnds(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.subscribe("10.1.2.3", subscriberRLOC.Addr())
	list := u.advance(2 * time.Minute)
	nonces, words := u.told(list)
	if len(words) != 7 || words[6] != "10.1.2.3/32 0s Drop/Auth-Failure" || nonces[6] != 1000 { // RFC 9437 §5
		t.Errorf("told %v %q", nonces, words)
	}
	if n := u.s.Counters(); n.Subscriptions != 0 {
		t.Errorf("%d subscriptions", n.Subscriptions)
	}
}

func TestWhatComesMeanwhileIsToldTogether(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.expect("confirmed", u.subscribe("10.1.0.0/16", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	one := u.move("10.1.2.0/24", "192.0.2.10")
	if _, words := u.told(one); len(words) != 1 {
		t.Fatalf("told %q", words)
	}
	// The xTR is slow: what follows waits a moment, and tells all of it.
	for range 50 {
		if _, words := u.told(u.move("10.1.2.0/24", "192.0.2.11")); len(words) != 0 {
			t.Fatalf("told %q before the first was acknowledged", words)
		}
		u.move("10.1.3.0/24", "192.0.2.12")
	}
	list := u.advance(250 * time.Millisecond)
	nonces, words := u.told(list)
	if len(words) != 1 || nonces[0] != 1002 || words[0] != "10.1.2.0/24 1h0m0s 192.0.2.11; 10.1.3.0/24 1h0m0s 192.0.2.12" {
		t.Errorf("told %v %q", nonces, words)
	}
	u.acknowledge(one, "sesame")
	if u.s.Counters().Unacked != 1 {
		t.Error("the acknowledgment of the first ended the second")
	}
	u.acknowledge(list, "sesame")
	if u.s.Counters().Unacked != 0 {
		t.Error("still waiting")
	}
	// An acknowledgment makes way at once.
	one = u.move("10.1.2.0/24", "192.0.2.10")
	u.move("10.1.2.0/24", "192.0.2.11")
	var n lisp.MapNotify
	if err := n.Decode(one[len(one)-1].payload); err != nil {
		t.Fatal(err)
	}
	ack, _ := n.AppendAck(nil)
	lisp.NewKey([]byte("sesame")).Sign(ack)
	u.expect("at once", u.handle(subscriberRLOC, ack), 1004, "10.1.2.0/24 1h0m0s 192.0.2.11")
}

func TestTooMuchToTell(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.expect("confirmed", u.subscribe("10.1.0.0/16", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	first := u.move("10.1.255.0/24", "192.0.2.10")
	for i := range 50 {
		u.move("10.1."+itoa(i)+".0/24", "192.0.2.10")
	}
	seen := map[string]bool{}
	notifies := 0
	for list := first; len(list) > 0; list = u.acknowledge(list, "sesame") {
		_, words := u.told(list)
		for _, w := range words {
			for _, r := range strings.Split(w, "; ") {
				seen[r] = true
			}
		}
		if notifies++; notifies > 10 {
			t.Fatal("it does not end")
		}
	}
	if len(seen) < 51 {
		t.Errorf("told of %d prefixes, want 51", len(seen))
	}
	// Beyond what is remembered the xTR is told to forget.
	u.move("10.1.255.0/24", "192.0.2.11")
	for i := range 200 {
		u.move("10.1."+itoa(i)+".0/24", "192.0.2.12")
	}
	_, words := u.told(u.advance(250 * time.Millisecond))
	if len(words) != 1 || !strings.HasPrefix(words[0], "10.1.0.0/16 0s Send-Map-Request; 10.1.0.0/16 1m0s Send-Map-Request") {
		t.Errorf("told %q", words)
	}
}

func TestSubscriptionNonces(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.expect("confirmed", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	if list := u.subscribe("10.1.2.3", subscriberRLOC.Addr()); len(list) != 0 {
		t.Error("a replayed subscription is answered")
	}
	u.expect("moved", u.move("10.1.0.0/16", "192.0.2.10"), 1001, "10.1.0.0/16 1h0m0s 192.0.2.10")
	u.nonce = 1001
	if list := u.subscribe("10.1.2.3", netip.Addr{}); len(list) != 0 {
		t.Error("a replayed end of a subscription is answered")
	}
	u.nonce = 2000
	u.expect("renewed", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 2000, "10.1.0.0/16 1h0m0s 192.0.2.10")
	u.nonce = 2001
	u.expect("ended", u.subscribe("10.1.2.3", netip.Addr{}), 2001, "10.1.2.3/32 0s Send-Map-Request")
	u.expect("moved", u.move("10.1.0.0/16", "192.0.2.11"), 0)
	u.expect("there was none", u.subscribe("10.1.2.3", netip.Addr{}), 2001, "10.1.2.3/32 0s Send-Map-Request")
	if n := u.s.Counters(); n.Subscriptions != 0 || n.Subscribed != 2 || n.Unsubscribed != 1 || n.Dropped["subscription"] != 2 {
		t.Errorf("%+v", n)
	}
}

// Whoever shares no key with us, and whoever has too many subscriptions, gets a
// Map-Reply: it says that there is no subscription.
func TestSubscriptionsThatCannotBe(t *testing.T) {
	u := newSubscriber(t, Options{MaxSubscriptionsPerXTR: 1}, studio())
	u.xtr.ID[0]++
	list := u.subscribe("10.1.2.3", subscriberRLOC.Addr())
	if len(list) != 1 || lisp.PeekType(list[0].payload) != lisp.TypeMapReply {
		t.Errorf("a stranger is sent %v", list)
	}
	u.xtr.ID[0]--
	list = u.subscribe("10.1.2.3", itr.Addr())
	if len(list) != 1 || lisp.PeekType(list[0].payload) != lisp.TypeMapReply || u.s.Counters().Dropped["subscription"] != 1 {
		t.Errorf("elsewhere than where it registers from: sent %v", list)
	}
	u.expect("the first", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	list = u.subscribe("10.1.2.4", subscriberRLOC.Addr())
	if len(list) != 1 || lisp.PeekType(list[0].payload) != lisp.TypeMapReply {
		t.Errorf("the second is sent %v", list)
	}
	// A request may ask for one EID and subscribe to another.
	u.nonce++
	r := requestOf(u.nonce, "10.1.2.3", "10.200.1.1")
	r.ITRs, r.HasXTR, r.XTR, r.Records[0].Notify = []lisp.Address{{IP: subscriberRLOC.Addr()}}, true, u.xtr, true
	list = u.handle(subscriberRLOC, ecmOf(t, r, "192.0.2.70:50505"))
	if len(list) != 2 || lisp.PeekType(list[0].payload) != lisp.TypeMapReply || lisp.PeekType(list[1].payload) != lisp.TypeMapNotify {
		t.Errorf("both are sent %v", list)
	}
}

func TestManySubscribers(t *testing.T) {
	const n = 300
	h := newHarness(t, Options{}, studio())
	for i := range n {
		x := lisp.XTR{ID: [16]byte{byte(i), byte(i >> 8), 1}}
		r := registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"))
		r.HasXTR, r.XTR = true, x
		h.register(etr, r, true)
		q := requestOf(5, "10.1.2.3")
		q.ITRs = append(q.ITRs, lisp.Address{IP: etr.Addr()})
		q.HasXTR, q.XTR, q.Records[0].Notify = true, x, true
		h.handle(itr, ecmOf(t, q, "192.0.2.50:50505"))
	}
	list := h.handle(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.99")).encode(t))
	list = append(list, h.advance(10*time.Millisecond)...)
	told := 0
	for _, d := range list {
		var m lisp.MapNotify
		if lisp.PeekType(d.payload) == lisp.TypeMapNotify && m.Decode(d.payload) == nil && m.HasXTR {
			told++
		}
	}
	if told+int(h.s.notifier.pacing.Load()) != n {
		t.Errorf("%d told, %d put off; want %d", told, h.s.notifier.pacing.Load(), n)
	}
}
