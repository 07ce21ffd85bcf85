package controller

import (
	"net/netip"
	"slices"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/slowpath"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

// lookup finds what the switch's tables of EIDs say of an address.
func (b *builder) lookup(addr netip.Addr) *item {
	for bits := addr.BitLen(); bits >= 0; bits-- {
		prefix, _ := addr.Prefix(bits)
		if it := b.items[eidKey(lisp.EID{InstanceID: b.site.InstanceID, Prefix: prefix})]; it != nil {
			return it
		}
	}
	return nil
}

// nextHop is a neighbor on the way to an EID, and what encapsulation adds.
type nextHop struct {
	addr     netip.Addr
	port     *config.Port
	overhead int
}

// nextHops are the neighbors on the ways to an EID.
func (b *builder) nextHops(eid netip.Addr) []nextHop {
	it := b.lookup(eid)
	if it == nil {
		return nil
	}
	switch it.entry.Action {
	case build.ActionLocal:
		return []nextHop{{addr: eid, port: b.sw.PortTowards(eid)}}
	case build.ActionLocalVia4, build.ActionLocalVia6:
		addr, port := b.router(config.Local, eid.Is6())
		return []nextHop{{addr: addr, port: port}}
	case build.ActionNative4, build.ActionNative6:
		addr, port := it.use.native, (*config.Port)(nil)
		if !addr.IsValid() {
			addr = eid
		}
		addr, port = b.towards(addr)
		return []nextHop{{addr: addr, port: port}}
	}
	var hops []nextHop
	for _, s := range it.use.shares {
		addr, port := b.towards(s.rloc)
		hops = append(hops, nextHop{addr, port, lisp.Overhead(s.rloc)})
	}
	return hops
}

// missing are the neighbors without MAC address on the way to an EID.
func (p *plan) missing(eid netip.Addr) []slowpath.Hop {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []slowpath.Hop
	for _, h := range p.b.nextHops(eid) {
		hop := slowpath.Hop{Address: h.addr}
		if _, known := p.b.hops[h.addr]; known || h.port == nil {
			continue
		}
		if hop.Port = h.port.ID; !slices.Contains(list, hop) {
			list = append(list, hop)
		}
	}
	return list
}

// mtu is the longest packet that fits all ways to an EID; 0 is no limit.
func (p *plan) mtu(eid netip.Addr) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	least := 0
	for _, h := range p.b.nextHops(eid) {
		if h.port == nil || h.port.MTU == 0 {
			continue
		}
		if fits := int(h.port.MTU) - h.overhead; least == 0 || fits < least {
			least = fits
		}
	}
	return least
}

// way is how an RLOC is reached.
func (p *plan) way(rloc netip.Addr) (slowpath.Way, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next, port := p.b.towards(rloc)
	h, known := p.b.hops[next]
	if port == nil || !known {
		return slowpath.Way{}, false
	}
	source := p.b.sourceRLOC(port, rloc.Is6())
	return slowpath.Way{Port: h.port.ID, MAC: inet.MAC(h.mac), Source: source}, source.IsValid()
}

// missingRouters are the configured next hops without MAC address.
func (p *plan) missingRouters() []slowpath.Hop {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []slowpath.Hop
	for i := range p.b.sw.Ports {
		for _, router := range p.b.sw.Ports[i].Routers() {
			if _, known := p.b.hops[router]; !known {
				list = append(list, slowpath.Hop{Address: router, Port: p.b.sw.Ports[i].ID})
			}
		}
	}
	return list
}

// rlocsToProbe are the RLOCs of the mappings in use that have more than one to
// choose from, each with one of these mappings.
func (p *plan) rlocsToProbe() map[netip.Addr]lisp.EID {
	p.mu.Lock()
	defer p.mu.Unlock()
	inUse := map[netip.Addr]lisp.EID{}
	for _, it := range p.b.items {
		if it.of == nil {
			continue
		}
		var candidates []netip.Addr
		for _, r := range it.of.RLOCs {
			if r.Priority != unusable && p.b.reachable(r.Address) {
				candidates = append(candidates, r.Address)
			}
		}
		if len(candidates) < 2 {
			continue
		}
		for _, rloc := range candidates {
			inUse[rloc] = it.of.EID()
		}
	}
	return inUse
}

// view is what the slow path sees of the configuration.
func (p *plan) view() slowpath.View {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slowpath.View{Switch: p.b.sw, Site: p.b.site, RLOCs: p.b.ownRLOCs}
}

func (p *plan) currentVersion() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.version
}

// learnedKeys are the learned mappings by the keys of their entries, and the
// slots of the learned streams.
func (p *plan) learnedKeys() (eids map[string]lisp.EID, streams map[learnedStream]int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	eids, streams = map[string]lisp.EID{}, map[learnedStream]int{}
	for eid := range p.learned.mappings {
		eids[eidKey(eid)] = eid
	}
	for st := range p.learned.streams {
		if slot, ok := p.b.numbers.Streams[streamName(st.source, st.reserved)]; ok {
			streams[st] = slot
		}
	}
	return eids, streams
}

// learnNeighbor brings a neighbor in. rebuild says that more than its own
// entries depend on it.
func (p *plan) learnNeighbor(addr netip.Addr, n neighbor) (version uint64, rebuild bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learned.neighbors[addr] = n
	port := p.b.sw.FindPort(n.port)
	if port == nil || p.b.special(addr) {
		return p.version, port != nil
	}
	p.version++
	p.b.version = p.version
	p.b.removeNeighbor(addr)
	h := hop{port, n.mac}
	p.b.hops[addr] = h
	p.b.neighbor(addr, h)
	p.b.neighborViewer(addr, h)
	return p.version, false
}

// forgetNeighbor takes a neighbor out, and reports whether more than its own
// entries depend on it.
func (p *plan) forgetNeighbor(addr netip.Addr) (rebuild bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.learned.neighbors, addr)
	if p.b.special(addr) {
		return true
	}
	p.version++
	p.b.version = p.version
	p.b.removeNeighbor(addr)
	return false
}

// special reports whether other entries depend on a neighbor: it is a router,
// or not on a local port's subnet.
func (b *builder) special(addr netip.Addr) bool {
	port := b.sw.PortTowards(addr)
	if port == nil || port.Role != config.Local {
		return true
	}
	for i := range b.sw.Ports {
		if slices.Contains(b.sw.Ports[i].Routers(), addr) {
			return true
		}
	}
	return false
}

// removeNeighbor takes out the entries of a neighbor that is not special.
func (b *builder) removeNeighbor(addr netip.Addr) {
	delete(b.hops, addr)
	b.put(neighborKey(addr), nil)
	b.put(viewerKey(b.instance, host(addr)), nil)
}

// learnStream brings a stream in, or out with no RLOCs. The plan must be built
// anew.
func (p *plan) learnStream(st learnedStream, rlocs []config.RLOC) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rlocs == nil {
		delete(p.learned.streams, st)
		return
	}
	p.learned.streams[st] = rlocs
}
