package slowpath

import (
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
)

const (
	// maxTTL and minTTL bound how long a mapping is believed.
	maxTTL = 24 * time.Hour
	minTTL = 10 * time.Second
	// renewBefore is how long before its end a mapping in use is asked for again,
	// renewHold how soon at the earliest once more.
	renewBefore = 10 * time.Second
	renewHold   = 2 * time.Second
	// inheritedTTL is how long a mapping that the switch had is believed if nobody
	// can be asked.
	inheritedTTL = 10 * time.Minute
	// splitTime is how long a mapping that is true of a part of its prefix only
	// stays beside the mappings of all parts, while these are resolved.
	splitTime = time.Second
	// maxStale bounds the EIDs that are to be asked for again.
	maxStale = 1 << 16
)

// Refresh says that mappings of EID prefixes have changed: what overlaps them is
// asked for again soon. Where there was no mapping, packets that need the new one
// will ask.
func (p *Path) Refresh(changed []lisp.EID) {
	if !p.questions.changed(changed) {
		p.allStale = true
	}
	p.askAbout(changed)
}

// askAbout asks again for what overlaps EID prefixes.
func (p *Path) askAbout(changed []lisp.EID) {
	for _, eid := range changed {
		for _, c := range p.cache.overlapping(eid) {
			switch {
			case c.EID.Prefix.Bits() >= eid.Prefix.Bits():
				p.again(c.EID)
			case len(c.RLOCs) == 0:
				p.count("superseded")
				p.forget(c.EID)
			default:
				p.again(eid)
			}
		}
	}
}

// RefreshAll says that any mapping may have changed.
func (p *Path) RefreshAll() {
	p.allStale = false
	for eid := range p.cache.byEID {
		p.again(eid)
	}
}

// Inherit takes mappings that the switch has from a controller before this one
// into the map-cache. They are asked for again soon.
func (p *Path) Inherit(now time.Time, list []Resolution) {
	for _, r := range list {
		if p.cache.get(r.EID) == nil {
			p.count("inherited")
			p.cache.put(&cached{Resolution: r, used: now, expires: now.Add(inheritedTTL)})
			p.again(r.EID)
		}
	}
}

// again has the first EID of a prefix asked for again.
func (p *Path) again(eid lisp.EID) {
	if len(p.stale) >= maxStale {
		p.allStale = true // when there is room
		return
	}
	p.stale[lisp.EIDOf(eid.InstanceID, eid.Prefix.Addr())] = struct{}{}
}

// askAgain asks for what is stale, as fast as may be.
func (p *Path) askAgain(now time.Time) {
	for eid := range p.stale {
		if !p.refreshes.allow(now) {
			return
		}
		delete(p.stale, eid)
		if c := p.cache.covering(eid); c != nil {
			c.asked = now
			p.count("refresh")
			p.resolve(eid, true)
		}
	}
	if p.allStale {
		p.RefreshAll()
	}
}

// supersede has mappings that overlap a new one go. Those within it do at once.
// One around it is not true any more: what it says of the rest is asked for
// first, so that nothing that is on its way there is missed meanwhile.
func (p *Path) supersede(now time.Time, c *cached, others []*cached) {
	for _, o := range others {
		switch {
		case o == c || !o.until.IsZero():
		case o.EID.Prefix.Bits() > c.EID.Prefix.Bits() || len(o.RLOCs) == 0:
			p.count("superseded")
			p.forget(o.EID)
		default:
			o.until = now.Add(splitTime)
			for _, part := range siblings(o.EID.Prefix, c.EID.Prefix) {
				p.again(lisp.EID{InstanceID: o.EID.InstanceID, Prefix: part})
			}
		}
	}
}

// siblings are the prefixes that make up outer together with inner.
func siblings(outer, inner netip.Prefix) []netip.Prefix {
	var list []netip.Prefix
	for bits := outer.Bits() + 1; bits <= inner.Bits(); bits++ {
		b := slices.Clone(inner.Addr().AsSlice())
		b[(bits-1)/8] ^= 0x80 >> ((bits - 1) % 8)
		addr, _ := netip.AddrFromSlice(b)
		list = append(list, netip.PrefixFrom(addr, bits).Masked())
	}
	return list
}

// Used takes how many packets the entries of the map-cache have seen.
func (p *Path) Used(now time.Time, hits map[lisp.EID]uint64) {
	for eid, c := range p.cache.byEID {
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
	for eid, c := range p.cache.byEID {
		left, idle := c.expires.Sub(now), now.Sub(c.used)
		switch {
		case !c.until.IsZero() && !now.Before(c.until):
			p.count("superseded")
			p.forget(eid)
		case left <= 0 || idle > p.opts.MapCacheIdle:
			p.count("forgotten")
			p.forget(eid)
		case left < renewBefore && idle < p.opts.MapCacheIdle/2 && now.Sub(c.asked) >= renewHold:
			p.again(eid)
		}
	}
	p.askAgain(now)
}

// Cached lists the EID prefixes that the Path brought into the map-cache.
func (p *Path) Cached() []lisp.EID {
	var list []lisp.EID
	for eid := range p.cache.byEID {
		list = append(list, eid)
	}
	slices.SortFunc(list, func(a, b lisp.EID) int { return a.Prefix.Compare(b.Prefix) })
	return list
}
