package mapserver

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/corecast/corecast/lisp"
)

// subscription is an xTR's wish to be told of changes of an EID-prefix (RFC
// 9437): of the mapping that covers it, and of those within it.
type subscription struct {
	eid  lisp.EID
	xtr  lisp.XTR
	site *site // with whose key messages to the xTR are signed

	// notifier.mu guards the rest.

	to      netip.AddrPort // where Map-Notifies go
	local   netip.Addr     // where the subscription came to
	auth    lastAuth
	nonce   uint64 // of the last Map-Request or Map-Notify; it only increases
	removed bool

	// changed are EID-prefixes that the xTR has not been told of; told those
	// in the Map-Notify that it has not acknowledged.
	changed, told []lisp.EID
	packet        []byte // that Map-Notify; nil if there is none
	sent          int64  // when, in nanoseconds since 1970
	tries         int    // how often
	confirming    bool   // it is the first one: unless acknowledged, the subscription ends
	queued, busy  bool   // in notifier.ready; taken from there and being sent
	paced         bool   // queued in notifier.paced instead
	initial       bool   // the next Map-Notify confirms the subscription, with its nonce
}

// maxChanged bounds the EID-prefixes that a subscription remembers to tell of;
// beyond, the xTR is told to forget all that it knows within the subscription.
const maxChanged = 64

// subscriptions finds those that an EID-prefix concerns, and those of an xTR.
// Server.mu guards it.
type subscriptions struct {
	tables map[uint32]*bart.Table[[]*subscription]
	byXTR  map[lisp.XTR]map[lisp.EID]*subscription
	count  int
}

func newSubscriptions() *subscriptions {
	return &subscriptions{
		tables: map[uint32]*bart.Table[[]*subscription]{}, byXTR: map[lisp.XTR]map[lisp.EID]*subscription{},
	}
}

func (t *subscriptions) get(x lisp.XTR, eid lisp.EID) *subscription { return t.byXTR[x][eid] }

func (t *subscriptions) add(sub *subscription) {
	table := t.tables[sub.eid.InstanceID]
	if table == nil {
		table = new(bart.Table[[]*subscription])
		t.tables[sub.eid.InstanceID] = table
	}
	list, _ := table.Get(sub.eid.Prefix)
	table.Insert(sub.eid.Prefix, append(list, sub))
	of := t.byXTR[sub.xtr]
	if of == nil {
		of = map[lisp.EID]*subscription{}
		t.byXTR[sub.xtr] = of
	}
	of[sub.eid] = sub
	t.count++
}

func (t *subscriptions) remove(sub *subscription) {
	if t.get(sub.xtr, sub.eid) != sub {
		return
	}
	table := t.tables[sub.eid.InstanceID]
	list, _ := table.Get(sub.eid.Prefix)
	list = slices.DeleteFunc(slices.Clone(list), func(o *subscription) bool { return o == sub })
	if len(list) > 0 {
		table.Insert(sub.eid.Prefix, list)
	} else {
		table.Delete(sub.eid.Prefix)
	}
	if table.Size() == 0 {
		delete(t.tables, sub.eid.InstanceID)
	}
	delete(t.byXTR[sub.xtr], sub.eid)
	if len(t.byXTR[sub.xtr]) == 0 {
		delete(t.byXTR, sub.xtr)
	}
	t.count--
}

// markLocked has subscribers told of a change: those of prefixes around the one
// that changed, and those of prefixes within it that its mapping answers for.
func (t *subscriptions) markLocked(s *Server, eid lisp.EID, old, fresh *mapping) {
	table := t.tables[eid.InstanceID]
	if table == nil {
		return
	}
	for _, list := range table.Supernets(eid.Prefix) { // itself included
		for _, sub := range list {
			s.notifier.mark(sub, eid)
		}
	}
	for p, list := range table.Subnets(eid.Prefix) {
		if p == eid.Prefix {
			continue
		}
		closer := s.db.find(lisp.EID{InstanceID: eid.InstanceID, Prefix: p})
		if closer != nil && closer.eid.Prefix.Bits() > eid.Prefix.Bits() && closer.origin != unregistered {
			continue // it answers, before and after
		}
		for _, sub := range list {
			s.notifier.mark(sub, eid)
		}
	}
}

// handleSubscriptions takes the records of a Map-Request that subscribe or
// unsubscribe (N bit), and leaves those that want a Map-Reply; true if none do.
// Subscriptions that cannot be are left too: the Map-Reply says so.
func (s *Server) handleSubscriptions(c *call, r *lisp.MapRequest) (done bool) {
	unsubscribe := len(r.ITRs) == 1 && !r.ITRs[0].IP.IsValid() && len(r.ITRs[0].Raw) == 0
	r.Records = slices.DeleteFunc(r.Records, func(rec lisp.EIDRecord) bool {
		if !rec.Notify {
			return false
		}
		eid, _ := rec.Prefix.EID()
		owner, auth, from := s.subscriber(r, eid)
		if owner == nil {
			return false
		}
		if unsubscribe {
			s.unsubscribe(c, r, eid, owner, auth)
			return true
		}
		if !slices.ContainsFunc(r.ITRs, func(a lisp.Address) bool { return a.IP == from }) || !s.hasFamily(from) {
			s.reject(c, owner, causeSubscription, eid, func() string {
				return fmt.Sprintf("no ITR-RLOC of the subscription is %s, which the xTR registers from", from)
			})
			return false
		}
		return s.subscribe(c, r, eid, owner, auth, from)
	})
	return len(r.Records) == 0
}

// subscriber returns the site and key by which an xTR is told of changes: only
// xTRs that have registered with us share a key with us. An xTR of several
// sites is taken as of that whose EID it asks for or asks with. From is where it
// registered from.
func (s *Server) subscriber(r *lisp.MapRequest, eid lisp.EID) (owner *site, auth lastAuth, from netip.Addr) {
	sites := s.sites.Load()
	var first [2]*site
	if r.Source.IP.IsValid() {
		first[0], _ = sites.authority(lisp.EIDOf(eid.InstanceID, r.Source.IP))
	}
	first[1], _ = sites.authority(eid)
	for _, candidate := range first {
		if candidate != nil {
			if auth, from, ok := candidate.authOf(r.XTR); ok {
				return candidate, auth, from
			}
		}
	}
	for _, name := range sites.names {
		if auth, from, ok := sites.sites[name].authOf(r.XTR); ok {
			return sites.sites[name], auth, from
		}
	}
	return nil, lastAuth{}, netip.Addr{}
}

// authOf returns how an xTR of the site authenticated itself last, and where it
// was.
func (s *site) authOf(id lisp.XTR) (auth lastAuth, from netip.Addr, ok bool) {
	x := s.knownXTR(id)
	if x == nil {
		return lastAuth{}, netip.Addr{}, false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.auth, x.from.Addr(), x.auth.key != nil
}

// subscribe makes or renews a subscription; false if it cannot be. A Map-Request
// is not authenticated: Map-Notifies go only to where an authentic Map-Register
// of the same xTR came from, or anybody could have them sent anywhere.
func (s *Server) subscribe(c *call, r *lisp.MapRequest, eid lisp.EID, owner *site, auth lastAuth, rloc netip.Addr) bool {
	s.mu.Lock()
	sub := s.subs.get(r.XTR, eid)
	if sub == nil {
		if s.subs.count >= s.opts.MaxSubscriptions || len(s.subs.byXTR[r.XTR]) >= s.opts.MaxSubscriptionsPerXTR {
			s.mu.Unlock()
			s.reject(c, owner, causeSubscription, eid, func() string { return "more subscriptions than are kept" })
			return false
		}
		sub = &subscription{eid: eid, xtr: r.XTR, site: owner, confirming: true}
		s.subs.add(sub)
	}
	s.mu.Unlock()
	to := netip.AddrPortFrom(rloc, lisp.ControlPort)
	if !s.notifier.renew(sub, r.Nonce, to, c.local, auth) {
		s.rejectNonce(c, owner, eid)
		return true
	}
	s.counts.subscribed.Add(1)
	s.saveSubscription(sub)
	return true
}

// unsubscribe ends a subscription, and says so even if there was none.
func (s *Server) unsubscribe(c *call, r *lisp.MapRequest, eid lisp.EID, owner *site, auth lastAuth) {
	s.mu.Lock()
	sub := s.subs.get(r.XTR, eid)
	to := netip.AddrPortFrom(c.from.Addr(), lisp.ControlPort)
	if sub != nil {
		last, ok := s.notifier.end(sub, r.Nonce)
		if !ok {
			s.mu.Unlock()
			s.rejectNonce(c, owner, eid)
			return
		}
		to = last
		s.subs.remove(sub)
		s.counts.unsubscribed.Add(1)
	}
	s.mu.Unlock()
	if sub != nil {
		s.deleteSubscription(sub)
	}
	if packet, ok := s.finalNotify(eid, r.XTR, r.Nonce, auth); ok {
		c.out.send(packet, c.local, to)
		s.counts.publications.Add(1)
	}
}

func (s *Server) rejectNonce(c *call, owner *site, eid lisp.EID) {
	s.reject(c, owner, causeSubscription, eid, func() string {
		return "the subscription's nonce is not greater than the last one: a replay, or an xTR whose nonces do not increase"
	})
}

// wakeSubscriptions has an xTR told what it did not acknowledge, now that it has
// shown that it is there.
func (s *Server) wakeSubscriptions(x *xtr) {
	if !x.lapsed.Swap(false) {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, sub := range s.subs.byXTR[x.id] {
		s.notifier.wake(sub)
	}
}

// finalNotify returns the Map-Notify that tells an xTR that a subscription has
// ended: TTL 0, no locators.
func (s *Server) finalNotify(eid lisp.EID, x lisp.XTR, nonce uint64, auth lastAuth) ([]byte, bool) {
	m := lisp.MapNotify{
		Nonce: nonce, Auth: auth.field(), HasXTR: true, XTR: x,
		Records: []lisp.Record{{Prefix: lisp.PrefixOf(eid), Action: lisp.ActionSendMapRequest}},
	}
	packet, err := m.Append(nil)
	if err == nil {
		err = auth.key.Sign(packet)
	}
	return packet, err == nil
}

// field returns the authentication field of a message to the xTR, to be
// signed.
func (a *lastAuth) field() lisp.Auth {
	return lisp.Auth{KeyID: a.keyID, Algorithm: a.algorithm, Data: make([]byte, a.size)}
}
