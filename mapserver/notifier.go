package mapserver

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
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

// pace is how long an xTR has to acknowledge a Map-Notify before it is sent
// another one that tells of more: what changes faster is told at once.
const pace = 200 * time.Millisecond

// notifier sends Map-Notifies to subscribers, and again until they are
// acknowledged. One Map-Notify of a subscription is unacknowledged at a time; a
// later one tells what it told, too.
type notifier struct {
	// How many are ready, unacknowledged and paced, to see that there are none
	// without the lock.
	waiting, unacked, pacing atomic.Int64

	mu    sync.Mutex // guards what follows, and the subscriptions' state
	ready []*subscription
	// retries are, for each number of tries, the Map-Notifies to be sent again:
	// since all of one number wait equally long, in order of when they are due.
	retries [len(retryAfter)][]retry
	// paced are subscriptions to be made ready, in order of when.
	paced []retry
	// byNonce finds what a Map-Notify-Ack acknowledges.
	byNonce map[uint64][]*subscription
}

type retry struct {
	sub   *subscription
	nonce uint64 // of the Map-Notify: if the subscription has another one, this is obsolete
	due   int64
}

// mark has a subscriber told of a changed EID-prefix.
func (n *notifier) mark(s *Server, sub *subscription, eid lisp.EID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if sub.removed {
		return
	}
	sub.oweLocked([]lisp.EID{eid})
	n.queueLocked(sub)
}

// oweLocked notes EID-prefixes that the xTR is to be told of: beyond
// maxChanged, that there are too many.
func (sub *subscription) oweLocked(eids []lisp.EID) {
	for _, eid := range eids {
		if len(sub.changed) <= maxChanged && !slices.Contains(sub.changed, eid) {
			sub.changed = append(sub.changed, eid)
		}
	}
}

// wake has an xTR told anew that did not acknowledge before, and now shows that
// it is there.
func (n *notifier) wake(sub *subscription) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(sub.changed) > 0 {
		n.queueLocked(sub)
	}
}

// queueLocked makes a subscription ready to be told, unless it is on its way.
func (n *notifier) queueLocked(sub *subscription) {
	if sub.removed || sub.queued || sub.busy {
		return
	}
	sub.queued = true
	n.ready = append(n.ready, sub)
	n.waiting.Store(int64(len(n.ready)))
}

// renew notes a Map-Request that subscribes; false if its nonce is old. It will
// be confirmed with its own nonce.
func (n *notifier) renew(sub *subscription, nonce uint64, to netip.AddrPort, local netip.Addr, auth lastAuth) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if sub.to.IsValid() && nonce <= sub.nonce {
		return false
	}
	n.settleLocked(sub)
	sub.nonce, sub.to, sub.local, sub.auth, sub.initial = nonce, to, local, auth, true
	n.queueLocked(sub)
	return true
}

// end ends a subscription, and returns where its messages went; false if the
// nonce is old.
func (n *notifier) end(sub *subscription, nonce uint64) (to netip.AddrPort, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if nonce <= sub.nonce {
		return sub.to, false
	}
	n.settleLocked(sub)
	sub.removed = true
	return sub.to, true
}

// settleLocked ends the wait for an acknowledgment.
func (n *notifier) settleLocked(sub *subscription) {
	if sub.packet == nil {
		return
	}
	sub.packet = nil
	n.unacked.Add(-1)
	list := slices.DeleteFunc(n.byNonce[sub.nonce], func(o *subscription) bool { return o == sub })
	if len(list) == 0 {
		delete(n.byNonce, sub.nonce)
	} else {
		n.byNonce[sub.nonce] = list
	}
}

// take takes a subscription that is to be told, and what of; nil if there is
// none.
func (n *notifier) take(now int64) (*subscription, publication) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.ready) > 0 {
		sub := n.ready[0]
		n.ready = n.ready[1:]
		n.waiting.Store(int64(len(n.ready)))
		sub.queued = false
		if sub.removed || sub.auth.key == nil || len(sub.changed) == 0 && !sub.initial {
			continue
		}
		if sub.packet != nil && !sub.initial && now-sub.sent < int64(pace) {
			sub.queued, sub.paced = true, true
			n.paced = append(n.paced, retry{sub: sub, due: now + int64(pace)})
			n.pacing.Store(int64(len(n.paced)))
			continue
		}
		return sub, n.prepareLocked(sub)
	}
	return nil, publication{}
}

// publication is a Map-Notify to be made.
type publication struct {
	nonce   uint64
	initial bool
	changed []lisp.EID
	auth    lastAuth
	to      netip.AddrPort
	local   netip.Addr
}

func (n *notifier) prepareLocked(sub *subscription) publication {
	p := publication{initial: sub.initial, auth: sub.auth, to: sub.to, local: sub.local}
	if sub.packet != nil { // what was told and not acknowledged is told again
		sub.oweLocked(sub.told)
	}
	n.settleLocked(sub)
	if !sub.initial {
		sub.nonce++
	}
	p.nonce, p.changed = sub.nonce, sub.changed
	sub.changed, sub.told, sub.initial, sub.busy = nil, nil, false, true
	return p
}

// sent notes a Map-Notify that went out: told of what, and what it had no room
// for.
func (n *notifier) sentNotify(sub *subscription, p publication, packet []byte, now int64, told, rest []lisp.EID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	sub.busy = false
	fresh := len(sub.changed) > 0 || sub.initial
	sub.oweLocked(rest)
	if sub.removed {
		return
	}
	if sub.nonce == p.nonce && packet != nil {
		sub.packet, sub.told, sub.sent, sub.tries = packet, told, now, 1
		n.unacked.Add(1)
		if n.byNonce == nil {
			n.byNonce = map[uint64][]*subscription{}
		}
		n.byNonce[p.nonce] = append(n.byNonce[p.nonce], sub)
		n.retries[0] = append(n.retries[0], retry{sub, p.nonce, now + int64(retryAfter[0])})
	}
	if fresh || packet == nil && len(rest) > 0 { // else the rest goes out once this is acknowledged
		n.queueLocked(sub)
	}
}

// publish sends Map-Notifies that wait, within a budget; true if more wait.
func (s *Server) publish(now time.Time, out *Outbox, budget *int) bool {
	if s.notifier.waiting.Load() == 0 {
		return false
	}
	for ; *budget > 0; *budget-- {
		sub, p := s.notifier.take(now.UnixNano())
		if sub == nil {
			return false
		}
		packet, told, rest := s.makeNotify(sub, p)
		s.notifier.sentNotify(sub, p, packet, now.UnixNano(), told, rest)
		if packet == nil {
			continue
		}
		s.saveSubscription(sub)
		out.send(append(out.begin(), packet...), p.local, p.to)
		s.counts.publications.Add(1)
	}
	return s.notifier.waiting.Load() > 0
}

// makeNotify makes the Map-Notify for a subscriber: the answer to what it
// subscribed to, or to what changed, as a Map-Request would be answered now;
// prefixes that are no more with TTL 0 before. It returns what it tells of, and
// what there was no room for.
func (s *Server) makeNotify(sub *subscription, p publication) (packet []byte, told, rest []lisp.EID) {
	all := p.initial
	if p.initial {
		told = append(told, sub.eid)
	}
	var records []byte
	n := 0
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(p.changed) > maxChanged {
		records = appendNegative(records, sub.eid, 0, lisp.ActionSendMapRequest)
		n, all, p.changed, told = 1, true, nil, []lisp.EID{sub.eid}
	}
	for i, eid := range p.changed {
		if len(records) > maxReplySize || n > maxReplyRecords {
			rest = p.changed[i:]
			break
		}
		if eid != sub.eid || !p.initial {
			told = append(told, eid)
		}
		around := eid.Prefix.Bits() <= sub.eid.Prefix.Bits()
		all = all || around
		m := s.db.get(eid)
		switch {
		case m == nil:
			records = appendNegative(records, eid, 0, lisp.ActionSendMapRequest)
			n++
		case !around:
			records = s.appendSpecific(records, &n, m, false)
		}
	}
	if all {
		records = s.appendAnswerOrHole(records, &n, sub.eid)
	}
	if n == 0 {
		return nil, told, rest
	}
	// A Map-Notify is what acknowledges a Map-Register of the same records.
	m := lisp.MapRegister{
		Nonce: p.nonce, Auth: p.auth.field(), HasXTR: true, XTR: sub.xtr, Encoded: records, Records: make([]lisp.Record, n),
	}
	packet, err := m.AppendNotify(nil)
	if err == nil {
		err = p.auth.key.Sign(packet)
	}
	if err != nil {
		return nil, told, rest
	}
	return packet, told, rest
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
		out.send(append(out.begin(), d.Payload...), d.From, d.To)
		s.counts.retransmissions.Add(1)
	}
	for _, l := range due.lost {
		s.counts.unacknowledged.Add(1)
		if l.confirming {
			s.giveUp(l.sub, out)
		} else if x := l.sub.site.knownXTR(l.sub.xtr); x != nil {
			x.lapsed.Store(true)
		}
	}
	return *budget == 0
}

// dueNotifies are Map-Notifies to be sent again, and subscriptions whose last
// one was given up.
type dueNotifies struct {
	send []Datagram
	lost []lostNotify
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
			list = list[1:]
			if r.sub.packet == nil || r.sub.nonce != r.nonce {
				continue
			}
			budget--
			if try+1 == len(retryAfter) {
				n.settleLocked(r.sub)
				r.sub.oweLocked(r.sub.told)
				d.lost = append(d.lost, lostNotify{r.sub, r.sub.confirming})
				continue
			}
			d.send = append(d.send, Datagram{From: r.sub.local, To: r.sub.to, Payload: r.sub.packet})
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
	nonce, auth, to, local := sub.nonce+1, sub.auth, sub.to, sub.local
	s.notifier.mu.Unlock()
	s.counts.unsubscribed.Add(1)
	s.deleteSubscription(sub)
	if packet, ok := s.finalNotify(sub.eid, sub.xtr, nonce, auth); ok {
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
	for _, w := range waiting {
		if m.Auth.KeyID != w.auth.keyID || w.auth.key.Verify(c.packet) != nil {
			s.dropFor(c, w.sub.site, causeAckHMAC, w.sub.eid, func() string {
				return fmt.Sprintf("Map-Notify-Ack does not match key id %d of site %s", w.auth.keyID, w.sub.site.name)
			})
			continue
		}
		if s.notifier.acknowledged(w.sub, m.Nonce) {
			s.counts.acks.Add(1)
		}
	}
}

// awaited is a Map-Notify that may be the one that is acknowledged.
type awaited struct {
	sub  *subscription
	auth lastAuth
}

// waitingFor returns the subscriptions whose Map-Notify has the nonce and the
// records of an acknowledgment.
func (n *notifier) waitingFor(m *lisp.MapNotifyAck) (list []awaited) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, sub := range n.byNonce[m.Nonce] {
		if bytes.Contains(sub.packet, m.Encoded) {
			list = append(list, awaited{sub, sub.auth})
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
