package slowpath

import (
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
)

const (
	// maxPending bounds the EIDs that are being resolved.
	maxPending = 1024
	// maxTTL and minTTL bound how long a mapping is believed.
	maxTTL = 24 * time.Hour
	minTTL = 10 * time.Second
	// refreshHold is how soon a mapping is asked for again at the earliest.
	refreshHold = 2 * time.Second
	// onTheWay is how long after an answer packets may still come that left the
	// switch before it had the mapping.
	onTheWay = 200 * time.Millisecond
)

// cached is a mapping that the Path brought into the map-cache.
type cached struct {
	Resolution
	version uint64 // of the plan that has it
	expires time.Time
	asked   time.Time // refreshed last
	hits    uint64    // of the switch's entry, at used
	used    time.Time
}

// pending is an EID that is being resolved, and who waits for it.
type pending struct {
	eid     netip.Addr
	since   time.Time
	packets []queued
}

// miss takes a packet for which the map-cache has no mapping. CoreCast headers
// do not wait.
func (p *Path) miss(now time.Time, k *packet) {
	if h, viewer, ok := k.corecast(); ok && h.Type != wire.TypePayload && p.view.reserved(k.dst) {
		p.count("header_missed")
		if p.ask(now, viewer) == nil {
			p.count("resolve_limited")
		}
		return
	}
	if c := p.underWay(now, k.dst); c != nil {
		var one []queued
		p.hold(&one, k)
		p.pass(now, c, one)
		return
	}
	q := p.ask(now, k.dst)
	if q == nil {
		p.count("resolve_limited")
		return
	}
	p.hold(&q.packets, k)
}

// underWay returns the mapping of an EID if the switch has only just got it, or
// is about to: packets that it missed come after the answer.
func (p *Path) underWay(now time.Time, eid netip.Addr) *cached {
	for bits := eid.BitLen(); bits >= 0; bits-- {
		prefix, _ := eid.Prefix(bits)
		if c := p.cache[lisp.EID{InstanceID: p.view.Site.InstanceID, Prefix: prefix}]; c != nil {
			if c.version > p.installed || now.Sub(c.asked) < onTheWay {
				return c
			}
			return nil
		}
	}
	return nil
}

// pass lets packets go on that a mapping is for, once the switch has it.
func (p *Path) pass(now time.Time, c *cached, packets []queued) {
	if len(c.RLOCs) == 0 && c.Action != lisp.ActionForward {
		p.unreachable(now, packets)
		return
	}
	p.await(now, c.version, packets)
}

// ask has an EID resolved, unless that is under way; nil if there is no room.
func (p *Path) ask(now time.Time, eid netip.Addr) *pending {
	q := p.pending[near(eid)]
	if q != nil {
		return q
	}
	if len(p.pending) >= maxPending || !p.resolves.allow(now) {
		return nil
	}
	q = &pending{eid: eid, since: now}
	p.pending[near(eid)] = q
	p.count("resolve")
	p.do.Resolve(lisp.EIDOf(p.view.Site.InstanceID, eid))
	return q
}

// Resolved takes the answer for an EID that Actions.Resolve asked for.
func (p *Path) Resolved(now time.Time, asked lisp.EID, r Resolution, err error) {
	eid := asked.Prefix.Addr()
	q := p.pending[near(eid)]
	if q != nil && q.eid == eid {
		delete(p.pending, near(eid))
	} else {
		q = nil
	}
	if err != nil || !r.EID.Prefix.Contains(eid) || r.EID.InstanceID != asked.InstanceID {
		p.count("resolve_failed")
		if q != nil {
			p.unreachable(now, q.packets)
		}
		p.refuseStreams(eid)
		return
	}
	p.openStreams(now, eid, r)
	refresh := p.cache[r.EID] != nil
	if q == nil && !refresh {
		return // for a stream, or not asked for any more
	}
	if !refresh && len(p.cache) >= p.opts.MaxMappings {
		p.evict()
	}
	c := p.learn(now, r)
	if q != nil {
		p.goOn(now, q, c)
	}
}

// learn brings a mapping into the map-cache, or renews it.
func (p *Path) learn(now time.Time, r Resolution) *cached {
	c := p.cache[r.EID]
	if c == nil {
		c = &cached{used: now}
		p.cache[r.EID] = c
		p.count("learned")
	}
	c.Resolution, c.asked = r, now
	c.expires = now.Add(min(max(r.TTL, minTTL), maxTTL))
	c.version = p.do.Learn(r)
	return c
}

// evict makes room in the map-cache: of a few mappings, taken at random, the one
// goes that was used least lately; negative ones first, since a scan of the EID
// space makes many of them.
func (p *Path) evict() {
	const few = 32
	var worst *cached
	n := 0
	for _, c := range p.cache { // begins anywhere
		if worst == nil || c.worse(worst) {
			worst = c
		}
		if n++; n == few {
			break
		}
	}
	if worst != nil {
		p.count("evicted")
		p.forget(worst.EID)
	}
}

func (c *cached) worse(o *cached) bool {
	if negative := len(c.RLOCs) == 0; negative != (len(o.RLOCs) == 0) {
		return negative
	}
	return c.used.Before(o.used)
}

func (p *Path) forget(eid lisp.EID) {
	delete(p.cache, eid)
	p.do.Forget(eid)
}

// goOn lets the packets go on that the mapping is for; the others ask anew.
func (p *Path) goOn(now time.Time, q *pending, c *cached) {
	var on, others []queued
	for _, k := range q.packets {
		var pk packet
		if pk.parse(k.frame, p.view.isRLOC) == nil && c.EID.Prefix.Contains(pk.dst) {
			on = append(on, k)
		} else {
			others = append(others, k)
		}
	}
	p.pass(now, c, on)
	p.release(others)
	for _, k := range others {
		p.Packet(now, build.PuntMapCacheMiss, k.port, k.frame)
	}
}

// Refresh asks anew for the mappings that overlap an EID prefix: somebody said
// that they changed.
func (p *Path) Refresh(now time.Time, changed lisp.EID) {
	for eid, c := range p.cache {
		if eid.InstanceID == changed.InstanceID && eid.Prefix.Overlaps(changed.Prefix) {
			p.refresh(now, c)
		}
	}
}

func (p *Path) refresh(now time.Time, c *cached) {
	if now.Sub(c.asked) < refreshHold || !p.resolves.allow(now) {
		return
	}
	c.asked = now
	p.count("refresh")
	p.do.Resolve(lisp.EIDOf(c.EID.InstanceID, c.EID.Prefix.Addr()))
}

// Used takes how many packets the entries of the map-cache have seen.
func (p *Path) Used(now time.Time, hits map[lisp.EID]uint64) {
	for eid, c := range p.cache {
		if n := hits[eid]; n != c.hits {
			c.hits, c.used = n, now
		}
	}
}

// tickMapCache gives up resolutions, forgets what is idle, and renews what is
// in use before it expires.
func (p *Path) tickMapCache(now time.Time) {
	for prefix, q := range p.pending {
		if now.Sub(q.since) > p.opts.ResolveTimeout {
			delete(p.pending, prefix)
			p.count("resolve_timeout")
			p.unreachable(now, q.packets)
		}
	}
	for eid, c := range p.cache {
		left := c.expires.Sub(now)
		switch {
		case left <= 0 || now.Sub(c.used) > p.opts.MapCacheIdle:
			p.count("forgotten")
			p.forget(eid)
		case left < 10*time.Second && now.Sub(c.used) < p.opts.MapCacheIdle/2:
			p.refresh(now, c)
		}
	}
}

// Cached lists the EID prefixes that the Path brought into the map-cache.
func (p *Path) Cached() []lisp.EID {
	var list []lisp.EID
	for eid := range p.cache {
		list = append(list, eid)
	}
	slices.SortFunc(list, func(a, b lisp.EID) int { return a.Prefix.Compare(b.Prefix) })
	return list
}

func (v *View) reserved(a netip.Addr) bool {
	for _, prefix := range v.Site.ReservedPrefixes() {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}
