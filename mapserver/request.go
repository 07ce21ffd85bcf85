package mapserver

import (
	"net/netip"

	"github.com/corecast/corecast/lisp"
)

// scratch is the memory that a call decodes into; it comes with the Outbox, of
// which every caller has one.
type scratch struct {
	call     call
	ecm      lisp.ECM
	request  lisp.MapRequest
	register lisp.MapRegister
	ack      lisp.MapNotifyAck
	record   lisp.Record
	single   lisp.MapRequest // a request for one of several EIDs
	forwards []forward
	told     []told
	refused  []lisp.EID // subscriptions that may not be
	claims   []claim
	encoded  []byte
}

// handleECM takes an Encapsulated Control Message: a Map-Request as an ITR
// sends it to its Map-Resolver. LISP-SEC data in it is as if it were not there:
// the reply is not protected either, and the ITR decides what that is worth.
func (s *Server) handleECM(c *call) {
	ecm := &c.out.scratch.ecm
	if err := ecm.Decode(c.packet); err != nil {
		s.drop(c, causeMalformed)
		return
	}
	if lisp.PeekType(ecm.Inner.Message) != lisp.TypeMapRequest || ecm.Inner.Src.Port() == 0 {
		s.drop(c, causeInner)
		return
	}
	c.ecm, c.replyPort = ecm, ecm.Inner.Src.Port()
	s.handleMapRequest(c, ecm.Inner.Message)
}

func (s *Server) handleMapRequest(c *call, message []byte) {
	r := &c.out.scratch.request
	if err := r.Decode(message); err != nil {
		s.drop(c, causeMalformed)
		return
	}
	if why, bad := s.refuseRequest(c, r); bad {
		s.drop(c, why)
		return
	}
	s.counts.requests.Add(1)
	s.counts.requestedEIDs.Add(uint64(len(r.Records)))
	if c.ecm != nil && c.ecm.DDT {
		s.refer(c, r)
		return
	}
	c.out.scratch.refused = c.out.scratch.refused[:0]
	if r.HasXTR && s.handleSubscriptions(c, r) {
		return
	}
	to, ok := s.chooseITR(c, r)
	if !ok {
		s.drop(c, causeNoITR)
		return
	}
	if now := c.now.UnixNano(); to.Addr() != c.from.Addr() &&
		(s.reflectRate.exhausted(now, to.Addr()) || !s.requestRate.allow(now, to.Addr(), len(r.Records))) {
		s.drop(c, causeRate)
		return
	}
	s.reply(c, r, to)
}

// refuseRequest says why a Map-Request is not for us.
func (s *Server) refuseRequest(c *call, r *lisp.MapRequest) (cause, bool) {
	switch {
	case r.Probe:
		return causeProbe, true
	case r.SMR || r.DontReply:
		return causeDontReply, true
	case !s.requestRate.allow(c.now.UnixNano(), c.from.Addr(), len(r.Records)):
		return causeRate, true
	}
	for i := range r.Records {
		if _, ip := r.Records[i].Prefix.EID(); !ip {
			return causeNotIP, true
		}
	}
	return 0, false
}

// chooseITR returns where a Map-Reply goes: to the ITR-RLOC that the request
// came from if it is among them, else to the first of a family that we can
// send by, and of that which the request came by if there is one.
func (s *Server) chooseITR(c *call, r *lisp.MapRequest) (netip.AddrPort, bool) {
	var best netip.Addr
	for i := range r.ITRs {
		a := r.ITRs[i].IP
		if !s.canSendTo(a, c.from.Addr()) {
			continue
		}
		if a == c.from.Addr() {
			best = a
			break
		}
		if !best.IsValid() || a.Is4() == c.from.Addr().Is4() && best.Is4() != a.Is4() {
			best = a
		}
	}
	return netip.AddrPortFrom(best, c.replyPort), best.IsValid()
}

// canSendTo reports whether a packet may be sent to an RLOC that somebody named:
// to loopback addresses only for those who are on this machine.
func (s *Server) canSendTo(a, asker netip.Addr) bool {
	return routable(a) && (!a.IsLoopback() || asker.IsLoopback()) && s.hasFamily(a)
}

func (s *Server) hasFamily(a netip.Addr) bool {
	if a.Is4() {
		return !s.opts.NoIPv4
	}
	return !s.opts.NoIPv6
}

// refer answers a DDT client: it is for DDT nodes to ask (RFC 8111), which this
// server is not, and so it is authoritative for nothing there. The answer goes
// to the client, and it asks elsewhere.
func (s *Server) refer(c *call, r *lisp.MapRequest) {
	m := lisp.MapReferral{Nonce: r.Nonce, Records: make([]lisp.ReferralRecord, len(r.Records))}
	for i := range r.Records {
		rec := &m.Records[i]
		rec.Prefix, rec.Action, rec.Incomplete = r.Records[i].Prefix, lisp.ReferralNotAuthoritative, true
	}
	packet, err := m.Append(c.out.begin())
	if err != nil {
		s.drop(c, causeMalformed)
		return
	}
	s.counts.referrals.Add(1)
	c.out.send(packet, c.local, c.from)
}
