package mapserver

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
)

// applyChunk is how many records change the database before those who look
// something up get their turn.
const applyChunk = 8

// maxRegistrations bounds the xTRs that register one prefix.
const maxRegistrations = 32

// register puts claims into the database and returns those that were accepted.
// Most Map-Registers only say again what was said before: that takes a
// reader's lock and changes a time. x.mu must be held.
func (s *Server) register(c *call, x *xtr, m *lisp.MapRegister, claims []claim) []claim {
	done := 0
	s.mu.RLock()
	for done < len(claims) && s.refreshLocked(c, x, m, &claims[done]) {
		done++
	}
	s.mu.RUnlock()
	accepted := claims[:done]
	for len(claims) > done {
		chunk := claims[done:min(done+applyChunk, len(claims))]
		done += len(chunk)
		s.mu.Lock()
		for _, cl := range chunk {
			if s.claimLocked(c, x, m, &cl) {
				accepted = append(accepted, cl)
			}
		}
		s.mu.Unlock()
	}
	return accepted
}

// registeredBefore returns those claims of a repeated Map-Register that are in
// the database, and the withdrawals of what is not. x.mu must be held.
func (s *Server) registeredBefore(c *call, x *xtr, claims []claim) []claim {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.DeleteFunc(claims, func(cl claim) bool {
		r := findRegistration(s.db.get(cl.eid), x, c.from.Addr())
		if r == nil || cl.withdraw {
			return (r == nil) != cl.withdraw
		}
		return !bytes.Equal(r.record(), c.out.scratch.encoded[cl.start:cl.end])
	})
}

// flagsOf returns what a Map-Register says of its registrations.
func flagsOf(m *lisp.MapRegister) (f regFlags) {
	for _, b := range [...]struct {
		set  bool
		flag regFlags
	}{{m.ProxyReply, regProxy}, {m.Merge, regMerge}, {m.UseTTL, regUseTTL}, {m.Security, regSecurity}} {
		if b.set {
			f |= b.flag
		}
	}
	return f
}

// refreshLocked prolongs a registration, if a claim says the same as before.
// s.mu must be held, by a reader at least.
func (s *Server) refreshLocked(c *call, x *xtr, m *lisp.MapRegister, cl *claim) bool {
	old := s.db.get(cl.eid)
	if old == nil || old.reg == nil || cl.withdraw {
		return false
	}
	r := old.reg
	if r.xtr != x || r.from != c.from.Addr() || r.flags != flagsOf(m) || r.keyID != m.Auth.KeyID ||
		r.lifetime != seconds(cl.lifetime) || !bytes.Equal(r.record(), c.out.scratch.encoded[cl.start:cl.end]) {
		return false
	}
	r.refreshed.Store(max(c.now.UnixNano(), r.refreshed.Load()))
	s.saveRefresh(r)
	return true
}

func seconds(d time.Duration) uint32 { return uint32((d + time.Second - 1) / time.Second) }

// claimLocked registers or withdraws a prefix. s.mu must be held.
func (s *Server) claimLocked(c *call, x *xtr, m *lisp.MapRegister, cl *claim) bool {
	if !s.sites.Load().mayRegister(x.site, cl.eid) { // reconfigured meanwhile
		s.reject(c, x.site, causeUnknownEID, cl.eid, func() string {
			return fmt.Sprintf("site %s no longer has EID-prefix %s", x.site.name, cl.eid)
		})
		return false
	}
	old := s.db.get(cl.eid)
	if cl.withdraw {
		if r := findRegistration(old, x, c.from.Addr()); r != nil {
			s.withdrawRegistration(c.now, r)
			s.dropRegistrationLocked(r)
		} else if s.opts.Shared { // another server may know it already
			s.withdrawRegistration(c.now, &registration{
				mapping: &mapping{eid: cl.eid}, xtr: x, from: c.from.Addr(), flags: flagsOf(m), own: bareRecord(cl.eid),
			})
		}
		return true
	}
	most := x.site.config.Load().MaxMappings
	if (old == nil || old.origin != registered) && x.site.mappings >= most {
		s.reject(c, x.site, causeTooManyMappings, cl.eid, func() string {
			return fmt.Sprintf("site %s has registered %d mappings, the most it may", x.site.name, most)
		})
		return false
	}
	r := &registration{
		xtr: x, from: c.from.Addr(), since: c.now.Unix(), lifetime: seconds(cl.lifetime), flags: flagsOf(m), keyID: m.Auth.KeyID,
		own: c.out.scratch.encoded[cl.start:cl.end],
	}
	r.refreshed.Store(s.afterKnownLocked(c.now, cl.eid, r))
	s.addRegistrationLocked(cl.eid, r)
	return true
}

// findRegistration returns the xTR's registration in a mapping, or nil.
func findRegistration(m *mapping, x *xtr, from netip.Addr) *registration {
	if m == nil {
		return nil
	}
	for r := m.reg; r != nil; r = r.next {
		if r.sameXTR(x, from) {
			return r
		}
	}
	return nil
}

// addRegistrationLocked makes r, which has its own record, the latest
// registration of a prefix, in the place of an earlier one of the same xTR. The
// record is copied.
func (s *Server) addRegistrationLocked(eid lisp.EID, r *registration) {
	old := s.db.get(eid)
	var list *registration
	if old != nil {
		list = old.reg
	}
	if before := findRegistration(old, r.xtr, r.from); before != nil {
		if bytes.Equal(before.record(), r.own) {
			r.since = before.since
		}
		if before.flags&regMerge != r.flags&regMerge {
			s.withdrawRegistration(time.Unix(0, r.refreshed.Load()), before) // it may have another key
		}
		list = s.db.unlink(list, before)
	}
	r.next = s.shortenLocked(list)
	s.db.regs++
	s.settleLocked(eid, r.xtr.site, old, r)
	if r.own != nil { // it is not all of the mapping
		r.own = bytes.Clone(r.own)
	}
	s.db.wheel.add(r)
	s.saveRegistration(r)
}

// shortenLocked drops the oldest of too many registrations.
func (s *Server) shortenLocked(list *registration) *registration {
	n := 0
	for r := list; r != nil; r = r.next {
		if n++; n == maxRegistrations {
			s.forgetRegistration(r)
			return s.db.unlink(list, r)
		}
	}
	return list
}

// dropRegistrationLocked ends a registration: it was withdrawn, or timed out.
func (s *Server) dropRegistrationLocked(r *registration) {
	m := r.mapping
	s.settleLocked(m.eid, m.site, m, s.db.unlink(m.reg, r))
}

// unlink takes a registration out of its mapping's list, and returns the list.
func (db *database) unlink(list, r *registration) *registration {
	db.regs--
	db.wheel.remove(r)
	for at := &list; *at != nil; at = &(*at).next {
		if *at == r {
			*at = r.next
			break
		}
	}
	r.mapping, r.next = nil, nil
	return list
}

// expire ends registrations that have timed out; true if there are more.
func (s *Server) expire(now time.Time) bool {
	budget := tickBudget
	for budget > 0 {
		s.mu.Lock()
		s.db.wheel.advance(now)
		for range applyChunk {
			var r *registration
			if r, budget = s.db.wheel.next(now, budget); r == nil {
				break
			}
			s.counts.expired.Add(1)
			s.forgetRegistration(r)
			s.dropRegistrationLocked(r)
		}
		more := s.db.wheel.due != nil
		s.mu.Unlock()
		if !more {
			return false
		}
	}
	return true
}
