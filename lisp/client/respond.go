package client

import (
	"context"
	"net/netip"

	"github.com/corecast/corecast/lisp"
)

// receiveRequest takes a Map-Request: an SMR, an RLOC-probe, or a question for
// our EIDs, which comes from an ITR or in an ECM from a Map-Server. from is
// the ITR's.
func (x *XTR) receiveRequest(from netip.AddrPort, message []byte, encapsulated bool) ignored {
	m := &x.in.request
	switch {
	case m.Decode(message) != nil:
		return ignoredMalformed
	case m.SMR:
		return x.receiveSMR(m)
	case m.DontReply:
		return taken
	}
	reply := lisp.MapReply{Nonce: m.Nonce, Probe: m.Probe, Records: x.answers(m)}
	if len(reply.Records) == 0 {
		return ignoredEID
	}
	to, ok := replyTo(m, from, x.conn.local.Addr().Is4())
	if !ok {
		return ignoredUnexpected // no ITR-RLOC that we could reach
	}
	packet, err := reply.Append(nil)
	if err != nil {
		return ignoredUnexpected
	}
	x.countRequest(m, encapsulated)
	if x.send(packet, to) != nil {
		return ignoredUnexpected
	}
	return taken
}

func (x *XTR) countRequest(m *lisp.MapRequest, encapsulated bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.counts.Requests++
	if encapsulated {
		x.counts.Encapsulated++
	}
	if m.Probe {
		x.counts.Probes++
	}
}

// answers returns our records for what a Map-Request asks.
func (x *XTR) answers(m *lisp.MapRequest) (records []lisp.Record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range m.Records {
		eid, ok := m.Records[i].Prefix.EID()
		if !ok {
			continue
		}
		if r, ok := longest(x.database, eid); ok {
			records = append(records, r)
		}
	}
	return records
}

// replyTo is where a Map-Reply goes: to the first ITR-RLOC of our family, and
// the port that the Map-Request came from. An RLOC-probe is answered to its
// sender.
func replyTo(m *lisp.MapRequest, from netip.AddrPort, ipv4 bool) (netip.AddrPort, bool) {
	if m.Probe {
		return from, true
	}
	for _, itr := range m.ITRs {
		if itr.IP.IsValid() && itr.IP.Is4() == ipv4 {
			return netip.AddrPortFrom(itr.IP, from.Port()), true
		}
	}
	return netip.AddrPort{}, false
}

// followState is how far following an SMR is.
type followState int

const (
	followOnce  followState = iota + 1
	followAgain             // another SMR came meanwhile: its answer may be newer
)

// receiveSMR has the entries of the map-cache asked for again that an SMR is
// about. Of others it takes no notice (RFC 9301 §6.1).
func (x *XTR) receiveSMR(m *lisp.MapRequest) ignored {
	x.count(func(c *XTRCounts) *uint64 { return &c.SMRs })
	if x.config.Solicited != nil {
		x.config.Solicited(moved(m))
		return taken
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	result := ignoredEID
	for cached := range x.cache {
		if !concerns(m, cached) {
			continue
		}
		result = taken
		if x.following[cached] != 0 {
			x.following[cached] = followAgain
			continue
		}
		select {
		case x.follow <- cached:
			x.following[cached] = followOnce
		default:
			return ignoredBusy
		}
	}
	return result
}

// concerns says whether an SMR is about an entry of the map-cache: the EID that
// moved is its record's or its source EID, implementations differ.
func concerns(m *lisp.MapRequest, cached lisp.EID) bool {
	if m.Source.IP.IsValid() && contains(cached, lisp.EIDOf(m.Source.InstanceID, m.Source.IP)) {
		return true
	}
	for i := range m.Records {
		if moved, ok := m.Records[i].Prefix.EID(); ok && (contains(cached, moved) || contains(moved, cached)) {
			return true
		}
	}
	return false
}

// moved returns the EID-prefixes that an SMR names.
func moved(m *lisp.MapRequest) (eids []lisp.EID) {
	if m.Source.IP.IsValid() {
		eids = append(eids, lisp.EIDOf(m.Source.InstanceID, m.Source.IP))
	}
	for i := range m.Records {
		if eid, ok := m.Records[i].Prefix.EID(); ok {
			eids = append(eids, eid)
		}
	}
	return eids
}

// followSMRs asks again for what SMRs are about.
func (x *XTR) followSMRs(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case eid := <-x.follow:
			for again := true; again && ctx.Err() == nil; again = x.followed(eid) {
				x.count(func(c *XTRCounts) *uint64 { return &c.RequestsAfter })
				_, _ = x.ask(ctx, &lisp.MapRequest{SMRInvoked: true}, eid) // without an answer the old entry stays
			}
		}
	}
}

// followed notes that an SMR was followed, and says whether another came.
func (x *XTR) followed(eid lisp.EID) (again bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.following[eid] == followAgain {
		x.following[eid] = followOnce
		return true
	}
	delete(x.following, eid)
	return false
}
