package mapserver

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/gaissmai/bart"

	"github.com/corecast/corecast/lisp"
)

const defaultListing = 1000

// maxXTRsListed bounds the xTRs in a SiteStatus: the last to register.
const maxXTRsListed = 64

// Mappings lists mappings in order of instance-id and prefix.
func (s *Server) Mappings(f MappingFilter) []Mapping {
	limit := orDefault(f.Limit, defaultListing)
	var out []Mapping
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range slices.Sorted(maps.Keys(s.db.tables)) {
		if f.InstanceID != nil && id != *f.InstanceID || f.After != nil && id < f.After.InstanceID {
			continue
		}
		for p, m := range s.db.tables[id].AllSorted() {
			if len(out) >= limit {
				return out
			}
			if f.wants(m, p) {
				out = append(out, m.exportLocked())
			}
		}
	}
	return out
}

func (f *MappingFilter) wants(m *mapping, p netip.Prefix) bool {
	switch {
	case m.origin == unregistered && !f.All:
		return false
	case f.Site != "" && m.site.name != f.Site:
		return false
	case f.Within.IsValid() && !f.Within.Overlaps(p):
		return false
	case f.After != nil && m.eid.InstanceID == f.After.InstanceID && comparePrefixes(p, f.After.Prefix) <= 0:
		return false
	}
	return true
}

// comparePrefixes orders prefixes as they are listed: IPv4 first, then by
// address, and the wider ones first.
func comparePrefixes(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

// Sites returns the status of all sites, by name.
func (s *Server) Sites() []SiteStatus {
	sites := s.sites.Load()
	out := make([]SiteStatus, 0, len(sites.names))
	for _, name := range sites.names {
		out = append(out, s.siteStatus(sites.sites[name]))
	}
	return out
}

// Site returns the status of a site; false if there is none of that name.
func (s *Server) Site(name string) (SiteStatus, bool) {
	site := s.sites.Load().sites[name]
	if site == nil {
		return SiteStatus{}, false
	}
	return s.siteStatus(site), true
}

func (s *Server) siteStatus(site *site) SiteStatus {
	conf, n := site.config.Load(), &site.counts
	out := SiteStatus{
		Name: site.name, InstanceID: conf.InstanceID,
		Registers: n.registers.Load(), Records: n.records.Load(), Withdrawals: n.withdrawals.Load(), Notifies: n.notifies.Load(),
		Requests: n.requests.Load(), Forwarded: n.forwarded.Load(), Changes: n.changes.Load(),
		Rejected: map[string]uint64{}, LastRejects: site.log.newest(), XTRs: site.xtrStatus(),
	}
	if last := n.lastRegister.Load(); last != 0 {
		out.LastRegister = time.Unix(0, last)
	}
	for c := range numCauses {
		if v := n.rejected[c].Load(); v > 0 {
			out.Rejected[c.String()] = v
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out.Mappings = site.mappings
	table := s.db.tables[conf.InstanceID]
	for _, p := range conf.EIDPrefixes {
		out.EIDPrefixes = append(out.EIDPrefixes, prefixStatusLocked(table, site, p))
	}
	for _, x := range out.XTRs {
		if x.XTR != (lisp.XTR{}) {
			out.Subscriptions += len(s.subs.byXTR[x.XTR])
		}
	}
	return out
}

func prefixStatusLocked(table *bart.Table[*mapping], site *site, p netip.Prefix) PrefixStatus {
	st := PrefixStatus{Prefix: p}
	if table == nil {
		return st
	}
	for within, m := range table.Subnets(p) {
		switch {
		case m.origin != registered || m.site != site:
		case within == p:
			st.Registered = true
		default:
			st.MoreSpecifics++
		}
	}
	return st
}

// xtrStatus returns the xTRs that registered last, the latest first.
func (s *site) xtrStatus() []XTRStatus {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.xtrs))
	s.mu.Unlock()
	out := make([]XTRStatus, 0, len(all))
	for _, x := range all {
		x.mu.Lock()
		st := XTRStatus{From: x.from, XTR: x.id, KeyID: x.auth.keyID, Last: x.last}
		if last := x.nonceOf(x.auth.keyID); last != nil {
			st.Nonce = last.nonce
		}
		x.mu.Unlock()
		if !st.Last.IsZero() {
			out = append(out, st)
		}
	}
	slices.SortFunc(out, func(a, b XTRStatus) int { return b.Last.Compare(a.Last) })
	return out[:min(len(out), maxXTRsListed)]
}

// Rejects returns the last rejects of messages that belong to no site, newest
// first.
func (s *Server) Rejects() []Reject { return s.log.newest() }

// Counters returns the totals.
func (s *Server) Counters() Counters {
	n := &s.counts
	out := Counters{
		Requests: n.requests.Load(), RequestedEIDs: n.requestedEIDs.Load(), Replies: n.replies.Load(),
		NegativeRecords: n.negative.Load(), Forwarded: n.forwarded.Load(), Upstream: n.upstream.Load(), Referrals: n.referrals.Load(),
		Registers: n.registers.Load(), Records: n.records.Load(), Notifies: n.notifies.Load(),
		Publications: n.publications.Load(), Retransmissions: n.retransmissions.Load(), Acks: n.acks.Load(),
		Unacknowledged: n.unacknowledged.Load(), SMRs: n.smrs.Load(), Changes: n.changes.Load(), Expired: n.expired.Load(),
		Subscribed: n.subscribed.Load(), Unsubscribed: n.unsubscribed.Load(), WatchersResynced: n.resynced.Load(),
		HoldersForgotten: n.holdersForgotten.Load(), Holders: int(s.holders.Load()), Unacked: int(s.notifier.unacked.Load()),
		Dropped: map[string]uint64{},
	}
	for c := range numCauses {
		out.Dropped[c.String()] = n.dropped[c].Load()
	}
	if s.persist != nil {
		out.Persistence = s.persist.w.Stats()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out.Mappings, out.Static, out.Unregistered = s.db.counts[registered], s.db.counts[static], s.db.counts[unregistered]
	out.Registrations, out.Subscriptions = s.db.regs, s.subs.count
	return out
}
