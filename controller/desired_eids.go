package controller

import (
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

func (b *builder) eid(instance p4rt.Value, prefix netip.Prefix, action string, params ...p4rt.Param) {
	b.add(p4rt.Entry{
		Table: familyOf(prefix.Addr()).eids, Match: []p4rt.Match{
			p4rt.Exact(build.FieldEids4InstanceID, instance),
			p4rt.LPM(build.FieldEids4EID, p4rt.Addr(prefix.Addr()), prefix.Bits()),
		},
		Action: action, Params: params,
	})
}

// findOwnRLOCs are the site's RLOCs that are this switch's: those that are the
// address of no other switch's port.
func (b *builder) findOwnRLOCs() []config.RLOC {
	elsewhere := map[netip.Addr]bool{}
	for i := range b.cfg.Switches {
		for j := range b.cfg.Switches[i].Ports {
			for _, a := range b.cfg.Switches[i].Ports[j].Prefixes() {
				if b.cfg.Switches[i].Name != b.sw.Name {
					elsewhere[a.Addr()] = true
				}
			}
		}
	}
	var own []config.RLOC
	for _, r := range b.site.RLOCs {
		if !elsewhere[r.Address] {
			own = append(own, r)
		}
	}
	return own
}

// ownAddresses are the switch's RLOCs and port addresses: LISP data to an RLOC
// is decapsulated, everything else to them is for the controller. Those that
// face the RLOC space answer there (instance 0) and in the site's instance.
func (b *builder) ownAddresses() {
	b.by = object(KindSite, b.site.Name)
	for _, r := range b.ownRLOCs {
		b.add(p4rt.Entry{
			Table: familyOf(r.Address).myRLOCs, Match: []p4rt.Match{p4rt.Exact(build.FieldMyRlocs4RLOC, p4rt.Addr(r.Address))},
			Action: build.ActionOwnRLOC,
		})
		b.eid(p4rt.Uint(0), host(r.Address), build.ActionToUs)
		b.eid(b.instance, host(r.Address), build.ActionToUs)
	}
	for i := range b.sw.Ports {
		p := &b.sw.Ports[i]
		b.by = b.portObject(p.ID)
		for _, a := range p.Prefixes() {
			b.eid(b.instance, host(a.Addr()), build.ActionToUs)
			if p.Role == config.Transit {
				b.eid(p4rt.Uint(0), host(a.Addr()), build.ActionToUs)
			}
		}
	}
	// A connected transit subnet cannot be one entry, because native names
	// its next hop; its known hosts are reached by one entry each. All else in
	// the RLOC space is left to the map-cache, which says "native" for what is
	// no EID.
	for addr, h := range b.hops {
		if h.port.Role == config.Transit {
			b.by = object(KindNeighbor, addr)
			b.eid(b.instance, host(addr), familyOf(addr).native, param(build.ParamNative4NextHop, p4rt.Addr(addr)))
		}
	}
}

// localEIDs are what is inside the site: its prefixes, directly or by the
// router of their family behind a local port, and its reserved EIDs, which
// without a channel are nobody's.
func (b *builder) localEIDs() {
	b.by = object(KindSite, b.site.Name)
	for _, prefix := range b.site.EIDPrefixes {
		router, _ := b.router(config.Local, prefix.Addr().Is6())
		if router.IsValid() && !b.connected(prefix) {
			b.eid(b.instance, prefix, familyOf(router).localVia, param(build.ParamLocalVia4NextHop, p4rt.Addr(router)))
		} else {
			b.eid(b.instance, prefix, build.ActionLocal)
		}
	}
	for _, subnet := range b.localSubnets() {
		if router, _ := b.router(config.Local, subnet.Addr().Is6()); router.IsValid() || !b.inSite(subnet) {
			b.eid(b.instance, subnet, build.ActionLocal)
		}
	}
	for _, reserved := range b.site.ReservedPrefixes() {
		b.eid(b.instance, reserved, build.ActionDiscard,
			param(build.ParamDiscardReason, p4rt.Uint(build.DropReservedEID)))
	}
}

// localSubnets are those of the local ports.
func (b *builder) localSubnets() []netip.Prefix {
	var subnets []netip.Prefix
	for i := range b.sw.Ports {
		if b.sw.Ports[i].Role == config.Local {
			for _, a := range b.sw.Ports[i].Prefixes() {
				subnets = append(subnets, a.Masked())
			}
		}
	}
	return subnets
}

func (b *builder) connected(prefix netip.Prefix) bool {
	for _, subnet := range b.localSubnets() {
		if subnet == prefix {
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

// viewers are the local EIDs with the way to them resolved, for header lists:
// hosts whose MAC address is known, and all that a local router stands before.
// They must agree with what eids and neighbors say of a single header, so the
// router's share leaves out connected subnets and reserved EIDs.
func (b *builder) viewers() {
	for addr, h := range b.hops {
		b.neighborViewer(addr, h)
	}
	holes := append(b.localSubnets(), b.site.ReservedPrefixes()...)
	for i := range b.sw.Ports {
		for _, a := range b.sw.Ports[i].Prefixes() {
			holes = append(holes, host(a.Addr()))
		}
	}
	for _, prefix := range b.site.EIDPrefixes {
		router, _ := b.router(config.Local, prefix.Addr().Is6())
		if h, ok := b.hops[router]; ok && !b.connected(prefix) {
			b.by = object(KindSite, b.site.Name)
			for _, part := range subtract(prefix, holes) {
				b.viewer(part, h)
			}
		}
	}
}

// neighborViewer makes a local neighbor one that lists may name.
func (b *builder) neighborViewer(addr netip.Addr, h hop) {
	if h.port.Role == config.Local && !b.reserved(addr) && (b.inSite(host(addr)) || b.onLocalSubnet(addr)) {
		b.by = object(KindNeighbor, addr)
		b.viewer(host(addr), h)
	}
}

func (b *builder) onLocalSubnet(addr netip.Addr) bool {
	for _, subnet := range b.localSubnets() {
		if subnet.Contains(addr) {
			return true
		}
	}
	return false
}

func (b *builder) reserved(addr netip.Addr) bool {
	for _, prefix := range b.site.ReservedPrefixes() {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

func viewerMatch(instance p4rt.Value, prefix netip.Prefix) []p4rt.Match {
	return []p4rt.Match{
		p4rt.Exact(build.FieldViewers4InstanceID, instance),
		p4rt.LPM(build.FieldViewers4EID, p4rt.Addr(prefix.Addr()), prefix.Bits()),
	}
}

// viewerKey is the key of a viewer's entry.
func viewerKey(instance p4rt.Value, prefix netip.Prefix) string {
	e := p4rt.Entry{Table: familyOf(prefix.Addr()).viewers, Match: viewerMatch(instance, prefix)}
	return e.Key()
}

func (b *builder) viewer(prefix netip.Prefix, h hop) {
	b.add(p4rt.Entry{
		Table: familyOf(prefix.Addr()).viewers, Match: viewerMatch(b.instance, prefix),
		Action: build.ActionViewer, Params: []p4rt.Param{
			param(build.ParamViewerOutPort, p4rt.Uint(h.port.ID)),
			param(build.ParamViewerOutSrcMAC, p4rt.MAC(h.port.MAC)),
			param(build.ParamViewerOutDstMAC, p4rt.MAC(h.mac)),
			param(build.ParamViewerOutMtu, p4rt.Uint(h.port.MTU)),
		},
	})
}
