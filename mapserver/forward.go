package mapserver

import (
	"net/netip"

	"github.com/corecast/corecast/lisp"
)

// forward is a record of a Map-Request that somebody else is to answer.
type forward struct {
	record int // its index
	to     netip.AddrPort
	site   *site // whose xTR it goes to; nil for an upstream Map-Resolver
}

// forwardAll sends a Map-Request on. If all its records go to one place, it goes
// there as it came (RFC 9301 §8.3); else each gets a request of its own.
// Together says that none was answered.
func (s *Server) forwardAll(c *call, r *lisp.MapRequest, forwards []forward, together bool) {
	if len(forwards) == 0 {
		return
	}
	for i := range forwards {
		f := &forwards[i]
		together = together && f.to == forwards[0].to
		if f.site != nil {
			f.site.counts.forwarded.Add(1)
			s.counts.forwarded.Add(1)
		}
	}
	if together {
		s.forwardWhole(c, r, forwards[0].to)
		return
	}
	for _, f := range forwards {
		one := &c.out.scratch.single
		records := append(one.Records[:0], r.Records[f.record])
		*one = *r
		one.Records = records
		s.forwardOne(c, one, f.to)
	}
}

func (s *Server) forwardWhole(c *call, r *lisp.MapRequest, to netip.AddrPort) {
	if c.ecm == nil {
		s.forwardOne(c, r, to)
		return
	}
	c.out.send(append(c.out.begin(), c.packet...), c.local, to)
}

// forwardOne encapsulates a Map-Request for somebody else to answer the ITR.
func (s *Server) forwardOne(c *call, r *lisp.MapRequest, to netip.AddrPort) {
	message, err := r.Append(c.out.scratch.encoded[:0])
	if err != nil {
		s.drop(c, causeTooLarge)
		return
	}
	c.out.scratch.encoded = message
	eid, _ := r.Records[0].Prefix.EID()
	ecm := lisp.ECM{Inner: lisp.Inner{
		Src: innerSource(c, r, eid.Prefix.Addr()), Dst: netip.AddrPortFrom(eid.Prefix.Addr(), lisp.ControlPort), Message: message,
	}}
	if c.ecm != nil {
		ecm.Security, ecm.Auth = c.ecm.Security, c.ecm.Auth
	}
	packet, err := ecm.Append(c.out.begin())
	if err != nil {
		s.drop(c, causeTooLarge)
		return
	}
	c.out.send(packet, c.local, to)
}

// innerSource returns the source of an inner packet to an EID: the ITR's, of
// the EID's family if it told one, and the port that the reply shall go to.
func innerSource(c *call, r *lisp.MapRequest, eid netip.Addr) netip.AddrPort {
	candidates := [3]netip.Addr{c.from.Addr(), r.Source.IP}
	if c.ecm != nil {
		candidates[0] = c.ecm.Inner.Src.Addr()
	}
	for i := range r.ITRs {
		if r.ITRs[i].IP.IsValid() && r.ITRs[i].IP.Is4() == eid.Is4() {
			candidates[2] = r.ITRs[i].IP
			break
		}
	}
	for _, a := range candidates {
		if a.IsValid() && a.Is4() == eid.Is4() {
			return netip.AddrPortFrom(a, c.replyPort)
		}
	}
	if eid.Is4() {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), c.replyPort)
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), c.replyPort)
}

// chooseETR returns where a Map-Request for a mapping is forwarded to: one of
// its locators of the best priority that we can send to, in turn; of those that
// the xTR has a route to, if there are any.
func (s *Server) chooseETR(c *call, m *mapping) (netip.AddrPort, bool) {
	r := &c.out.scratch.record
	if _, err := r.Decode(m.record); err != nil {
		return netip.AddrPort{}, false
	}
	rank := func(l *lisp.Locator) int { // the lower the better; -1: none
		if a := l.Address.IP; !routable(a) || !s.hasFamily(a) || l.Priority == lisp.PriorityUnused {
			return -1
		}
		if l.Reachable {
			return int(l.Priority)
		}
		return int(l.Priority) + 256
	}
	best, ties := -1, uint32(0)
	for i := range r.Locators {
		switch k := rank(&r.Locators[i]); {
		case k < 0:
		case best < 0 || k < best:
			best, ties = k, 1
		case k == best:
			ties++
		}
	}
	if ties == 0 {
		return netip.AddrPort{}, false
	}
	turn := m.site.counts.turn.Add(1) % ties
	for i := range r.Locators {
		if rank(&r.Locators[i]) != best {
			continue
		}
		if turn == 0 {
			return netip.AddrPortFrom(r.Locators[i].Address.IP, lisp.ControlPort), true
		}
		turn--
	}
	return netip.AddrPort{}, false
}

// nextUpstream returns one of the upstream Map-Resolvers, in turn.
func (s *Server) nextUpstream() netip.AddrPort {
	return s.opts.Upstream[s.turn.Add(1)%uint32(len(s.opts.Upstream))]
}
