package mapserver

import (
	"time"

	"github.com/corecast/corecast/lisp"
)

// The records of a Map-Reply.

// appendAnswer appends the records that answer for an EID out of the mapping
// that resolve found: see docs/design/0004. It counts them in n.
func (s *Server) appendAnswer(dst []byte, n *int, eid lisp.EID, m *mapping, coreCast bool) []byte {
	switch {
	case m.denied():
		return s.appendHole(dst, n, eid, s.db.find(eid).eid.Prefix.Bits(), ttlHole, lisp.ActionPolicyDenied)
	case m.origin == unregistered:
		return s.appendHole(dst, n, eid, m.eid.Prefix.Bits(), ttlUnregistered, lisp.ActionForward)
	}
	start, before := len(dst), *n
	dst = s.appendMapping(dst, n, m, coreCast)
	if !m.parts || !s.db.divided(m.eid) {
		return dst
	}
	if all, ok := s.appendWithin(dst, n, start, m.eid, coreCast); ok {
		return all
	}
	// Too many more-specific prefixes to tell all: tell of the part around
	// the EID where there are none.
	dst, *n = dst[:start], before
	least := max(s.db.find(eid).eid.Prefix.Bits(), m.eid.Prefix.Bits())
	part := s.db.hole(eid, least)
	if s.db.divided(part) {
		return s.appendCount(appendNegative(dst, eid, ttlUnregistered, lisp.ActionSendMapRequest), n)
	}
	dst = appendNarrowed(dst, m.record, part.Prefix)
	*n++
	return s.appendCoreCast(dst, start, m, coreCast)
}

// appendAnswerOrHole appends what answers for an EID without asking anybody
// else.
func (s *Server) appendAnswerOrHole(dst []byte, n *int, eid lisp.EID, coreCast bool) []byte {
	if m := s.db.resolve(eid); m != nil {
		return s.appendAnswer(dst, n, eid, m, coreCast)
	}
	if len(s.opts.Upstream) > 0 {
		return s.appendCount(appendNegative(dst, eid, ttlUnregistered, lisp.ActionSendMapRequest), n)
	}
	return s.appendHole(dst, n, eid, 0, ttlHole, lisp.ActionForward)
}

// appendHole appends a negative record for the widest prefix around an EID that
// nothing is known in. An EID-prefix that something is known in is told with
// all of that.
func (s *Server) appendHole(dst []byte, n *int, eid lisp.EID, least int, ttl time.Duration, action lisp.Action) []byte {
	start, before := len(dst), *n
	hole := s.db.hole(eid, least)
	dst = s.appendCount(appendNegative(dst, hole, ttl, action), n)
	if hole.Prefix.IsSingleIP() || !s.db.divided(hole) {
		return dst
	}
	if all, ok := s.appendWithin(dst, n, start, hole, false); ok {
		return all
	}
	dst, *n = dst[:start], before
	return s.appendCount(appendNegative(dst, eid, ttlUnregistered, lisp.ActionSendMapRequest), n)
}

// appendWithin appends what is within an EID-prefix besides the mapping that
// covers it, which is in dst from start on: an ITR that caches the one must not
// miss the others (RFC 9301 §5.5). All get the shortest TTL of them, to time
// out together. It returns false if they are too many.
func (s *Server) appendWithin(dst []byte, n *int, start int, eid lisp.EID, coreCast bool) ([]byte, bool) {
	first, room := *n, true
	ttl := ttlOf(dst[start:])
	var positions [maxReplyRecords]int
	positions[0] = start
	count := 1
	s.db.within(eid, func(m *mapping) bool {
		if m.eid == eid || m.origin == unregistered && s.db.resolve(m.eid) != m {
			return true // the cover, or what resolves to another mapping
		}
		if count == maxReplyRecords {
			room = false
			return false
		}
		positions[count] = len(dst)
		dst = s.appendSpecific(dst, n, m, coreCast)
		if room = len(dst) <= start+maxAnswerSize; !room {
			return false
		}
		ttl = min(ttl, ttlOf(dst[positions[count]:]))
		count++
		return true
	})
	if !room {
		*n = first
		return dst, false
	}
	for _, at := range positions[:count] {
		setTTL(dst[at:], ttl)
	}
	return dst, true
}

// appendSpecific appends a mapping that is told along with one that covers it.
// Where an xTR is to be asked itself, the ITR is told to ask again.
func (s *Server) appendSpecific(dst []byte, n *int, m *mapping, coreCast bool) []byte {
	switch {
	case m.denied():
		return s.appendCount(appendNegative(dst, m.eid, ttlHole, lisp.ActionPolicyDenied), n)
	case m.origin == unregistered:
		return s.appendCount(appendNegative(dst, m.eid, ttlUnregistered, lisp.ActionForward), n)
	case !m.proxy:
		return s.appendCount(appendNegative(dst, m.eid, ttlUnregistered, lisp.ActionSendMapRequest), n)
	}
	return s.appendMapping(dst, n, m, coreCast)
}

// appendMapping appends a mapping's record.
func (s *Server) appendMapping(dst []byte, n *int, m *mapping, coreCast bool) []byte {
	start := len(dst)
	*n++
	return s.appendCoreCast(append(dst, m.record...), start, m, coreCast)
}

// appendCount counts a negative record that was appended.
func (s *Server) appendCount(dst []byte, n *int) []byte {
	*n++
	s.counts.negative.Add(1)
	return dst
}

func (m *mapping) denied() bool { return m.site.config.Load().Deny }
