package mapserver

import (
	"cmp"
	"hash/fnv"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/store"
)

// Of several servers on one store one tells a subscriber what changes: the one that
// the subscription came to last, or, when that is gone, one that all others find
// to be its successor.

// nobody stands for a server that is not there.
const nobody = "-"

func (s *Server) mergeSubscription(e store.Entry) verdict {
	saved, err := decodeSubscription(e.Value)
	if err != nil {
		return left
	}
	owner := s.sites.Load().sites[saved.site]
	if saved.node == s.opts.Node && saved.ended == 0 { // our own word
		return taken
	}
	if owner == nil || owner.knownXTR(saved.xtr) == nil {
		return left
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs.get(saved.xtr, saved.eid)
	switch {
	case sub == nil && saved.ended != 0:
	case sub == nil:
		if s.subs.count >= s.opts.MaxSubscriptions || len(s.subs.byXTR[saved.xtr]) >= s.opts.MaxSubscriptionsPerXTR {
			return left
		}
		sub = subscriptionOf(owner, &saved)
		sub.elsewhere = cmp.Or(saved.node, nobody)
		s.subs.add(sub)
	case !s.notifier.yield(sub, &saved, s.opts.Node):
		s.saveSubscription(sub)
	case saved.ended != 0:
		s.subs.remove(sub)
	}
	return taken
}

// yield makes a subscription what another server says of it; false if this one
// knows better. The higher nonce counts.
func (n *notifier) yield(sub *subscription, saved *savedSubscription, node string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := cmp.Compare(saved.nonce, sub.nonce); c < 0 || c == 0 && saved.ended == 0 && sub.elsewhere == "" && saved.node < node {
		return false
	}
	n.settleLocked(sub)
	sub.nonce, sub.to, sub.local = saved.nonce, saved.to, saved.local
	sub.elsewhere, sub.removed = cmp.Or(saved.node, nobody), saved.ended != 0
	sub.changed, sub.told, sub.initial = nil, nil, false
	return true
}

// TakeOver has this server tell those subscribers of changes whose server is not
// among those that are there, if it is the successor. They are told anew: something
// may have changed when nobody told them.
func (s *Server) TakeOver(there []string) {
	if !slices.Contains(there, s.opts.Node) {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, of := range s.subs.byXTR {
		for _, sub := range of {
			if successor(sub, there) == s.opts.Node && s.notifier.takeOver(sub, there) {
				s.saveSubscription(sub)
				s.notifier.mark(sub, sub.eid)
			}
		}
	}
}

func (n *notifier) takeOver(sub *subscription, there []string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if sub.removed || sub.elsewhere == "" || slices.Contains(there, sub.elsewhere) {
		return false
	}
	sub.elsewhere, sub.local = "", netip.Addr{}
	sub.nonce += nonceJump // the one before may have used some that it could not tell us
	return true
}

// successor is the one of several servers that a subscription likes most.
func successor(sub *subscription, there []string) (best string) {
	var most uint64
	for _, node := range there {
		h := fnv.New64a()
		h.Write([]byte(node))
		h.Write(sub.xtr.ID[:])
		h.Write([]byte(sub.eid.String()))
		if liking := h.Sum64(); best == "" || liking > most || liking == most && node > best {
			best, most = node, liking
		}
	}
	return best
}
