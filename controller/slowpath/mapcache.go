package slowpath

import (
	"net/netip"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
)

const (
	// maxPending bounds the EIDs that are being resolved.
	maxPending = 1024
	// onTheWay is how long after an answer packets may still come that left the
	// switch before it had the mapping.
	onTheWay = 200 * time.Millisecond
)

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
	c := p.cache.covering(lisp.EIDOf(p.view.Site.InstanceID, eid))
	if c != nil && c.version <= p.installed && now.Sub(c.asked) >= onTheWay {
		return nil
	}
	return c
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
	p.resolve(lisp.EIDOf(p.view.Site.InstanceID, eid), false)
	return q
}

// Resolved takes the answer for an EID that Actions.Resolve asked for.
func (p *Path) Resolved(now time.Time, asked lisp.EID, r Resolution, err error) {
	outdated := p.questions.answered(asked, r.EID)
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
	others := p.cache.overlapping(r.EID)
	if q == nil && len(others) == 0 {
		return // for a stream, or not asked for any more
	}
	c := p.learn(now, r)
	p.supersede(now, c, others)
	p.askAbout(outdated)
	if q != nil {
		p.goOn(now, q, c)
	}
}

// learn brings a mapping into the map-cache, or renews it.
func (p *Path) learn(now time.Time, r Resolution) *cached {
	c := p.cache.get(r.EID)
	if c == nil {
		if p.cache.len() >= p.opts.MaxMappings {
			p.evict()
		}
		c = &cached{used: now}
		p.count("learned")
	}
	c.Resolution, c.asked, c.until = r, now, time.Time{}
	c.expires = now.Add(min(max(r.TTL, minTTL), maxTTL))
	p.cache.put(c)
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
	for _, c := range p.cache.byEID { // begins anywhere
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

func (p *Path) forget(eid lisp.EID) {
	p.cache.remove(eid)
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

func (v *View) reserved(a netip.Addr) bool {
	for _, prefix := range v.Site.ReservedPrefixes() {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}
