package mapserver

import (
	"time"

	"github.com/corecast/corecast/lisp"
)

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
