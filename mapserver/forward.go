package mapserver

import (
	"encoding/binary"
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
	if hopsLeft(c) == 0 {
		s.drop(c, causeHops)
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
	packet := append(c.out.begin(), c.packet...)
	setHops(packet[ecmHeader+len(c.ecm.Auth):], hopsLeft(c))
	c.out.send(packet, c.local, to)
}

const (
	ecmHeader = 4 // RFC 9301 §5.8; LISP-SEC data and the inner packet follow
	// maxHops bounds how often a Map-Request is forwarded, if Map-Servers and
	// Map-Resolvers forward to each other in a circle.
	maxHops = 16
)

// hopsLeft returns how often a Map-Request may be forwarded after this server: its
// inner packet's TTL counts, as a router would have it. 0 says not at all.
func hopsLeft(c *call) uint8 {
	if c.ecm == nil {
		return maxHops
	}
	inner := c.packet[ecmHeader+len(c.ecm.Auth):]
	at := 8
	if inner[0]>>4 == 6 {
		at = 7
	}
	return min(max(inner[at], 1)-1, maxHops)
}

// setHops sets the TTL of an IPv4 packet, and its header's checksum, or the hop
// limit of an IPv6 packet. Its headers are checked.
func setHops(packet []byte, hops uint8) {
	if packet[0]>>4 == 6 {
		packet[7] = hops
		return
	}
	packet[8], packet[10], packet[11] = hops, 0, 0
	var sum uint32
	for i := 0; i < int(packet[0]&15)*4; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(packet[10:], ^uint16(sum))
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
	setHops(packet[ecmHeader+len(ecm.Auth):], hopsLeft(c))
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
		// On loopback an xTR may have the server's address, and another port; else
		// that is the server itself.
		if a := l.Address.IP; a == c.local && !a.IsLoopback() || !s.canSendTo(a, c.from.Addr()) || l.Priority == lisp.PriorityUnused {
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

// nextUpstream returns one of the upstream Map-Resolvers, in turn; false if there is
// none, or the Map-Request comes from one: it would come back.
func (s *Server) nextUpstream(c *call) (netip.AddrPort, bool) {
	for _, u := range s.opts.Upstream {
		if u.Addr() == c.from.Addr() {
			return netip.AddrPort{}, false
		}
	}
	if len(s.opts.Upstream) == 0 {
		return netip.AddrPort{}, false
	}
	return s.opts.Upstream[s.turn.Add(1)%uint32(len(s.opts.Upstream))], true
}
