package mapserver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

// large returns a record with so many IPv6 locators.
func large(prefix string, locators int) lisp.Record {
	var addrs []string
	for i := range locators {
		addrs = append(addrs, "2001:db8::"+itoa(i+1))
	}
	return record(prefix, 60, addrs...)
}

func plain(t *testing.T, r lisp.MapRequest) []byte {
	t.Helper()
	return mustAppend(t, &r)
}

func bytesOf(list []sent) (n int) {
	for _, d := range list {
		n += len(d.payload)
	}
	return n
}

// What one Map-Request, whose source may be forged, has sent to anybody is
// bounded: equal EIDs are answered once, others by a few Map-Replies.
func TestOneRequestIsNotAnsweredAtLength(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	h.register(etr, registerOf(1, large("10.1.0.0/16", 32)), true)
	var same []string
	for range 255 {
		same = append(same, "10.1.0.1")
	}
	if list := h.handle(itr, plain(t, requestOf(7, same...))); len(list) != 1 {
		t.Errorf("%d Map-Replies for one EID asked 255 times, want 1", len(list))
	}
	if list := h.handle(itr, plain(t, requestOf(7, "10.1.0.1", "10.1.0.2", "10.9.0.1"))); len(list) != 1 || bytesOf(list) > 900 {
		t.Errorf("%d Map-Replies of %d bytes for two EIDs of one mapping and one of none", len(list), bytesOf(list))
	}
	var different []string
	for i := range 100 {
		different = append(different, "10.1."+itoa(i)+".1")
		h.register(etr, registerOf(1, large("10.1."+itoa(i)+".0/24", 32)), true)
	}
	list := h.handle(itr, plain(t, requestOf(7, different...)))
	if len(list) != maxReplies || h.s.Counters().Dropped["too-many-eids"] != 1 {
		t.Errorf("%d Map-Replies for 100 large mappings, want %d; dropped %v", len(list), maxReplies, h.s.Counters().Dropped)
	}
}

func TestOneRequestIsNotForwardedAtLength(t *testing.T) {
	s := studio()
	s.ProxyReply = false
	h := newHarness(t, Options{}, s)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10", "192.0.2.11")), true)
	var same, different []string
	for i := range 200 {
		same, different = append(same, "10.1.0.1"), append(different, "10.1.0."+itoa(i))
	}
	if list := h.handle(itr, plain(t, requestOf(7, same...))); len(list) != 1 {
		t.Errorf("forwarded %d times, want once", len(list))
	}
	if list := h.handle(itr, plain(t, requestOf(7, different...))); len(list) > maxForwards {
		t.Errorf("forwarded %d times, want %d at most", len(list), maxForwards)
	}
}

// Map-Replies to who did not ask are few bytes a second, whoever has them sent.
func TestRepliesToThirdPartiesAreFew(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	h.register(etr, registerOf(1, large("10.1.0.0/16", 32)), true)
	r := requestOf(7, "10.1.0.1")
	r.ITRs = []lisp.Address{{IP: netip.MustParseAddr("203.0.113.99")}}
	total := 0
	for second := range 10 {
		for i := range 1000 {
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(second), byte(i)}), 4342)
			total += bytesOf(h.handle(from, plain(t, r)))
		}
		h.now = h.now.Add(time.Second)
	}
	if total < 10<<16 || total > 12<<16 {
		t.Errorf("%d bytes in 10 s, want about %d", total, 11<<16)
	}
	if h.s.Counters().Dropped["rate"] == 0 {
		t.Error("not counted")
	}
	r.ITRs[0].IP = itr.Addr()
	if len(h.handle(itr, plain(t, r))) != 1 {
		t.Error("an honest ITR is refused")
	}
}

// No Map-Reply is larger than IP takes in one piece, whatever goes into it.
func TestRepliesAreNeverTooLarge(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	var asked []string
	for i := range 4 {
		net := "10.1." + itoa(i) + "."
		asked = append(asked, net+"200")
		h.register(etr, registerOf(1, record(net+"0/24", 60, "192.0.2.10")), true)
		for j := range 14 {
			h.register(etr, registerOf(1, record(net+itoa(j)+"/32", 60, "2001:db8::1", "2001:db8::2", "192.0.2.1")), true)
		}
	}
	list := h.handle(itr, plain(t, requestOf(7, asked...)))
	records := 0
	for _, d := range list {
		var m lisp.MapReply
		if err := m.Decode(d.payload); err != nil || len(d.payload) > maxReplySize {
			t.Errorf("a Map-Reply of %d bytes, %v", len(d.payload), err)
		}
		records += len(m.Records)
	}
	if records != 4*15 {
		t.Errorf("%d records, want %d", records, 4*15)
	}
}

// Where EID-prefixes of sites are nested, an unregistered one does not resolve
// past another site's.
func TestNestedSites(t *testing.T) {
	a := studio()
	a.Name, a.EIDPrefixes = "a", prefixes("10.0.0.0/24", "10.0.0.64/26")
	b := Site{Name: "b", EIDPrefixes: prefixes("10.0.0.0/25")}
	h := newHarness(t, Options{}, a, b)
	h.register(etr, registerOf(1, record("10.0.0.0/24", 60, "192.0.2.10")), true)
	if got, want := h.answers("10.0.0.66"), "10.0.0.64/26 1m0s Natively-Forward"; got != want {
		t.Errorf("behind another site's prefix: %s, want %s", got, want)
	}
	one := studio()
	one.Name, one.EIDPrefixes = "one", prefixes("10.2.0.0/24")
	two := studio()
	two.Name, two.EIDPrefixes = "two", prefixes("10.2.0.128/25", "10.2.0.128/26")
	h = newHarness(t, Options{}, one, two)
	h.register(etr, registerOf(1, record("10.2.0.0/24", 60, "192.0.2.10")), true)
	h.register(etr, registerOf(1, record("10.2.0.128/25", 60, "192.0.2.20")), true)
	if got, want := h.answers("10.2.0.1"), "10.2.0.0/24 1h0m0s 192.0.2.10; 10.2.0.128/25 1h0m0s 192.0.2.20"; got != want {
		t.Errorf("told along: %s, want %s", got, want)
	}
}
