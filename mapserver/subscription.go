package mapserver

import (
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
	site *site // with whose key messages to the xTR are signed: the one that it has when they are

	// notifier.mu guards the rest.

	to      netip.AddrPort // where Map-Notifies go
	local   netip.Addr     // where the subscription came to
	nonce   uint64         // of the last Map-Request or Map-Notify; it only increases
	removed bool
	// elsewhere names the other server that tells the xTR; empty: this one does.
	elsewhere string

	// changed are EID-prefixes that the xTR has not been told of; told those
	// in the Map-Notify that it has not acknowledged.
	changed, told []lisp.EID
	packet        []byte // that Map-Notify; nil if there is none
	signed        lastAuth
	sent          int64 // when, in nanoseconds since 1970
	tries         int   // how often
	confirming    bool  // it is the first one: unless acknowledged, the subscription ends
	queued, busy  bool  // in notifier.ready; taken from there and being sent
	paced         bool  // queued in notifier.paced instead
	initial       bool  // the next Map-Notify confirms the subscription, with its nonce
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

// dropSubscriptionsLocked ends the subscriptions of sites that are configured no
// more: there is no key that could tell the xTRs.
func (s *Server) dropSubscriptionsLocked(sites *registry) {
	for _, of := range s.subs.byXTR {
		for _, sub := range of {
			if sites.sites[sub.site.name] == sub.site {
				continue
			}
			s.subs.remove(sub)
			s.notifier.discard(sub)
			s.deleteSubscription(sub)
			s.counts.unsubscribed.Add(1)
		}
	}
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
func finalNotify(eid lisp.EID, x lisp.XTR, nonce uint64, auth lastAuth, action lisp.Action) ([]byte, bool) {
	m := lisp.MapNotify{
		Nonce: nonce, Auth: auth.field(), HasXTR: true, XTR: x,
		Records: []lisp.Record{{Prefix: lisp.PrefixOf(eid), Action: action}},
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
