package mapserver

import (
	"github.com/corecast/corecast/lisp"
)

// SetSites replaces the configuration of all sites. What was registered stays
// as long as the new configuration allows it; requesters, subscribers and
// watchers are told of what changes. On an error nothing has changed.
func (s *Server) SetSites(sites []Site) error {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	before := s.sites.Load()
	after, err := newRegistry(sites, before)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.sites.Store(after)
	after.activate()
	if before.retire(after) {
		s.dropSubscriptionsLocked(after)
	}
	s.mu.Unlock()
	s.settleAll(s.affected(before, after))
	s.resited.Store(true)
	return nil
}

// affected returns the EID-prefixes whose mappings a new configuration may
// change.
func (s *Server) affected(before, after *registry) (eids []lisp.EID) {
	for _, r := range []*registry{before, after} {
		for _, conf := range r.configs {
			for _, p := range conf.EIDPrefixes {
				eids = append(eids, lisp.EID{InstanceID: conf.InstanceID, Prefix: p})
			}
		}
	}
	s.walk(lisp.EID{}, func(m *mapping) bool {
		if m.origin == registered && (!s.stillAllowedLocked(m) || m.coreCast != m.site.config.Load().CoreCast || m.proxy != proxies(m.site.config.Load(), m.reg, m.record)) {
			eids = append(eids, m.eid)
		}
		return true
	})
	return eids
}

// stillAllowedLocked reports whether all that was registered for a prefix might
// be registered now.
func (s *Server) stillAllowedLocked(m *mapping) bool {
	if !s.sites.Load().mayRegister(m.site, m.eid) {
		return false
	}
	conf := m.site.config.Load()
	if len(conf.AllowedLocators) == 0 {
		return true
	}
	for r := m.reg; r != nil; r = r.next {
		if !allowedRecord(conf, r.record()) {
			return false
		}
	}
	return true
}

func allowedRecord(conf *siteConfig, record []byte) bool {
	var r lisp.Record
	if _, err := r.Decode(record); err != nil {
		return false
	}
	for i := range r.Locators {
		if refuseLocator(conf, &r.Locators[i]) != "" {
			return false
		}
	}
	return true
}

// settleAll makes mappings what the configuration and their registrations make
// them, a few at a time.
func (s *Server) settleAll(eids []lisp.EID) {
	for len(eids) > 0 {
		chunk := eids[:min(len(eids), applyChunk)]
		eids = eids[len(chunk):]
		s.mu.Lock()
		for _, eid := range chunk {
			s.resettleLocked(eid)
		}
		s.mu.Unlock()
	}
}

func (s *Server) resettleLocked(eid lisp.EID) {
	old := s.db.get(eid)
	owner, _ := s.sites.Load().authority(eid)
	var list *registration
	if old != nil {
		list = old.reg
		for r := old.reg; r != nil; {
			next := r.next
			if owner != r.xtr.site || !s.sites.Load().mayRegister(owner, eid) || !allowedRecord(owner.config.Load(), r.record()) {
				s.forgetRegistration(r)
				list = s.db.unlink(list, r)
			}
			r = next
		}
	}
	if owner == nil {
		if old != nil {
			s.removeLocked(old)
		}
		return
	}
	s.settleLocked(eid, owner, old, list)
}
