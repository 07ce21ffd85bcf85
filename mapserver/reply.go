package mapserver

import (
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
)

// TTLs of negative replies, RFC 9301 §8.1: of what is no EID, and of what would
// be one if it were registered.
const (
	ttlHole         = 15 * time.Minute
	ttlUnregistered = time.Minute
)

// answer is a Map-Reply in the making.
type answer struct {
	s        *Server
	c        *call
	header   lisp.MapReply
	to       netip.AddrPort
	source   *lisp.Address // the requester's EID
	coreCast bool          // the requester wants to know of CoreCast sites

	packet  []byte // nil: not begun
	records int
	sent    int  // Map-Replies
	cut     bool // there was more to answer than is sent
}

// told is an EID that a Map-Request has been answered for, in scratch.told.
type told struct {
	eid   lisp.EID
	whole bool // and so is every EID within
}

// told reports whether an EID is answered already. What one Map-Request may
// cause is bounded, since nobody knows who really sent it (RFC 9301 §9).
func (a *answer) told(eid lisp.EID) bool {
	for _, t := range a.c.out.scratch.told {
		if t.eid == eid || t.whole && covers(t.eid, eid) {
			return true
		}
	}
	return false
}

// reply answers all records of a Map-Request: in one Map-Reply as far as they
// fit and the server is to answer; the rest are forwarded.
func (s *Server) reply(c *call, r *lisp.MapRequest, to netip.AddrPort) {
	a := answer{s: s, c: c, to: to, source: &r.Source, header: lisp.MapReply{Nonce: r.Nonce}, coreCast: wantsCoreCast(r)}
	forwards, together := c.out.scratch.forwards[:0], true
	c.out.scratch.told = c.out.scratch.told[:0]
	s.mu.RLock()
	for i := range r.Records {
		eid, _ := r.Records[i].Prefix.EID()
		if len(c.out.scratch.told) > 0 && a.told(eid) {
			continue
		}
		if len(c.out.scratch.refused) > 0 && r.Records[i].Notify && slices.Contains(c.out.scratch.refused, eid) {
			together = false
			a.refuse(eid)
			continue
		}
		if a.sent >= maxReplies || len(forwards) >= maxForwards {
			a.cut = true
			break
		}
		f, ok := a.addLocked(eid)
		if ok {
			f.record = i
			forwards = append(forwards, f)
		}
		together = together && ok
	}
	s.mu.RUnlock()
	a.send()
	if a.cut {
		s.drop(c, causeTooManyEIDs)
	}
	c.out.scratch.forwards = forwards
	s.forwardAll(c, r, forwards, together)
}

// addLocked adds what answers for an EID, or says where its request is to be
// forwarded.
func (a *answer) addLocked(eid lisp.EID) (f forward, forwarded bool) {
	s := a.s
	m := s.db.resolve(eid)
	work := &a.c.out.scratch
	if m != nil && !m.parts && (m.proxy || m.denied()) {
		work.told = append(work.told, told{m.eid, true})
	} else {
		work.told = append(work.told, told{eid, false})
	}
	if m == nil {
		if to, ok := s.nextUpstream(a.c); ok {
			s.counts.upstream.Add(1)
			return forward{to: to}, true
		}
		a.add(func(dst []byte) []byte { return s.appendHole(dst, &a.records, eid, 0, ttlHole, lisp.ActionForward) })
		return forward{}, false
	}
	m.site.counts.requests.Add(1)
	if m.origin != unregistered && !m.proxy && !m.denied() {
		to, ok := s.chooseETR(a.c, m)
		if !ok {
			s.reject(a.c, m.site, causeNoETR, eid, func() string {
				return "no locator of the mapping " + m.eid.String() + " can be sent to"
			})
			return forward{}, false
		}
		s.remember(m, a.holder(eid.InstanceID), a.c.now.UnixNano())
		return forward{to: to, site: m.site}, true
	}
	requester, records := a.holder(eid.InstanceID), 0
	a.add(func(dst []byte) []byte {
		before := a.records
		dst = s.appendAnswer(dst, &a.records, eid, m, a.coreCast)
		records = a.records - before
		return dst
	})
	requester.within = records > 1
	s.remember(m, requester, a.c.now.UnixNano())
	return forward{}, false
}

// holder is the requester as one who holds a mapping of an instance.
func (a *answer) holder(instance uint32) holder {
	h := holder{rloc: shorten(a.to.Addr()), local: shorten(a.c.local)}
	if a.source.InstanceID == instance {
		h.source = shorten(a.source.IP)
	}
	return h
}

// add appends what answers for one EID: to another packet, where the one that is
// begun would get too large by it.
func (a *answer) add(appendTo func(dst []byte) []byte) {
	if a.packet == nil {
		a.packet = a.header.AppendHeader(a.c.out.begin(), 0)
	}
	size, records := len(a.packet), a.records
	a.packet = appendTo(a.packet)
	if len(a.packet) <= maxReplySize || records == 0 {
		return
	}
	a.packet, a.records = a.packet[:size], records
	if a.send(); a.sent == maxReplies {
		a.cut = true
		return
	}
	a.packet = appendTo(a.header.AppendHeader(a.c.out.begin(), 0))
}

// refuse says that an EID cannot be subscribed to (RFC 9437 §5).
func (a *answer) refuse(eid lisp.EID) {
	a.add(func(dst []byte) []byte {
		return a.s.appendCount(appendNegative(dst, eid, ttlUnregistered, lisp.ActionPolicyDenied), &a.records)
	})
}

func (a *answer) send() {
	if a.records > 0 {
		a.packet[3] = byte(a.records)
		a.c.out.send(a.packet, a.c.local, a.to)
		a.s.counts.replies.Add(1)
		a.sent++
		if a.to.Addr() != a.c.from.Addr() {
			a.s.reflectRate.allow(a.c.now.UnixNano(), a.to.Addr(), len(a.packet))
		}
	}
	a.packet, a.records = nil, 0
}
