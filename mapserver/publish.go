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
		sub, p, any := s.notifier.take(now.UnixNano())
		if !any {
			return false
		}
		if sub == nil {
			continue
		}
		who, ok := sub.site.peer(sub.xtr)
		if !ok { // its key was removed: it is told once it registers with another one
			s.notifier.postpone(sub, p)
			s.lapse(sub)
			continue
		}
		p.auth = who.auth
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

// lapse notes that an xTR is to be told when it shows that it is there.
func (s *Server) lapse(sub *subscription) {
	if x := sub.site.knownXTR(sub.xtr); x != nil {
		x.lapsed.Store(true)
	}
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
	if p.initial { // what was asked for comes first, and the rest later
		p.changed, rest = nil, p.changed
	}
	for i, eid := range p.changed {
		size, before := len(records), n
		around := eid.Prefix.Bits() <= sub.eid.Prefix.Bits()
		switch m := s.db.get(eid); {
		case m == nil:
			records = appendNegative(records, eid, 0, lisp.ActionSendMapRequest)
			n++
		case !around:
			records = s.appendSpecific(records, &n, m, sub.wantsCoreCast())
		}
		if before > 0 && (len(records) > maxAnswerSize || n > maxReplyRecords) {
			records, n, rest = records[:size], before, p.changed[i:]
			break
		}
		told, all = append(told, eid), all || around
	}
	if size, before := len(records), n; all {
		records = s.appendAnswerOrHole(records, &n, sub.eid, sub.wantsCoreCast())
		if before > 0 && len(records) > maxAnswerSize {
			records, n, rest = records[:size], before, append(rest, sub.eid)
		}
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
