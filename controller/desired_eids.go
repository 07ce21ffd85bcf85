package controller

import (
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

func (b *builder) eid(instance p4rt.Value, prefix netip.Prefix, action string, params ...p4rt.Param) {
	b.add(p4rt.Entry{
		Table: build.TableEIDs, Match: []p4rt.Match{
			p4rt.Exact(build.FieldEIDsInstanceID, instance),
			p4rt.LPM(build.FieldEIDsEID, p4rt.Addr(prefix.Addr()), prefix.Bits()),
		},
		Action: action, Params: params,
	})
}

func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// ownRLOCs are the site's RLOCs that are this switch's: those that are the
// address of no other switch's port.
func (b *builder) ownRLOCs() []config.RLOC {
	elsewhere := map[netip.Addr]bool{}
	for i := range b.cfg.Switches {
		for _, p := range b.cfg.Switches[i].Ports {
			if b.cfg.Switches[i].Name != b.sw.Name {
				elsewhere[p.Address.Addr()] = true
			}
		}
	}
	var own []config.RLOC
	for _, r := range b.site.RLOCs {
		if r.Address.Is4() && !elsewhere[r.Address] {
			own = append(own, r)
		}
	}
	return own
}

// ownAddresses are the switch's RLOCs and port addresses: LISP data to an RLOC
// is decapsulated, everything else to them is for the controller. Those that
// face the RLOC space answer there (instance 0) and in the site's instance.
func (b *builder) ownAddresses() {
	for _, r := range b.ownRLOCs() {
		b.add(p4rt.Entry{
			Table: build.TableMyRLOCs, Match: []p4rt.Match{p4rt.Exact(build.FieldMyRLOCsRLOC, p4rt.Addr(r.Address))},
			Action: build.ActionOwnRLOC,
		})
		b.eid(p4rt.Uint(0), host(r.Address), build.ActionToUs)
		b.eid(b.instance, host(r.Address), build.ActionToUs)
	}
	for _, p := range b.sw.Ports {
		if !is4(p.Address) {
			continue
		}
		b.eid(b.instance, host(p.Address.Addr()), build.ActionToUs)
		if p.Role == config.Transit {
			b.eid(p4rt.Uint(0), host(p.Address.Addr()), build.ActionToUs)
		}
	}
	// A connected transit subnet cannot be one entry, because native names
	// its next hop; its known hosts are reached by one entry each. All else in
	// the RLOC space is left to the map-cache, which says "native" for what is
	// no EID.
	for addr, h := range b.hops {
		if h.port.Role == config.Transit {
			b.eid(b.instance, host(addr), build.ActionNative, param(build.ParamNativeNextHop, p4rt.Addr(addr)))
		}
	}
}

// localEIDs are what is inside the site: its prefixes, directly or by the
// router behind a local port, and its reserved EIDs, which without a channel
// are nobody's.
func (b *builder) localEIDs() {
	router := b.localRouter()
	for _, prefix := range b.site.EIDPrefixes {
		switch {
		case !is4(prefix):
		case router.IsValid() && !b.connected(prefix):
			b.eid(b.instance, prefix, build.ActionLocalVia, param(build.ParamLocalViaNextHop, p4rt.Addr(router)))
		default:
			b.eid(b.instance, prefix, build.ActionLocal)
		}
	}
	for _, p := range b.sw.Ports {
		subnet := p.Address.Masked()
		if p.Role == config.Local && is4(subnet) && (router.IsValid() || !b.inSite(subnet)) {
			b.eid(b.instance, subnet, build.ActionLocal)
		}
	}
	if is4(b.site.ReservedEIDs) {
		b.eid(b.instance, b.site.ReservedEIDs, build.ActionDiscard,
			param(build.ParamDiscardReason, p4rt.Uint(build.DropReservedEID)))
	}
}

// localRouter is the router of the site behind a local port, if there is one.
func (b *builder) localRouter() netip.Addr {
	for _, p := range b.sw.Ports {
		if p.Role == config.Local && p.NextHop.Is4() {
			return p.NextHop
		}
	}
	return netip.Addr{}
}

func (b *builder) connected(prefix netip.Prefix) bool {
	for _, p := range b.sw.Ports {
		if p.Role == config.Local && p.Address.Masked() == prefix {
			return true
		}
	}
	return false
}

func (b *builder) inSite(subnet netip.Prefix) bool {
	for _, prefix := range b.site.EIDPrefixes {
		if prefix.Bits() <= subnet.Bits() && prefix.Overlaps(subnet) {
			return true
		}
	}
	return false
}

// remoteMappings are the mappings in use that this switch encapsulates for.
func (b *builder) remoteMappings() []Mapping {
	var ms []Mapping
	for _, m := range b.state.Mappings {
		if m.InstanceID == b.site.InstanceID && is4(m.Prefix) && !b.inSite(m.Prefix) {
			ms = append(ms, m)
		}
	}
	return ms
}

// mappings fill the map-cache and the RLOCs it refers to.
func (b *builder) mappings() {
	for _, m := range b.remoteMappings() {
		rloc, ok := m.choose(b.sw.Name)
		if !ok {
			b.problemf("mapping %v has no usable IPv4 RLOC; give its site one with a priority below %d", m.Prefix, unusable)
			continue
		}
		index, ok := b.numbers.RLOCs[rloc.String()]
		if !ok || !b.rloc(index, rloc) {
			continue
		}
		b.eid(b.instance, m.Prefix, build.ActionToRLOC, param(build.ParamToRLOCRLOC, p4rt.Uint(index)))
	}
}

// rloc makes an RLOC reachable under its index; false if it cannot be.
func (b *builder) rloc(index int, rloc netip.Addr) bool {
	nextHop, port := b.towards(rloc)
	if port == nil {
		b.problemf("RLOC %v is in no transit port's subnet; give a transit port a next_hop", rloc)
		return false
	}
	source, ok := b.sourceRLOC(port)
	if !ok {
		b.problemf("RLOC %v cannot be encapsulated to: site %s has no IPv4 RLOC of this switch; give it one", rloc, b.site.Name)
		return false
	}
	b.add(p4rt.Entry{
		Table: build.TableRLOCs, Match: []p4rt.Match{p4rt.Exact(build.FieldRLOCsRLOC, p4rt.Uint(index))},
		Action: build.ActionEncap, Params: []p4rt.Param{
			param(build.ParamEncapSourceRLOC, p4rt.Addr(source)),
			param(build.ParamEncapRLOC, p4rt.Addr(rloc)),
			param(build.ParamEncapNextHop, p4rt.Addr(nextHop)),
		},
	})
	return true
}

// sourceRLOC is the RLOC that the switch sends from: the port's own address if
// it is one, else the best of the site's on this switch.
func (b *builder) sourceRLOC(port *config.Port) (netip.Addr, bool) {
	var best config.RLOC
	for _, r := range b.ownRLOCs() {
		if r.Address == port.Address.Addr() {
			return r.Address, true
		}
		if !best.Address.IsValid() || r.Priority < best.Priority {
			best = r
		}
	}
	return best.Address, best.Address.IsValid()
}
