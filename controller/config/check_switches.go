package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// maxPort is the highest usable port: 510 is the CPU port, 511 bmv2's drop port.
const maxPort = 509

func (c *Config) switchNames() []string {
	names := make([]string, len(c.Switches))
	for i, s := range c.Switches {
		names[i] = s.Name
	}
	return names
}

func (c *Config) checkSwitches(p *problems) {
	uniqueNames(p, "switches", c.switchNames())
	type device struct {
		address string
		id      uint64
	}
	devices := map[device]int{}
	addresses := map[netip.Addr]string{}
	for i := range c.Switches {
		s, path := &c.Switches[i], fmt.Sprintf("switches[%d]", i)
		if !strings.HasPrefix(s.Address, "unix:") { // gRPC takes sockets of this machine, too
			checkHostPort(p, path+".address", s.Address)
		}
		d := device{s.Address, s.DeviceID}
		if other, dup := devices[d]; dup {
			p.add(path+".address", fmt.Sprintf("%s device_id %d is %s too", s.Address, s.DeviceID,
				p.origin.at(fmt.Sprintf("switches[%d]", other))), "a switch has one entry")
		} else {
			devices[d] = i
		}
		if c.FindSite(s.Site) == nil {
			p.add(path+".site", fmt.Sprintf("no site %q", s.Site), didYouMean(s.Site, c.siteNames()))
		}
		switch s.Target {
		case Softswitch, BMv2:
		default:
			p.add(path+".target", fmt.Sprintf("unknown target %q", s.Target), "use softswitch or bmv2")
		}
		c.checkPorts(p, path, s, addresses)
		c.checkNeighbors(p, path, s)
	}
}

func (c *Config) checkPorts(p *problems, path string, s *Switch, addresses map[netip.Addr]string) {
	ids := map[uint16]int{}
	loops := 0
	for j := range s.Ports {
		port, ppath := &s.Ports[j], fmt.Sprintf("%s.ports[%d]", path, j)
		if port.ID == 0 || port.ID > maxPort {
			p.add(ppath+".id", fmt.Sprintf("port %d is not usable", port.ID), fmt.Sprintf("use 1 to %d", maxPort))
		}
		if other, dup := ids[port.ID]; dup {
			p.add(ppath+".id", fmt.Sprintf("port %d is %s too", port.ID,
				p.origin.at(fmt.Sprintf("%s.ports[%d]", path, other))), "give each port once")
		}
		ids[port.ID] = j
		if !port.MAC.IsUnicast() {
			p.add(ppath+".mac", fmt.Sprintf("%v is not the address of a station", port.MAC), "use a unicast MAC address")
		}
		switch port.Role {
		case Loop:
			loops++
			checkLoop(p, ppath, s, port)
		case Local, Transit:
			c.checkPortAddress(p, ppath, s, port, addresses)
		default:
			p.add(ppath+".role", fmt.Sprintf("role %q is unknown", port.Role), "use local, transit or loop")
		}
	}
	if loops > 1 {
		p.add(path+".ports", fmt.Sprintf("has %d loop ports", loops), "one (with its peer) is enough")
	}
	if s.Target == BMv2 && loops == 0 {
		c.warnf("%s: target bmv2 without a loop port drops payloads above about 480 bytes (reason growth): "+
			"add a port with role: loop", s.Name)
	}
}

func checkLoop(p *problems, path string, s *Switch, port *Port) {
	if port.Address.IsValid() || port.NextHop.IsValid() {
		p.add(path+".address", "has no use on a loop port", "remove address and next_hop")
	}
	if port.Peer > maxPort {
		p.add(path+".peer", fmt.Sprintf("port %d is not usable", port.Peer), fmt.Sprintf("use 1 to %d", maxPort))
	}
	if port.Peer != port.ID && s.FindPort(port.Peer) != nil {
		p.add(path+".peer", fmt.Sprintf("port %d is configured by itself", port.Peer),
			"leave the peer out of ports: it only receives what the loop port sent")
	}
}

func (c *Config) checkPortAddress(p *problems, path string, s *Switch, port *Port, addresses map[netip.Addr]string) {
	a := port.Address
	if !a.IsValid() {
		p.add(path+".address", "is missing", "give the switch's address there with its prefix length, such as 10.0.0.1/24")
		return
	}
	if port.Peer != 0 {
		p.add(path+".peer", fmt.Sprintf("%d has no use on a %s port", port.Peer, port.Role), "remove it, or say role: loop")
	}
	if host := a.Addr(); host == a.Masked().Addr() && a.Bits() < host.BitLen()-1 || host.IsMulticast() || host.IsUnspecified() {
		p.add(path+".address", fmt.Sprintf("%v is not a host's address", a), "give the address of the switch, not of the subnet")
	}
	if port.NextHop.IsValid() && (!a.Contains(port.NextHop) || port.NextHop == a.Addr()) {
		p.add(path+".next_hop", fmt.Sprintf("%v is not a neighbor on %v", port.NextHop, a.Masked()), "give a router in the port's subnet")
	}
	if a.Addr().Is6() {
		c.warnf("%s: address %v of port %d is not programmed yet: only IPv4 is", s.Name, a, port.ID)
	}
	if other, dup := addresses[a.Addr()]; dup {
		p.add(path+".address", fmt.Sprintf("%v is the address of %s too", a.Addr(), p.origin.at(other)), "give each port its own")
	} else {
		addresses[a.Addr()] = path
	}
	if site := c.FindSite(s.Site); site != nil && site.ReservedEIDs.IsValid() && site.ReservedEIDs.Contains(a.Addr()) {
		p.add(path+".address", fmt.Sprintf("%v lies in reserved_eids %v", a.Addr(), site.ReservedEIDs), "reserved EIDs are for channels alone")
	}
}

func (c *Config) checkNeighbors(p *problems, path string, s *Switch) {
	seen := map[netip.Addr]string{}
	for j, n := range s.Neighbors {
		npath := fmt.Sprintf("%s.neighbors[%d]", path, j)
		if !n.Address.IsValid() || n.Address.IsMulticast() || n.Address.IsUnspecified() {
			p.add(npath+".address", fmt.Sprintf("%v is not a host's address", n.Address), "give the neighbor's address")
			continue
		}
		if other, dup := seen[n.Address]; dup {
			p.add(npath+".address", fmt.Sprintf("%v is given at %s too", n.Address, p.origin.at(other)), "keep one")
		}
		seen[n.Address] = npath
		if n.Address.Is6() {
			c.warnf("%s: neighbor %v is not programmed yet: only IPv4 is", s.Name, n.Address)
		}
		if !n.MAC.IsUnicast() {
			p.add(npath+".mac", fmt.Sprintf("%v is not the address of a station", n.MAC), "give the neighbor's MAC address")
		}
		switch port := s.FindPort(n.Port); {
		case n.Port == 0 && s.PortTowards(n.Address) == nil:
			p.add(npath+".address", fmt.Sprintf("%v is in no port's subnet", n.Address), "give its port:")
		case n.Port != 0 && (port == nil || port.Role == Loop):
			p.add(npath+".port", fmt.Sprintf("switch %s has no local or transit port %d", s.Name, n.Port), "give a port of the switch")
		}
	}
}
