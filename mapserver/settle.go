package mapserver

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
)

// settleLocked makes the mapping of a prefix what its registrations, or without
// any the site's configuration, make it, and tells those who want to know if
// that is not what it was.
func (s *Server) settleLocked(eid lisp.EID, owner *site, old *mapping, list *registration) {
	fresh := s.makeMapping(eid, owner, list)
	if old != nil && fresh != nil && old.site == fresh.site && old.origin == fresh.origin && old.proxy == fresh.proxy &&
		old.coreCast == fresh.coreCast && bytes.Equal(old.record, fresh.record) {
		old.reg = list
		adopt(old)
		return
	}
	if fresh == nil {
		if old != nil {
			s.removeLocked(old)
		}
		return
	}
	if old != nil && old.origin == registered {
		old.site.mappings--
	}
	if fresh.origin == registered {
		owner.mappings++
	}
	adopt(fresh)
	s.db.put(fresh)
	s.changedLocked(eid, old, fresh)
}

// removeLocked removes a mapping that has no registrations any more.
func (s *Server) removeLocked(old *mapping) {
	if old.origin == registered {
		old.site.mappings--
	}
	s.db.remove(old)
	s.changedLocked(old.eid, old, nil)
}

// adopt makes registrations part of the mapping that they are in, and those
// that are all of it forget their own record.
func adopt(m *mapping) {
	for r := m.reg; r != nil; r = r.next {
		r.mapping = m
		if r.own != nil && bytes.Equal(r.own, m.record) {
			r.own = nil
		}
	}
}

// makeMapping returns what the mapping of a prefix is to be; nil for none. The
// registrations hold their own records, or are in the mapping that this one
// replaces.
func (s *Server) makeMapping(eid lisp.EID, owner *site, list *registration) *mapping {
	conf := owner.config.Load()
	if list == nil {
		return s.configuredMapping(eid, owner, conf)
	}
	for r := list; r != nil; r = r.next {
		if r.own == nil {
			r.own = r.mapping.record
		}
	}
	record := list.own
	if list.flags&regMerge != 0 && list.next != nil {
		record = merge(list)
	}
	m := newMapping(record)
	m.eid, m.site, m.origin, m.reg = eid, owner, registered, list
	m.proxy, m.coreCast = proxies(conf, list, m.record), conf.CoreCast
	return m
}

// proxies reports whether the server answers for what was registered: because
// the site or one of the xTRs wants it (RFC 9301 §8.3), or because there are no
// locators to forward to.
func proxies(conf *siteConfig, list *registration, record []byte) bool {
	if conf.ProxyReply || negative(record) {
		return true
	}
	for r := list; r != nil; r = r.next {
		if r.flags&regProxy != 0 {
			return true
		}
	}
	return false
}

// configuredMapping returns what the configuration says of a prefix, if it is
// an EID-prefix of the site.
func (s *Server) configuredMapping(eid lisp.EID, owner *site, conf *siteConfig) *mapping {
	if whose, p := s.sites.Load().authority(eid); whose != owner || p != eid.Prefix {
		return nil
	}
	m := &mapping{eid: eid, site: owner, origin: unregistered, proxy: true, coreCast: conf.CoreCast}
	r := lisp.Record{Prefix: lisp.PrefixOf(eid), TTL: uint32(ttlUnregistered / time.Minute), Action: lisp.ActionForward}
	if len(conf.RLOCs) > 0 {
		m.origin, r.TTL, r.Action = static, uint32(s.opts.MaxTTL/time.Minute), lisp.ActionNone
	}
	for _, l := range conf.RLOCs {
		r.Locators = append(r.Locators, lisp.Locator{
			Address: lisp.Address{IP: l.Address}, Priority: l.Priority, Weight: l.Weight,
			MPriority: lisp.PriorityUnused, Reachable: true,
		})
	}
	tidyLocators(&r)
	m.record, _ = r.Append(nil) // of checked values
	return m
}

// merge returns the record of several xTRs' registrations together: the highest
// version, and the locators of all that want to be merged, an RLOC as the first of
// them in order of xTR-ID has it. Who registered last makes no difference: else each
// refresh would be a change.
func merge(list *registration) []byte {
	var parts []*registration
	for r := list; r != nil; r = r.next {
		if r.flags&regMerge != 0 {
			parts = append(parts, r)
		}
	}
	slices.SortFunc(parts, func(a, b *registration) int {
		return cmp.Or(bytes.Compare(a.xtr.id.ID[:], b.xtr.id.ID[:]), bytes.Compare(a.xtr.id.Site[:], b.xtr.id.Site[:]), a.from.Compare(b.from))
	})
	var whole lisp.Record
	for i, r := range parts {
		var part lisp.Record
		if _, err := part.Decode(r.own); err != nil {
			continue
		}
		if i == 0 {
			whole = part
			continue
		}
		whole.TTL, whole.MapVersion = min(whole.TTL, part.TTL), max(whole.MapVersion, part.MapVersion)
		for _, l := range part.Locators {
			if len(whole.Locators) < maxLocators && !slices.ContainsFunc(whole.Locators, func(o lisp.Locator) bool { return sameLocator(o, l) }) {
				whole.Locators = append(whole.Locators, l)
			}
		}
	}
	tidyLocators(&whole)
	record, err := whole.Append(nil)
	for err == nil && len(record) > maxRecordSize && len(whole.Locators) > 0 {
		whole.Locators = whole.Locators[:len(whole.Locators)-1]
		record, err = whole.Append(nil)
	}
	if err != nil {
		return list.own
	}
	return record
}
