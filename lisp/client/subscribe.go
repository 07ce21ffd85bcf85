package client

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/lisp"
)

// Why an XTR gets no Map-Notify.
var (
	// ErrNoNotify: the Map-Server did not acknowledge a Map-Register.
	ErrNoNotify = errors.New("no Map-Notify: the Map-Server tells its operator why")
	// ErrNotSubscribed: the Map-Server answered, but with a Map-Reply.
	ErrNotSubscribed = errors.New("the Map-Server does not take the subscription")
)

// subscription is one mapping that we are told of, RFC 9437.
type subscription struct{ nonce uint64 } // of the last Map-Notify

// Subscribe asks the Map-Server to be told of the mapping of an EID or
// EID-prefix now and whenever it changes. The map-cache follows it.
func (x *XTR) Subscribe(ctx context.Context, eid lisp.EID) (Answer, error) {
	if x.config.XTR == nil {
		return Answer{}, fmt.Errorf("subscribe to %s: an xTR-ID is needed: set XTRConfig.XTR", eid)
	}
	answer, err := x.exchanges.doWith(ctx, x.nonce(), eid, x.config.Retry, func(int) (netip.AddrPort, func(uint64) error) {
		return x.config.MapServer, func(nonce uint64) error {
			m := lisp.MapRequest{Nonce: nonce, Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(eid), Notify: true}}}
			return x.sendRequest(&m, eid, x.config.MapServer)
		}
	})
	if err == nil && !answer.Notified {
		return answer, fmt.Errorf("subscribe to %s at %s: %w", eid, x.config.MapServer, ErrNotSubscribed)
	}
	return answer, err
}

// Unsubscribe ends a subscription: it asks with N bit and no ITR-RLOC. No
// answer is waited for; a Map-Notify that still comes is ignored.
func (x *XTR) Unsubscribe(eid lisp.EID) error {
	x.mu.Lock()
	delete(x.subscriptions, eid)
	x.mu.Unlock()
	m := lisp.MapRequest{Nonce: x.nonce(), ITRs: []lisp.Address{{}},
		Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(eid), Notify: true}}}
	return x.sendRequest(&m, eid, x.config.MapServer)
}

// receiveNotify takes a Map-Notify: the acknowledgment of a Map-Register, the
// confirmation of a subscription, or a publication.
func (x *XTR) receiveNotify(from netip.AddrPort, packet []byte) ignored {
	m := &x.in.notify
	switch {
	case m.Decode(packet) != nil:
		return ignoredMalformed
	case from.Addr() != x.config.MapServer.Addr():
		return ignoredSource
	case x.key.Verify(packet) != nil:
		return ignoredAuth
	case x.acknowledge(m.Nonce):
		return taken
	}
	why, fresh := x.publication(m)
	if why != taken {
		return why
	}
	if fresh {
		records, why := x.exchanges.deliver(from, m.Nonce, m.Records, true)
		if why != taken {
			records = cloneRecords(m.Records) // not the confirmation
		}
		if x.config.Published != nil {
			x.config.Published(records)
		} else {
			x.keep(records)
		}
	}
	return x.ack(from, m)
}

// acknowledge ends the waiting of the Map-Register with this nonce.
func (x *XTR) acknowledge(nonce uint64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	acknowledged, ok := x.registers[nonce]
	if ok {
		delete(x.registers, nonce)
		close(acknowledged)
		x.counts.Acknowledged++
	}
	return ok
}

// publication says whether a Map-Notify belongs to a subscription, and whether
// it is news to it.
func (x *XTR) publication(m *lisp.MapNotify) (why ignored, fresh bool) {
	asked, opening := x.exchanges.asked(m.Nonce)
	x.mu.Lock()
	defer x.mu.Unlock()
	if opening {
		if len(x.subscriptions) >= maxSubscriptions {
			return ignoredBusy, false
		}
		x.subscriptions[asked] = &subscription{nonce: m.Nonce}
		x.counts.Publications++
		return taken, true
	}
	why = ignoredEID
	for eid, s := range x.subscriptions {
		if !about(m.Records, eid) {
			continue
		}
		switch ahead := int64(m.Nonce - s.nonce); {
		case ahead > 0:
			s.nonce = m.Nonce
			x.after(m.Nonce)
			x.counts.Publications++
			return taken, true
		case ahead == 0:
			x.counts.Repeated++
			return taken, false // our acknowledgment was lost
		}
		why = ignoredNonce
	}
	return why, false
}

// ack sends the Map-Notify-Ack.
func (x *XTR) ack(to netip.AddrPort, m *lisp.MapNotify) ignored {
	packet, err := m.AppendAck(nil)
	if err == nil {
		err = x.key.Sign(packet)
	}
	if err != nil || x.send(packet, to) != nil {
		return ignoredUnexpected
	}
	return taken
}
