package mapserver

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

// fakeUpstream answers from a list, and counts.
type fakeUpstream struct {
	mu      sync.Mutex
	asked   []lisp.EID
	answers map[lisp.EID]Mapping
	err     error
	hold    chan struct{} // if not nil, answers wait for it
}

func (f *fakeUpstream) Lookup(ctx context.Context, e lisp.EID) (Mapping, error) {
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return Mapping{}, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, e)
	for prefix, m := range f.answers {
		if covers(prefix, e) {
			m.EID = prefix
			return m, f.err
		}
	}
	return negativeMapping(e, OriginHole, ttlHole), f.err
}

func TestResolve(t *testing.T) {
	s := studio()
	s.CoreCast = true
	denied := Site{Name: "denied", EIDPrefixes: prefixes("10.1.64.0/24"), Deny: true, RLOCs: []RLOC{{Address: netip.MustParseAddr("192.0.2.60")}}}
	h := newHarness(t, Options{}, s, denied)
	h.register(etr, registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10"), record("10.1.2.0/24", 60, "192.0.2.11")), true)
	for _, c := range []struct {
		asked, prefix, rloc string
		origin              Origin
		action              lisp.Action
		ours                bool
	}{
		{"10.1.2.3", "10.1.2.0/24", "192.0.2.11", OriginRegistered, lisp.ActionNone, true},
		{"10.1.9.9", "10.1.8.0/21", "192.0.2.10", OriginRegistered, lisp.ActionNone, true}, // of 10.1.0.0/16, around 10.1.2.0/24 and 10.1.64.0/24
		{"10.1.64.9", "10.1.64.0/24", "", OriginStatic, lisp.ActionPolicyDenied, true},
		{"2001:db8:1::1", "2001:db8:1::/48", "", OriginUnregistered, lisp.ActionForward, true},
		{"10.9.9.9", "10.8.0.0/13", "", OriginHole, lisp.ActionForward, false},
	} {
		m, ours := h.s.Resolve(eid(c.asked))
		rloc := ""
		if len(m.Locators) > 0 {
			rloc = m.Locators[0].Address.String()
		}
		if m.EID != eid(c.prefix) || rloc != c.rloc || m.Origin != c.origin || m.Action != c.action || ours != c.ours || m.CoreCast != (c.origin == OriginRegistered || c.origin == OriginUnregistered) {
			t.Errorf("%s: %+v %v, want %+v", c.asked, m, ours, c)
		}
	}
}

func TestResolverAsksUpstream(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	up := &fakeUpstream{answers: map[lisp.EID]Mapping{
		eid("172.16.0.0/16"): {Locators: locators("198.51.100.9"), TTL: time.Hour},
		eid("172.17.0.0/16"): {TTL: 15 * time.Minute, Action: lisp.ActionForward},
	}}
	r := NewResolver(h.s, up)
	defer r.Close()
	now := start
	r.now = func() time.Time { return now }
	ctx := context.Background()
	resolve := func(e, prefix string, asked int) Mapping {
		t.Helper()
		m, err := r.Resolve(ctx, eid(e))
		if err != nil || m.EID != eid(prefix) || len(up.asked) != asked {
			t.Errorf("%s: %+v %v after %d questions, want %s after %d", e, m, err, len(up.asked), prefix, asked)
		}
		return m
	}
	resolve("10.1.2.3", "10.1.0.0/16", 0)
	if m := resolve("172.16.1.1", "172.16.0.0/16", 1); m.Origin != OriginUpstream || len(m.Locators) != 1 {
		t.Errorf("%+v", m)
	}
	resolve("172.16.1.2", "172.16.0.0/16", 1)
	resolve("172.17.1.1", "172.17.0.0/16", 2) // negative, and remembered as well
	resolve("172.17.1.2", "172.17.0.0/16", 2)
	now = now.Add(20 * time.Minute)
	resolve("172.17.1.2", "172.17.0.0/16", 3)
	resolve("172.16.1.2", "172.16.0.0/16", 3)
	if m := resolve("172.16.1.2", "172.16.0.0/16", 3); m.TTL != 40*time.Minute {
		t.Errorf("TTL %v, 20 minutes after it was 1h", m.TTL)
	}
	r.Forget(eid("172.16.4.0/24"))
	resolve("172.16.1.2", "172.16.0.0/16", 4)
	r.Forget(eid("172.0.0.0/8"))
	resolve("172.16.1.2", "172.16.0.0/16", 5)
	r.Forget(eid("172.18.0.0/16"))
	resolve("172.16.1.2", "172.16.0.0/16", 5)

	up.err = errors.New("no route")
	for range 3 {
		if _, err := r.Resolve(ctx, eid("172.18.1.1")); !errors.Is(err, ErrUpstream) || len(up.asked) != 6 {
			t.Errorf("%v after %d questions", err, len(up.asked))
		}
	}
	up.err = nil
	now = now.Add(failureTTL)
	resolve("172.18.1.1", "172.18.1.1/32", 7)

	// What upstream tells of the EIDs around a site of ours is not true of ours.
	up.answers[eid("10.0.0.0/8")] = Mapping{Locators: locators("198.51.100.9"), TTL: time.Hour}
	resolve("10.9.9.9", "10.8.0.0/13", 8)
}

func TestResolverAsksOnceAtATime(t *testing.T) {
	h := newHarness(t, Options{}, studio())
	up := &fakeUpstream{hold: make(chan struct{}), answers: map[lisp.EID]Mapping{eid("172.16.0.0/16"): {TTL: time.Hour}}}
	r := NewResolver(h.s, up)
	defer r.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if m, err := r.Resolve(context.Background(), eid("172.16.1.1")); err != nil || m.EID != eid("172.16.0.0/16") {
				t.Errorf("%+v %v", m, err)
			}
		})
	}
	cancel()
	if _, err := r.Resolve(ctx, eid("172.16.1.1")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(up.hold)
	wg.Wait()
	if len(up.asked) != 1 {
		t.Errorf("upstream was asked %d times", len(up.asked))
	}
}

func TestUpstreamCacheIsBounded(t *testing.T) {
	c := newUpstreamCache(10)
	for i := range 100 {
		e := eid("10.0." + itoa(i) + ".0/24")
		c.put(start, e, Mapping{EID: e}, nil, time.Hour)
		if i%3 == 0 {
			c.put(start, e, Mapping{EID: e}, nil, time.Hour)
		}
	}
	if n := c.tables[0].Size(); n > 10 || n < 6 || len(c.order) > 10 {
		t.Errorf("%d remembered, %d in order", n, len(c.order))
	}
	if m, _, ok := c.get(start, eid("10.0.99.1")); !ok || m.EID != eid("10.0.99.0/24") {
		t.Error("the last is forgotten")
	}
	if _, _, ok := c.get(start.Add(time.Hour), eid("10.0.99.1")); ok {
		t.Error("remembered beyond its TTL")
	}
}
