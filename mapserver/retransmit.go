package mapserver

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/lisp"
)

// retryAfter is how long an unsolicited Map-Notify waits for its Map-Notify-Ack
// each time it is sent: three times 3 s, then twice as long as before for three
// more (RFC 9301 §5.7). After the last it is given up.
var retryAfter = [...]time.Duration{
	3 * time.Second, 3 * time.Second, 3 * time.Second, 3 * time.Second,
	6 * time.Second, 12 * time.Second, 24 * time.Second,
}

// retransmit makes Map-Notifies ready that were not acknowledged in time, and
// gives up those that were sent often enough.
func (s *Server) retransmit(now time.Time, out *Outbox, budget *int) (more bool) {
	if s.notifier.idle() {
		return false
	}
	due := s.notifier.takeDue(now.UnixNano(), *budget)
	*budget -= len(due.send) + len(due.lost)
	for _, d := range due.send {
		who, ok := d.sub.site.peer(d.sub.xtr)
		if !ok || !who.auth.sameWay(d.signed) {
			s.notifier.renewed(d.sub, d.nonce)
			continue
		}
		packet := append(out.begin(), d.packet...)
		if who.auth.key.Sign(packet) != nil { // it was signed before
			continue
		}
		out.send(packet, d.local, d.to)
		s.counts.retransmissions.Add(1)
	}
	for _, l := range due.lost {
		s.counts.unacknowledged.Add(1)
		if l.confirming {
			s.giveUp(l.sub, out)
		} else {
			s.lapse(l.sub)
		}
	}
	return *budget == 0
}

// dueNotifies are Map-Notifies to be sent again, and subscriptions whose last
// one was given up.
type dueNotifies struct {
	send []dueNotify
	lost []lostNotify
}

// dueNotify is a Map-Notify to be sent again: signed anew, with the key of now.
type dueNotify struct {
	sub    *subscription
	nonce  uint64
	packet []byte
	signed lastAuth
	to     netip.AddrPort
	local  netip.Addr
}

type lostNotify struct {
	sub        *subscription
	confirming bool
}

// unpaceLocked makes a subscription ready that was put off.
func (n *notifier) unpaceLocked(sub *subscription) {
	if sub.paced {
		sub.paced, sub.queued = false, false
		n.queueLocked(sub)
	}
}

func (n *notifier) idle() bool { return n.unacked.Load() == 0 && n.pacing.Load() == 0 }

func (n *notifier) takeDue(now int64, budget int) (d dueNotifies) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.paced) > 0 && n.paced[0].due <= now {
		n.unpaceLocked(n.paced[0].sub)
		n.paced = n.paced[1:]
	}
	n.pacing.Store(int64(len(n.paced)))
	for try := range n.retries {
		list := n.retries[try]
		for len(list) > 0 && list[0].due <= now && budget > 0 {
			r := list[0]
			waits := r.sub.packet != nil && r.sub.nonce == r.nonce
			if waits && !n.retried.allow(now, r.sub.to.Addr(), 1) {
				break
			}
			if list = list[1:]; !waits {
				continue
			}
			budget--
			if try+1 == len(retryAfter) {
				n.settleLocked(r.sub)
				r.sub.oweLocked(r.sub.told)
				d.lost = append(d.lost, lostNotify{r.sub, r.sub.confirming})
				continue
			}
			if n.rate.allow(now, r.sub.to.Addr(), 1) { // else this one is left out
				d.send = append(d.send, dueNotify{r.sub, r.nonce, r.sub.packet, r.sub.signed, r.sub.to, r.sub.local})
			}
			n.retries[try+1] = append(n.retries[try+1], retry{r.sub, r.nonce, now + int64(retryAfter[try+1])})
		}
		n.retries[try] = list
	}
	return d
}

// giveUp ends a subscription that was never confirmed, and says so once.
func (s *Server) giveUp(sub *subscription, out *Outbox) {
	s.mu.Lock()
	s.subs.remove(sub)
	s.mu.Unlock()
	s.notifier.mu.Lock()
	sub.removed = true
	nonce, to, local := sub.nonce, sub.to, sub.local
	s.notifier.mu.Unlock()
	s.counts.unsubscribed.Add(1)
	s.deleteSubscription(sub)
	who, ok := sub.site.peer(sub.xtr)
	if !ok {
		return
	}
	if packet, ok := finalNotify(sub.eid, sub.xtr, nonce, who.auth, lisp.ActionAuthFailure); ok { // RFC 9437 §5
		out.send(packet, local, to)
	}
}

// handleMapNotifyAck ends the retransmission of what it acknowledges.
func (s *Server) handleMapNotifyAck(c *call) {
	m := &c.out.scratch.ack
	if err := m.Decode(c.packet); err != nil {
		s.drop(c, causeMalformed)
		return
	}
	waiting := s.notifier.waitingFor(m)
	if len(waiting) == 0 {
		s.drop(c, causeUnexpectedAck)
		return
	}
	for _, sub := range waiting {
		who, ok := sub.site.peer(sub.xtr)
		if !ok || m.Auth.KeyID != who.auth.keyID || who.auth.key.Verify(c.packet) != nil {
			s.reject(c, sub.site, causeAckHMAC, sub.eid, func() string {
				return fmt.Sprintf("Map-Notify-Ack does not match key id %d of site %s", who.auth.keyID, sub.site.name)
			})
			continue
		}
		if s.notifier.acknowledged(sub, m.Nonce) {
			s.counts.acks.Add(1)
		}
	}
}

// waitingFor returns the subscriptions whose Map-Notify has the nonce and the
// records of an acknowledgment.
func (n *notifier) waitingFor(m *lisp.MapNotifyAck) (list []*subscription) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, sub := range n.byNonce[m.Nonce] {
		if bytes.Contains(sub.packet, m.Encoded) {
			list = append(list, sub)
		}
	}
	return list
}

// acknowledged ends a wait, if it is still for this nonce.
func (n *notifier) acknowledged(sub *subscription, nonce uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if sub.packet == nil || sub.nonce != nonce {
		return false
	}
	n.settleLocked(sub)
	sub.told, sub.confirming = nil, false
	n.unpaceLocked(sub)
	if len(sub.changed) > 0 {
		n.queueLocked(sub)
	}
	return true
}
