package mapserver

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

var stranger = netip.MustParseAddrPort("198.51.100.7:1000")

// wish is a Map-Request that subscribes.
func (u *subscriber) wish(nonce uint64, e string, itrs ...string) lisp.MapRequest {
	r := requestOf(nonce, e)
	r.ITRs, r.HasXTR, r.XTR, r.Records[0].Notify = nil, true, u.xtr, true
	for _, a := range itrs {
		r.ITRs = append(r.ITRs, lisp.Address{IP: netip.MustParseAddr(a)})
	}
	if len(itrs) == 0 {
		r.ITRs = []lisp.Address{{}}
	}
	return r
}

// Map-Notifies have an xTR-ID; who registers without one may not expect that.
func TestNoSubscriptionWithoutXTRID(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10")), true)
	u.xtr = lisp.XTR{}
	for _, r := range []lisp.MapRequest{u.wish(5, "10.1.2.3", "192.0.2.10"), u.wish(6, "10.1.2.3")} {
		for _, d := range append(u.handle(stranger, plain(t, r)), u.advance(4*time.Second)...) {
			if lisp.PeekType(d.payload) == lisp.TypeMapNotify {
				t.Errorf("a Map-Notify to %s", d.to)
			}
		}
	}
	if n := u.s.Counters().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions", n)
	}
}

func TestOnlyTheXTRItselfUnsubscribes(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.expect("confirmed", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	for _, e := range []string{"10.1.2.3", "10.1.7.0/24"} {
		if list := u.handle(stranger, plain(t, u.wish(2000, e))); len(list) != 0 {
			t.Errorf("a stranger who unsubscribes from %s is sent %d packets", e, len(list))
		}
	}
	if n := u.s.Counters(); n.Subscriptions != 1 || n.Dropped["subscription"] != 2 {
		t.Errorf("%+v", n)
	}
}

// A nonce that leaves no room for those of Map-Notifies would lock the xTR out.
func TestSubscriptionNoncesDoNotWrap(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	if list := u.handle(stranger, plain(t, u.wish(1<<64-1, "10.1.2.3", "192.0.2.70"))); len(list) != 0 {
		t.Errorf("sent %d packets", len(list))
	}
	u.expect("confirmed", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
}

func TestSubscriptionByAnotherRegisteredLocator(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	r := registerOf(2, record("10.200.0.0/16", 60, "192.0.2.70", "2001:db8::70"))
	r.HasXTR, r.XTR = true, u.xtr
	u.register(subscriberRLOC, r, true)
	wish := u.wish(5, "10.1.2.3", "2001:db8::70")
	wish.Source.IP = netip.MustParseAddr("10.200.0.5")
	list := u.handle(subscriberRLOC, plain(t, wish))
	if len(list) != 1 || lisp.PeekType(list[0].payload) != lisp.TypeMapNotify || list[0].to.String() != "[2001:db8::70]:4342" {
		t.Errorf("sent %v", list)
	}
	wish.ITRs[0].IP, wish.Nonce = netip.MustParseAddr("2001:db8::99"), 6
	list = u.handle(subscriberRLOC, plain(t, wish))
	var reply lisp.MapReply
	if len(list) != 1 || reply.Decode(list[0].payload) != nil || describe(reply.Records[0]) != "10.1.2.3/32 1m0s Drop/Policy-Denied" {
		t.Errorf("elsewhere: sent %v %+v", list, reply)
	}
}

// What is in no mapping cannot be subscribed to: the Map-Reply says so.
func TestSubscriptionToNothing(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	list := u.subscribe("192.168.0.0/16", subscriberRLOC.Addr())
	if len(list) != 1 || lisp.PeekType(list[0].payload) != lisp.TypeMapReply || u.s.Counters().Subscriptions != 0 {
		t.Errorf("sent %v, %d subscriptions", list, u.s.Counters().Subscriptions)
	}
}

// Publications are signed with a key that the site has when they are sent.
func TestPublicationsFollowKeyRotation(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	home := studio()
	home.Name, home.EIDPrefixes = "home", prefixes("10.200.0.0/16")
	home.Keys = []Key{{ID: 2, Algorithm: lisp.AlgorithmSHA256, Secret: []byte("simsim")}}
	u.expect("confirmed", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	if list := u.move("10.1.0.0/16", "192.0.2.10"); len(list) < 2 { // and is not acknowledged
		t.Fatal("not told")
	}
	if err := u.s.SetSites([]Site{studio(), home}); err != nil {
		t.Fatal(err)
	}
	notifies := func(list []sent) (out []sent) {
		for _, d := range list {
			if lisp.PeekType(d.payload) == lisp.TypeMapNotify && d.to == subscriberRLOC {
				out = append(out, d)
			}
		}
		return out
	}
	list := notifies(u.move("10.1.0.0/16", "192.0.2.11"))
	list = append(list, notifies(u.advance(10*time.Second))...)
	list = append(list, u.subscribe("10.1.2.4", subscriberRLOC.Addr())...)
	for _, d := range list {
		if lisp.PeekType(d.payload) == lisp.TypeMapNotify {
			t.Errorf("a Map-Notify signed with a key that is gone")
		}
	}
	r := registerOf(2, record("10.200.0.0/16", 60, "192.0.2.70"))
	r.HasXTR, r.XTR, r.Auth.KeyID, r.secret = true, u.xtr, 2, "simsim"
	list = notifies(u.handle(subscriberRLOC, r.encode(t)))
	var n lisp.MapNotify
	if len(list) != 2 || n.Decode(list[1].payload) != nil || n.Auth.KeyID != 2 || lisp.NewKey([]byte("simsim")).Verify(list[1].payload) != nil ||
		describe(n.Records[0]) != "10.1.0.0/16 1h0m0s 192.0.2.11" {
		t.Errorf("with the new key: told %v %+v", list, n)
	}
}

func TestSubscriptionsEndWithTheirSite(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.expect("confirmed", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	if err := u.s.SetSites([]Site{studio()}); err != nil {
		t.Fatal(err)
	}
	if list := u.move("10.1.0.0/16", "192.0.2.10"); len(list) != 1 {
		t.Errorf("%d packets, want the acknowledgment", len(list))
	}
	if n := u.s.Counters().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions", n)
	}
}

// However much an xTR subscribes to and does not acknowledge, Map-Notifies go to
// it at a pace.
func TestMapNotifiesHaveAPace(t *testing.T) {
	const subscriptions, seconds = 5000, 60
	u := newSubscriber(t, Options{}, studio())
	total := 0
	count := func(list []sent) {
		for _, d := range list {
			if lisp.PeekType(d.payload) == lisp.TypeMapNotify {
				total++
			}
		}
	}
	for i := range subscriptions {
		count(u.handle(subscriberRLOC, plain(t, u.wish(5, "10.1."+itoa(i/250)+"."+itoa(i%250), "192.0.2.70"))))
	}
	count(u.advance(seconds * time.Second))
	if total < notifyRate || total > (seconds+2)*notifyRate {
		t.Errorf("%d Map-Notifies in %d s, want %d a second at most", total, seconds, notifyRate)
	}
	if u.s.Counters().Retransmissions == 0 {
		t.Error("nothing was sent again")
	}
}

// A Map-Notify is never larger than IP takes in one piece, and tells all in the
// end.
func TestMapNotifiesAreNeverTooLarge(t *testing.T) {
	u := newSubscriber(t, Options{}, studio())
	u.expect("confirmed", u.subscribe("10.1.0.0/16", subscriberRLOC.Addr()), 1000, "10.1.0.0/16 1m0s Natively-Forward")
	change := func(e string) []sent {
		return u.handle(etr, registerOf(1, large(e, 32)).encode(t))
	}
	list := change("10.1.255.0/24")
	for i := range 5 {
		change("10.1." + itoa(i) + ".0/24")
	}
	change("10.1.0.0/16")
	var seen []string
	for range 20 {
		for _, d := range list {
			var n lisp.MapNotify
			if lisp.PeekType(d.payload) != lisp.TypeMapNotify || d.to != subscriberRLOC || n.Decode(d.payload) != nil {
				continue
			}
			if len(d.payload) > maxReplySize {
				t.Errorf("a Map-Notify of %d bytes", len(d.payload))
			}
			for i := range n.Records {
				seen = append(seen, strings.Fields(describe(n.Records[i]))[0])
			}
		}
		list = append(u.acknowledge(list, "sesame"), u.advance(250*time.Millisecond)...)
	}
	for _, e := range []string{"10.1.255.0/24", "10.1.0.0/24", "10.1.4.0/24", "10.1.0.0/16"} {
		if !slices.Contains(seen, e) {
			t.Errorf("not told of %s: %v", e, seen)
		}
	}
}
