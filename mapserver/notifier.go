package mapserver

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/lisp"
)

// pace is how long an xTR has to acknowledge a Map-Notify before it is sent
// another one that tells of more: what changes faster is told together.
const pace = 200 * time.Millisecond

// How many Map-Notifies a second go to one xTR, and how many are sent again to all
// together: a small part of what the server can send (RFC 9437 §5).
const (
	notifyRate = 1000
	retryRate  = 20_000
)

// notifier sends Map-Notifies to subscribers, and again until they are
// acknowledged. One Map-Notify of a subscription is unacknowledged at a time; a
// later one tells what it told, too.
type notifier struct {
	// How many are ready, unacknowledged and paced, to see that there are none
	// without the lock.
	waiting, unacked, pacing atomic.Int64

	rate    *limiter // Map-Notifies, by where they go
	retried *limiter // those that are sent again, all together

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
func (n *notifier) mark(sub *subscription, eid lisp.EID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if sub.removed || sub.elsewhere != "" {
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
	if len(sub.changed) > 0 || sub.initial {
		n.queueLocked(sub)
	}
}

// queueLocked makes a subscription ready to be told, unless it is on its way.
func (n *notifier) queueLocked(sub *subscription) {
	if sub.removed || sub.queued || sub.busy || sub.elsewhere != "" {
		return
	}
	sub.queued = true
	n.ready = append(n.ready, sub)
	n.waiting.Store(int64(len(n.ready)))
}

// renew notes a Map-Request that subscribes; false if its nonce is old. It will
// be confirmed with its own nonce.
func (n *notifier) renew(sub *subscription, nonce uint64, to netip.AddrPort, local netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if sub.to.IsValid() && nonce <= sub.nonce {
		return false
	}
	n.settleLocked(sub)
	sub.nonce, sub.to, sub.local, sub.initial, sub.elsewhere = nonce, to, local, true, ""
	n.queueLocked(sub)
	return true
}

// end ends a subscription; false if the nonce is old.
func (n *notifier) end(sub *subscription, nonce uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if nonce <= sub.nonce {
		return false
	}
	n.settleLocked(sub)
	sub.nonce, sub.removed = nonce, true
	return true
}

// discard ends a subscription that nobody can be told of.
func (n *notifier) discard(sub *subscription) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settleLocked(sub)
	sub.removed = true
}

// postpone keeps what a publication was to tell until wake.
func (n *notifier) postpone(sub *subscription, p publication) {
	n.mu.Lock()
	defer n.mu.Unlock()
	sub.busy = false
	sub.initial = sub.initial || p.initial
	sub.oweLocked(p.changed)
}

// renewed has what was told told anew, in a Map-Notify of its own, since the one
// that was sent is authenticated otherwise than the xTR is now.
func (n *notifier) renewed(sub *subscription, nonce uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if sub.packet == nil || sub.nonce != nonce {
		return
	}
	sub.oweLocked(sub.told)
	n.settleLocked(sub)
	n.queueLocked(sub)
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

// take looks at one subscription that is ready, and returns it if it is to be told,
// and what of; any is false if none is ready.
func (n *notifier) take(now int64) (sub *subscription, p publication, any bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.ready) == 0 {
		return nil, publication{}, false
	}
	sub = n.ready[0]
	n.ready = n.ready[1:]
	n.waiting.Store(int64(len(n.ready)))
	sub.queued = false
	switch {
	case sub.removed || sub.elsewhere != "" || len(sub.changed) == 0 && !sub.initial:
		return nil, publication{}, true
	case sub.packet != nil && !sub.initial && now-sub.sent < int64(pace), !n.rate.allow(now, sub.to.Addr(), 1):
		sub.queued, sub.paced = true, true
		n.paced = append(n.paced, retry{sub: sub, due: now + int64(pace)})
		n.pacing.Store(int64(len(n.paced)))
		return nil, publication{}, true
	}
	return sub, n.prepareLocked(sub), true
}

// publication is a Map-Notify to be made.
type publication struct {
	nonce   uint64
	initial bool
	changed []lisp.EID
	auth    lastAuth // not known yet when it is taken
	to      netip.AddrPort
	local   netip.Addr
}

func (n *notifier) prepareLocked(sub *subscription) publication {
	p := publication{initial: sub.initial, to: sub.to, local: sub.local}
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
		sub.packet, sub.signed, sub.told, sub.sent, sub.tries = packet, p.auth, told, now, 1
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
