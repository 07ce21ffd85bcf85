package mapserver

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/lisp"
)

// handleMapRegister takes a Map-Register (RFC 9301 §5.6, §8.2): cheap checks,
// then its authentication, then nonce and records. Records that are accepted
// are in the database before they are acknowledged.
func (s *Server) handleMapRegister(c *call) {
	m := &c.out.scratch.register
	if err := m.Decode(c.packet); err != nil {
		s.drop(c, causeMalformed)
		return
	}
	if !s.registerRate.allow(c.now.UnixNano(), c.from.Addr(), 1+len(m.Records)) {
		s.drop(c, causeRate)
		return
	}
	owner := s.ownerOf(c, m)
	if owner == nil {
		return
	}
	auth, ok := s.authenticate(c, owner, m)
	if !ok {
		return
	}
	x := owner.xtr(m.XTR, s.opts.MaxXTRs)
	if x == nil {
		s.reject(c, owner, causeTooManyXTRs, lisp.EID{}, func() string {
			return fmt.Sprintf("site %s has more than %d xTR-IDs; this one is %s", owner.name, s.opts.MaxXTRs, m.XTR)
		})
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	repeated, ok := s.checkNonce(c, owner, x, m)
	if !ok {
		return
	}
	claims := s.claims(c, owner, m)
	if repeated {
		claims = s.registeredBefore(c, x, claims)
	} else if len(claims) > 0 {
		claims = s.register(c, x, m, claims)
	}
	if repeated && len(claims) == 0 {
		s.reject(c, owner, causeReplay, lisp.EID{}, func() string {
			return fmt.Sprintf("repeats the Map-Register with nonce %#x, of which nothing is registered any more", m.Nonce)
		})
		return
	}
	// A message of which nothing was accepted leaves no trace: the xTR may send
	// it again until it is, and nobody else gains by doing so.
	if !repeated && len(claims) > 0 {
		if changed := x.saw(c, m, auth); changed || owner.config.Load().Replay != ReplayOff {
			s.saveNonce(x, m.Auth.KeyID)
		}
		s.countRegister(c, owner, claims)
		s.wakeSubscriptions(x)
	}
	if m.WantNotify && len(claims) > 0 {
		s.acknowledge(c, owner, m, auth, claims)
	}
}

// ownerOf returns whose Map-Register it is: the site of its first EID-prefix
// that is of any.
func (s *Server) ownerOf(c *call, m *lisp.MapRegister) *site {
	if len(m.Records) == 0 {
		s.drop(c, causeNoRecords)
		return nil
	}
	sites := s.sites.Load()
	for i := range m.Records {
		if eid, ip := m.Records[i].Prefix.EID(); ip {
			if owner, _ := sites.authority(eid); owner != nil {
				return owner
			}
		}
	}
	first := &m.Records[0].Prefix
	eid, ip := first.EID()
	if !ip {
		s.reject(c, nil, causeNotIP, eid, func() string { return "EID " + first.String() + " is no IP prefix" })
		return nil
	}
	s.reject(c, nil, causeUnknownEID, eid, func() string {
		return fmt.Sprintf("no site has EID-prefix %s", eid)
	})
	return nil
}

// authenticate verifies a Map-Register with the site's keys that it may be
// signed with. Messages that fail use up a budget, so that a flood of forged
// ones costs bounded time: that of their source if it is known to be an xTR, else
// one that all others share.
func (s *Server) authenticate(c *call, owner *site, m *lisp.MapRegister) (lastAuth, bool) {
	var buf [maxKeys]siteKey
	keys, why := owner.config.Load().candidates(&m.Auth, buf[:0])
	if len(keys) == 0 {
		s.reject(c, owner, why, lisp.EID{}, func() string { return explainKeys(owner, &m.Auth, why) })
		return lastAuth{}, false
	}
	now, budget := c.now.UnixNano(), s.forgedOthers
	if s.known.knows(c.from.Addr(), now) {
		budget = s.forgedKnown
	}
	if budget.exhausted(now, c.from.Addr()) {
		s.reject(c, owner, causeForgedRate, lisp.EID{}, func() string {
			return "not looked at: too many Map-Registers that fail authentication came before it"
		})
		return lastAuth{}, false
	}
	var err error
	for i := range keys {
		k := &keys[i]
		if err = k.key.Verify(c.packet); err == nil {
			s.known.meet(c.from.Addr(), now+int64(2*registrationTimeout))
			return lastAuth{m.Auth.KeyID, m.Auth.Algorithm, len(m.Auth.Data), k.id, k.key}, true
		}
		budget.allow(now, c.from.Addr(), 1+len(c.packet)>>10)
	}
	s.rejectAuth(c, owner, &m.Auth, keys, err)
	return lastAuth{}, false
}

func (s *Server) rejectAuth(c *call, owner *site, auth *lisp.Auth, keys []siteKey, err error) {
	switch {
	case errors.Is(err, lisp.ErrAuthLength):
		s.reject(c, owner, causeAuthLength, lisp.EID{}, func() string { return err.Error() })
	case errors.Is(err, lisp.ErrAlgorithm):
		s.reject(c, owner, causeAlgorithm, lisp.EID{}, func() string { return explainKeys(owner, auth, causeAlgorithm) })
	default:
		s.reject(c, owner, causeHMAC, lisp.EID{}, func() string { return explainHMAC(owner, auth, keys) })
	}
}

func explainHMAC(owner *site, auth *lisp.Auth, keys []siteKey) string {
	if len(keys) == 1 {
		return fmt.Sprintf("HMAC does not match key id %d of site %s: the secrets differ", keys[0].id, owner.name)
	}
	return fmt.Sprintf("HMAC matches none of the %d keys of site %s with algorithm %d", len(keys), owner.name, auth.Algorithm)
}

func explainKeys(owner *site, auth *lisp.Auth, why cause) string {
	keys := owner.config.Load().keys
	if len(keys) == 0 {
		return fmt.Sprintf("site %s has no keys: nobody can register", owner.name)
	}
	has := ""
	for i, k := range keys {
		if i > 0 {
			has += ", "
		}
		has += fmt.Sprintf("%d", k.id)
		if k.algorithm != lisp.AlgorithmNone {
			has += fmt.Sprintf(" (algorithm %d)", k.algorithm)
		}
	}
	if why == causeAlgorithm {
		return fmt.Sprintf("algorithm %d with key id %d; site %s has key ids %s", auth.Algorithm, auth.KeyID, owner.name, has)
	}
	return fmt.Sprintf("key id %d; site %s has key ids %s", auth.KeyID, owner.name, has)
}

// checkNonce protects from replay as the site's configuration says. A message
// that repeats the last one is to be acknowledged again, and to change nothing.
func (s *Server) checkNonce(c *call, owner *site, x *xtr, m *lisp.MapRegister) (repeated, ok bool) {
	mode := owner.config.Load().Replay
	if mode == ReplayOff {
		return false, true
	}
	if mode == ReplayStrict && !m.HasXTR {
		s.reject(c, owner, causeNoXTRID, lisp.EID{}, func() string {
			return fmt.Sprintf("no xTR-ID, which strict replay protection of site %s needs", owner.name)
		})
		return false, false
	}
	last := x.nonceOf(m.Auth.KeyID)
	if last == nil || m.Nonce > last.nonce {
		return false, true
	}
	if mode == ReplayMonotonic && m.Nonce == last.nonce && last.data == authStart(m) {
		return true, true
	}
	s.reject(c, owner, causeReplay, lisp.EID{}, func() string {
		return fmt.Sprintf("nonce %#x is not greater than %#x, the last one with key id %d: a replay, or an xTR whose nonces do not increase (then set replay: off for site %s)",
			m.Nonce, last.nonce, m.Auth.KeyID, owner.name)
	})
	return false, false
}

func authStart(m *lisp.MapRegister) (start [12]byte) {
	copy(start[:], m.Auth.Data)
	return start
}

// nonceOf returns what came last with a key, or nil. x.mu must be held.
func (x *xtr) nonceOf(keyID uint8) *keyNonce {
	for i := range x.seen {
		if x.seen[i].keyID == keyID {
			return &x.seen[i]
		}
	}
	return nil
}

// saw notes a message of the xTR, and reports whether it was authenticated
// otherwise than the last one. x.mu must be held.
func (x *xtr) saw(c *call, m *lisp.MapRegister, auth lastAuth) (changed bool) {
	changed = x.auth != auth
	x.from, x.last, x.auth = c.from, c.now, auth
	last := x.nonceOf(m.Auth.KeyID)
	if last == nil {
		x.seen = append(x.seen, keyNonce{keyID: m.Auth.KeyID})
		last = &x.seen[len(x.seen)-1]
	}
	last.nonce, last.data = m.Nonce, authStart(m)
	return changed
}

func (s *Server) countRegister(c *call, owner *site, claims []claim) {
	if len(claims) == 0 {
		return
	}
	withdrawn := 0
	for i := range claims {
		if claims[i].withdraw {
			withdrawn++
		}
	}
	s.counts.registers.Add(1)
	s.counts.records.Add(uint64(len(claims)))
	owner.counts.registers.Add(1)
	owner.counts.records.Add(uint64(len(claims)))
	owner.counts.withdrawals.Add(uint64(withdrawn))
	owner.counts.lastRegister.Store(c.now.UnixNano())
}

// acknowledge sends the Map-Notify for a Map-Register: its nonce, and the
// records that were accepted as they came, signed as it was.
func (s *Server) acknowledge(c *call, owner *site, m *lisp.MapRegister, auth lastAuth, claims []claim) {
	accepted := *m
	if len(claims) < len(m.Records) {
		accepted = onlyAccepted(c, m, claims)
	}
	packet, err := accepted.AppendNotify(c.out.begin())
	if err == nil {
		err = auth.key.Sign(packet)
	}
	if err != nil { // the register was well-formed: so is this
		s.drop(c, causeMalformed)
		return
	}
	c.out.send(packet, c.local, netip.AddrPortFrom(c.from.Addr(), lisp.ControlPort))
	s.counts.notifies.Add(1)
	owner.counts.notifies.Add(1)
}

// onlyAccepted returns the message with the records of some claims alone.
func onlyAccepted(c *call, m *lisp.MapRegister, claims []claim) lisp.MapRegister {
	part := *m
	part.Records, part.Encoded = nil, c.out.scratch.encoded[:0]
	for _, claim := range claims {
		if out, err := m.Records[claim.record].Append(part.Encoded); err == nil {
			part.Encoded, part.Records = out, append(part.Records, m.Records[claim.record])
		}
	}
	c.out.scratch.encoded = part.Encoded
	return part
}

// reject counts and notes what was not accepted of a message: with the site that
// it concerns, if it is known which.
func (s *Server) reject(c *call, owner *site, why cause, eid lisp.EID, words func() string) {
	s.counts.dropped[why].Add(1)
	if owner == nil {
		s.log.add(c.now, c.from, "", why, eid, words)
		return
	}
	owner.counts.rejected[why].Add(1)
	owner.log.add(c.now, c.from, owner.name, why, eid, words)
}
