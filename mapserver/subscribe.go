package mapserver

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/lisp"
)

// maxNonce is the highest nonce that a subscription may begin with: each
// Map-Notify takes the next one, and none may be less than one before.
const maxNonce = 1<<64 - 1<<32

// handleSubscriptions takes the records of a Map-Request that subscribe or
// unsubscribe (N bit), and leaves those that want a Map-Reply; true if none do.
// Where a requirement of RFC 9437 §3 is not met (an xTR-ID, a shared key, a
// mapping), it goes on as without the N bit: the Map-Reply says that there is no
// subscription.
func (s *Server) handleSubscriptions(c *call, r *lisp.MapRequest) (done bool) {
	unsubscribe := len(r.ITRs) == 1 && !r.ITRs[0].IP.IsValid() && len(r.ITRs[0].Raw) == 0
	r.Records = slices.DeleteFunc(r.Records, func(rec lisp.EIDRecord) bool {
		if !rec.Notify || r.XTR.ID == ([16]byte{}) {
			return false
		}
		eid, _ := rec.Prefix.EID()
		who, ok := s.peerOf(r, eid)
		switch {
		case !ok:
			return false
		case r.Nonce > maxNonce:
			s.rejectNonce(c, who.site, eid)
			return true
		case unsubscribe:
			s.unsubscribe(c, r, eid, who)
			return true
		}
		return s.subscribe(c, r, eid, who)
	})
	return len(r.Records) == 0
}

// peer is an xTR that has registered with us, and so shares a key with us.
type peer struct {
	site *site
	xtr  *xtr
	auth lastAuth
	from netip.Addr // where it registers from
}

// peerOf returns the xTR that a Map-Request says it is from. An xTR of several
// sites is taken as of that whose EID it asks for or asks with.
func (s *Server) peerOf(r *lisp.MapRequest, eid lisp.EID) (peer, bool) {
	sites := s.sites.Load()
	var first [2]*site
	if r.Source.IP.IsValid() {
		first[0], _ = sites.authority(lisp.EIDOf(eid.InstanceID, r.Source.IP))
	}
	first[1], _ = sites.authority(eid)
	for _, candidate := range first {
		if candidate != nil {
			if who, ok := candidate.peer(r.XTR); ok {
				return who, true
			}
		}
	}
	for _, name := range sites.names {
		if who, ok := sites.sites[name].peer(r.XTR); ok {
			return who, true
		}
	}
	return peer{}, false
}

// peer returns an xTR of the site, if the key that it authenticated itself
// with last is one of the site's now.
func (s *site) peer(id lisp.XTR) (peer, bool) {
	x := s.knownXTR(id)
	if x == nil {
		return peer{}, false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	auth := x.auth
	auth.key = s.config.Load().keyOf(auth)
	return peer{s, x, auth, x.from.Addr()}, auth.key != nil
}

// chooseSubscribed returns where Map-Notifies of a subscription go: to an ITR-RLOC
// that the xTR registers from, or that it has registered as a locator of the EID
// that it asks with. A Map-Request is not authenticated: else anybody could have
// them sent anywhere.
func (s *Server) chooseSubscribed(r *lisp.MapRequest, who peer) (netip.Addr, bool) {
	isITR := func(a netip.Addr) bool {
		return s.hasFamily(a) && slices.ContainsFunc(r.ITRs, func(itr lisp.Address) bool { return itr.IP == a })
	}
	if isITR(who.from) {
		return who.from, true
	}
	if !r.Source.IP.IsValid() {
		return netip.Addr{}, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	reg := findRegistration(s.db.find(lisp.EIDOf(r.Source.InstanceID, r.Source.IP)), who.xtr, who.from)
	if reg == nil {
		return netip.Addr{}, false
	}
	var own lisp.Record
	if _, err := own.Decode(reg.record()); err != nil {
		return netip.Addr{}, false
	}
	for i := range own.Locators {
		if a := own.Locators[i].Address.IP; routable(a) && isITR(a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// subscribe makes or renews a subscription; false if there is to be a Map-Reply.
func (s *Server) subscribe(c *call, r *lisp.MapRequest, eid lisp.EID, who peer) bool {
	rloc, ok := s.chooseSubscribed(r, who)
	if !ok {
		c.out.scratch.refused = append(c.out.scratch.refused, eid)
		s.reject(c, who.site, causeSubscription, eid, func() string {
			return fmt.Sprintf("no ITR-RLOC of the subscription is %s, which the xTR registers from, nor a locator that it registered for its source EID", who.from)
		})
		return false
	}
	s.mu.Lock()
	sub := s.subs.get(r.XTR, eid)
	if sub == nil {
		if s.db.find(eid) == nil && !s.db.divided(eid) { // RFC 9437 §5: a Negative Map-Reply
			s.mu.Unlock()
			return false
		}
		if s.subs.count >= s.opts.MaxSubscriptions || len(s.subs.byXTR[r.XTR]) >= s.opts.MaxSubscriptionsPerXTR {
			s.mu.Unlock()
			s.reject(c, who.site, causeSubscription, eid, func() string { return "more subscriptions than are kept" })
			return false
		}
		sub = &subscription{eid: eid, xtr: r.XTR, site: who.site, confirming: true}
		s.subs.add(sub)
	}
	s.mu.Unlock()
	if !s.notifier.renew(sub, r.Nonce, netip.AddrPortFrom(rloc, lisp.ControlPort), c.local) {
		s.rejectNonce(c, who.site, eid)
		return true
	}
	s.counts.subscribed.Add(1)
	s.saveSubscription(sub)
	return true
}

// unsubscribe ends a subscription, and says so even if there was none: to the xTR
// itself, which alone may.
func (s *Server) unsubscribe(c *call, r *lisp.MapRequest, eid lisp.EID, who peer) {
	if c.from.Addr() != who.from && (c.ecm == nil || c.ecm.Inner.Src.Addr() != who.from) {
		s.reject(c, who.site, causeSubscription, eid, func() string {
			return fmt.Sprintf("the end of a subscription does not come from %s, which the xTR registers from", who.from)
		})
		return
	}
	s.mu.Lock()
	sub := s.subs.get(r.XTR, eid)
	if sub != nil {
		if !s.notifier.end(sub, r.Nonce) {
			s.mu.Unlock()
			s.rejectNonce(c, who.site, eid)
			return
		}
		s.subs.remove(sub)
		s.counts.unsubscribed.Add(1)
	}
	s.mu.Unlock()
	if sub != nil {
		s.deleteSubscription(sub)
	}
	if packet, ok := finalNotify(eid, r.XTR, r.Nonce, who.auth, lisp.ActionSendMapRequest); ok {
		c.out.send(packet, c.local, netip.AddrPortFrom(who.from, lisp.ControlPort))
		s.counts.publications.Add(1)
	}
}

func (s *Server) rejectNonce(c *call, owner *site, eid lisp.EID) {
	s.reject(c, owner, causeSubscription, eid, func() string {
		return "the subscription's nonce is not greater than the last one, or too high for more to follow: a replay, or an xTR whose nonces do not increase"
	})
}
