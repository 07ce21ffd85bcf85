package controller

import (
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// target says how much a packet may grow at once, and which local port
// accounts for list entries that are not local. A bmv2 without loop port keeps
// the safe limit and drops what would need more.
func (b *builder) target() {
	limit, loop, list := uint16(build.StockGrowth), uint16(0), uint16(0)
	if b.sw.Target == config.Softswitch {
		limit = build.UnlimitedGrowth
	} else if p := b.portWithRole(config.Loop); p != nil {
		loop = p.ID
	}
	if p := b.portWithRole(config.Local); p != nil {
		list = p.ID
	}
	b.by = object(KindSwitch, b.sw.Name)
	b.add(p4rt.Entry{Table: build.TableTarget, Default: true, Action: build.ActionSetTarget, Params: []p4rt.Param{
		param(build.ParamSetTargetGrowth, p4rt.Uint(limit)),
		param(build.ParamSetTargetLoopTo, p4rt.Uint(loop)),
		param(build.ParamSetTargetListAt, p4rt.Uint(list)),
	}})
}

func (b *builder) portWithRole(role config.Role) *config.Port {
	for i := range b.sw.Ports {
		if b.sw.Ports[i].Role == role {
			return &b.sw.Ports[i]
		}
	}
	return nil
}

// ports opens the configured ports. Local ports are in the site's instance.
// Transit ports are in instance 0, that of the RLOC space: a plain packet from
// there reaches EIDs of no other instance.
func (b *builder) ports() {
	for i := range b.sw.Ports {
		p := &b.sw.Ports[i]
		b.by = b.portObject(p.ID)
		switch p.Role {
		case config.Local:
			b.port(p.ID, build.RoleLocal, p.MAC, b.instance)
		case config.Transit:
			b.port(p.ID, build.RoleTransit, p.MAC, p4rt.Uint(0))
		case config.Loop:
			// What leaves by the one end comes in by the other.
			b.port(p.ID, build.RoleLoop, p.MAC, p4rt.Uint(0))
			if p.Peer != 0 && p.Peer != p.ID {
				b.port(p.Peer, build.RoleLoop, config.PortMAC(b.sw.Name, p.Peer), p4rt.Uint(0))
			}
		}
	}
}

func (b *builder) portObject(id uint16) Object {
	return Object{KindPort, fmt.Sprintf("%s/%d", b.sw.Name, id)}
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

// listGroups is how many groups of LIST_GROUP_BASE the program has: for lists
// of up to 2, 4, … MAX_ENTRIES entries.
const listGroups = 5

// groups make the copies of a packet, in this order: on a transit port the
// payload copy and then the header; for lists entry 1 on every local port, then
// entry 2, and so on; for a multicast stream one on every local port.
func (b *builder) listGroups() {
	var local []uint32
	for i := range b.sw.Ports {
		id := uint32(b.sw.Ports[i].ID)
		switch b.sw.Ports[i].Role {
		case config.Local:
			local = append(local, id)
		case config.Transit:
			b.by = b.portObject(b.sw.Ports[i].ID)
			b.group(build.CopyGroupBase+id, []p4rt.Replica{
				{Port: id, Instance: build.RIDPayload}, {Port: id, Instance: build.RIDHeader}})
		}
	}
	b.by = object(KindSwitch, b.sw.Name)
	for k := uint32(1); k <= listGroups; k++ {
		var replicas []p4rt.Replica
		for instance := uint32(1); instance <= 1<<k; instance++ {
			for _, id := range local {
				replicas = append(replicas, p4rt.Replica{Port: id, Instance: instance})
			}
		}
		b.group(build.ListGroupBase+k, replicas)
	}
	for _, st := range b.received {
		slot, ok := b.numbers.Streams[st.name]
		if !ok || !st.group.IsValid() {
			continue
		}
		var replicas []p4rt.Replica
		for _, id := range local {
			replicas = append(replicas, p4rt.Replica{Port: id, Instance: build.RIDMulticast})
		}
		b.by = Object{KindStream, st.name}
		b.group(multicastGroup(slot), replicas)
	}
}

// localMTU is the least IP MTU of the local ports, 0 if none has one.
func (b *builder) localMTU() uint16 {
	least := uint16(0)
	for i := range b.sw.Ports {
		if p := &b.sw.Ports[i]; p.Role == config.Local && p.MTU != 0 && (least == 0 || p.MTU < least) {
			least = p.MTU
		}
	}
	return least
}

func (b *builder) group(id uint32, replicas []p4rt.Replica) {
	if len(replicas) > 0 {
		g := &p4rt.Group{ID: id, Replicas: replicas}
		key := g.Key()
		b.groups[key], b.wanters[key] = g, b.by
		b.note(key)
	}
}

// multicastGroup is the group of a multicast stream, by its slot.
func multicastGroup(slot int) uint32 {
	return build.MulticastGroupBase + uint32(slot-build.MaxChannels)
}

// hop is a neighbor: behind which port, with which MAC address.
type hop struct {
	port *config.Port
	mac  config.MAC
}

// neighbors are the learned and the configured ones, and the ports of other switches of ours on
// the same subnet, whose addresses we know anyway.
func (b *builder) neighbors() {
	for addr, n := range b.learned.neighbors {
		if p := b.sw.FindPort(n.port); p != nil {
			b.hops[addr] = hop{p, n.mac}
		}
	}
	for i := range b.cfg.Switches {
		if b.cfg.Switches[i].Name == b.sw.Name {
			continue
		}
		for j := range b.cfg.Switches[i].Ports {
			other := &b.cfg.Switches[i].Ports[j]
			for _, a := range other.Prefixes() {
				if p := b.sw.PortTowards(a.Addr()); p != nil && p.Connected(a.Masked()) {
					b.hops[a.Addr()] = hop{p, other.MAC}
				}
			}
		}
	}
	for _, n := range b.sw.Neighbors {
		p := b.sw.FindPort(n.Port)
		if n.Port == 0 {
			p = b.sw.PortTowards(n.Address)
		}
		if p != nil {
			b.hops[n.Address] = hop{p, n.MAC}
		}
	}
	for addr, h := range b.hops {
		b.neighbor(addr, h)
	}
	for i := range b.sw.Ports {
		for _, next := range b.sw.Ports[i].Routers() {
			if b.hops[next].port == nil {
				b.problemf(object(KindNeighbor, next), "next hop %v of port %d has no MAC address; it is asked for by ARP or neighbor discovery until it answers, or add it to neighbors", next, b.sw.Ports[i].ID)
			}
		}
	}
}

func neighborMatch(addr netip.Addr) []p4rt.Match {
	return []p4rt.Match{p4rt.Exact(build.FieldNeighbors4Address, p4rt.Addr(addr))}
}

// neighborKey is the key of a neighbor's entry.
func neighborKey(addr netip.Addr) string {
	e := p4rt.Entry{Table: familyOf(addr).neighbors, Match: neighborMatch(addr)}
	return e.Key()
}

func (b *builder) neighbor(addr netip.Addr, h hop) {
	b.by = object(KindNeighbor, addr)
	b.add(neighborEntry(addr, h))
}

func neighborEntry(addr netip.Addr, h hop) p4rt.Entry {
	return p4rt.Entry{
		Table: familyOf(addr).neighbors, Match: neighborMatch(addr),
		Action: build.ActionDeliver, Params: []p4rt.Param{
			param(build.ParamDeliverPort, p4rt.Uint(h.port.ID)),
			param(build.ParamDeliverSrcMAC, p4rt.MAC(h.port.MAC)),
			param(build.ParamDeliverDstMAC, p4rt.MAC(h.mac)),
			param(build.ParamDeliverMtu, p4rt.Uint(h.port.MTU)),
		},
	}
}

// towards says by which next hop an address outside the site is reached: itself
// on a connected transit subnet, else a transit port's router of its family.
func (b *builder) towards(addr netip.Addr) (nextHop netip.Addr, port *config.Port) {
	if p := b.sw.PortTowards(addr); p != nil && p.Role == config.Transit {
		return addr, p
	}
	return b.router(config.Transit, addr.Is6())
}

// router is the first router of a family behind a port of a role.
func (b *builder) router(role config.Role, v6 bool) (netip.Addr, *config.Port) {
	for i := range b.sw.Ports {
		p := &b.sw.Ports[i]
		if p.Role != role {
			continue
		}
		for _, next := range p.Routers() {
			if next.Is6() == v6 {
				return next, p
			}
		}
	}
	return netip.Addr{}, nil
}
