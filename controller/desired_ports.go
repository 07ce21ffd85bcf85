package controller

import (
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// target says how much a packet may grow at once. A bmv2 without loop port
// keeps the safe limit and drops what would need more.
func (b *builder) target() {
	limit, loop := uint16(build.StockGrowth), uint16(0)
	if b.sw.Target == config.Softswitch {
		limit = build.UnlimitedGrowth
	} else if i := b.loopPort(); i != nil {
		loop = i.ID
	}
	b.add(p4rt.Entry{Table: build.TableTarget, Default: true, Action: build.ActionGrowth, Params: []p4rt.Param{
		param(build.ParamGrowthLimit, p4rt.Uint(limit)), param(build.ParamGrowthPort, p4rt.Uint(loop))}})
}

func (b *builder) loopPort() *config.Port {
	for i := range b.sw.Ports {
		if b.sw.Ports[i].Role == config.Loop {
			return &b.sw.Ports[i]
		}
	}
	return nil
}

// ports opens the configured ports. Local ports are in the site's instance.
// Transit ports are in instance 0, that of the RLOC space: a plain packet from
// there reaches EIDs of no other instance.
//
// A transit port also has the group that sends payload copy and header, in
// this order.
func (b *builder) ports() {
	for i := range b.sw.Ports {
		p := &b.sw.Ports[i]
		switch p.Role {
		case config.Local:
			b.port(p.ID, build.RoleLocal, p.MAC, b.instance)
		case config.Transit:
			b.port(p.ID, build.RoleTransit, p.MAC, p4rt.Uint(0))
			b.out.Groups = append(b.out.Groups, &p4rt.Group{
				ID: build.CopyGroupBase + uint32(p.ID),
				Replicas: []p4rt.Replica{
					{Port: uint32(p.ID), Instance: build.RIDPayload},
					{Port: uint32(p.ID), Instance: build.RIDHeader},
				},
			})
		case config.Loop:
			// What leaves by the one end comes in by the other.
			b.port(p.ID, build.RoleLoop, p.MAC, p4rt.Uint(0))
			if p.Peer != 0 && p.Peer != p.ID {
				b.port(p.Peer, build.RoleLoop, config.PortMAC(b.sw.Name, p.Peer), p4rt.Uint(0))
			}
		}
	}
}

func (b *builder) port(id uint16, role int, mac config.MAC, instance p4rt.Value) {
	b.add(p4rt.Entry{
		Table: build.TablePorts, Match: []p4rt.Match{p4rt.Exact(build.FieldPortsIngressPort, p4rt.Uint(id))},
		Action: build.ActionPort, Params: []p4rt.Param{
			param(build.ParamPortRole, p4rt.Uint(role)),
			param(build.ParamPortMAC, p4rt.MAC(mac)),
			param(build.ParamPortInstanceID, instance),
		},
	})
}

// hop is a neighbor: behind which port, with which MAC address.
type hop struct {
	port *config.Port
	mac  config.MAC
}

// neighbors are the configured ones and the ports of other switches of ours on
// the same subnet, whose addresses we know anyway.
func (b *builder) neighbors() {
	for i := range b.cfg.Switches {
		for j := range b.cfg.Switches[i].Ports {
			other := &b.cfg.Switches[i].Ports[j]
			if b.cfg.Switches[i].Name == b.sw.Name || !is4(other.Address) {
				continue
			}
			if p := b.sw.PortTowards(other.Address.Addr()); p != nil && p.Address.Masked() == other.Address.Masked() {
				b.hops[other.Address.Addr()] = hop{p, other.MAC}
			}
		}
	}
	for _, n := range b.sw.Neighbors {
		p := b.sw.FindPort(n.Port)
		if n.Port == 0 {
			p = b.sw.PortTowards(n.Address)
		}
		if n.Address.Is4() && p != nil {
			b.hops[n.Address] = hop{p, n.MAC}
		}
	}
	for addr, h := range b.hops {
		b.add(p4rt.Entry{
			Table: build.TableNeighbors, Match: []p4rt.Match{p4rt.Exact(build.FieldNeighborsAddress, p4rt.Addr(addr))},
			Action: build.ActionDeliver, Params: []p4rt.Param{
				param(build.ParamDeliverPort, p4rt.Uint(h.port.ID)),
				param(build.ParamDeliverSrcMAC, p4rt.MAC(h.port.MAC)),
				param(build.ParamDeliverDstMAC, p4rt.MAC(h.mac)),
			},
		})
	}
	for i := range b.sw.Ports {
		if next := b.sw.Ports[i].NextHop; next.Is4() && b.hops[next].port == nil {
			b.problemf("next hop %v of port %d has no MAC address; add it to neighbors", next, b.sw.Ports[i].ID)
		}
	}
}

// towards says by which next hop an address outside the site is reached: itself
// on a connected transit subnet, else a transit port's router.
func (b *builder) towards(addr netip.Addr) (nextHop netip.Addr, port *config.Port) {
	if p := b.sw.PortTowards(addr); p != nil && p.Role == config.Transit {
		return addr, p
	}
	for i := range b.sw.Ports {
		if p := &b.sw.Ports[i]; p.Role == config.Transit && p.NextHop.Is4() {
			return p.NextHop, p
		}
	}
	return netip.Addr{}, nil
}

func is4(p netip.Prefix) bool { return p.IsValid() && p.Addr().Is4() }
