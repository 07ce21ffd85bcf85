package mapserver

import (
	"maps"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
)

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

// maxSpecificsCounted bounds the prefixes that are looked at for one
// PrefixStatus.
const maxSpecificsCounted = 1000

// maxXTRsListed bounds the xTRs in a SiteStatus: the last to register.
const maxXTRsListed = 64

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
	for prefixes := range slices.Chunk(conf.EIDPrefixes, walkChunk) {
		s.mu.RLock()
		for _, p := range prefixes {
			out.EIDPrefixes = append(out.EIDPrefixes, s.prefixStatusLocked(site, lisp.EID{InstanceID: conf.InstanceID, Prefix: p}))
		}
		s.mu.RUnlock()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	out.Mappings = site.mappings
	for _, x := range out.XTRs {
		if x.XTR != (lisp.XTR{}) {
			out.Subscriptions += len(s.subs.byXTR[x.XTR])
		}
	}
	return out
}

func (s *Server) prefixStatusLocked(site *site, eid lisp.EID) PrefixStatus {
	st := PrefixStatus{Prefix: eid.Prefix}
	looked := 0
	s.db.within(eid, func(m *mapping) bool {
		switch {
		case m.origin != registered || m.site != site:
		case m.eid == eid:
			st.Registered = true
		default:
			st.MoreSpecifics++
		}
		looked++
		return looked < maxSpecificsCounted
	})
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
		Subscribed: n.subscribed.Load(), Unsubscribed: n.unsubscribed.Load(), WatchersResynced: n.resynced.Load(), Unrestored: n.unrestored.Load(), Merged: n.merged.Load(),
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
