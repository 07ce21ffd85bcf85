package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxPort is the highest usable port: 510 is the CPU port, 511 bmv2's drop port.
const maxPort = 509

// minMTU is the least that every IPv4 link carries (RFC 791).
const minMTU = 68

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
			checkSwitchAddress(p, path+".address", s.Address)
		}
		d := device{s.Address, s.DeviceID}
		if other, dup := devices[d]; dup {
			p.add(path+".address", fmt.Sprintf("%s device_id %d is %s too", s.Address, s.DeviceID,
				p.at(fmt.Sprintf("switches[%d]", other))), "a switch has one entry")
		} else {
			devices[d] = i
		}
		if c.FindSite(s.Site) == nil {
			p.add(path+".site", fmt.Sprintf("no site %q", s.Site), DidYouMean(s.Site, c.siteNames()))
		}
		switch s.Target {
		case Softswitch, BMv2:
		default:
			p.add(path+".target", fmt.Sprintf("unknown target %q", s.Target), "use softswitch or bmv2")
		}
		c.checkPorts(p, path, s, addresses)
		c.checkNeighbors(p, path, s)
	}
	c.warnOfBorders()
}

// warnOfBorders tells of sites with switches whose mapping leads past all of them:
// what is sent to their RLOCs arrives elsewhere, or nowhere, and no switch sees it.
func (c *Config) warnOfBorders() {
	transits := map[string][]netip.Addr{}
	for i := range c.Switches {
		s := &c.Switches[i]
		for j := range s.Ports {
			if s.Ports[j].Role != Transit {
				continue
			}
			for _, a := range s.Ports[j].Prefixes() {
				transits[s.Site] = append(transits[s.Site], a.Addr())
			}
		}
	}
	for i := range c.Sites {
		s, own := &c.Sites[i], transits[c.Sites[i].Name]
		if len(own) == 0 || len(s.RLOCs) == 0 || slices.ContainsFunc(s.RLOCs, func(r RLOC) bool { return slices.Contains(own, r.Address) }) {
			continue
		}
		c.warnf("site %s: its switches are at %s, and none of its rlocs is: what others send to %v does not come to them; "+
			"give the site the addresses of their transit ports as rlocs", s.Name, list(own), s.RLOCs[0].Address)
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
				p.at(fmt.Sprintf("%s.ports[%d]", path, other))), "give each port once")
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
	if len(port.Prefixes()) > 0 || len(port.Routers()) > 0 || port.MTU != 0 || port.ChannelRate != 0 {
		p.add(path+".address", "has no use on a loop port", "remove addresses, next hops, mtu and channel_rate")
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
	if len(port.Prefixes()) == 0 {
		p.add(path+".address", "is missing", "give the switch's address there with its prefix length, such as 10.0.0.1/24")
		return
	}
	if port.Peer != 0 {
		p.add(path+".peer", fmt.Sprintf("%d has no use on a %s port", port.Peer, port.Role), "remove it, or say role: loop")
	}
	if port.MTU != 0 && port.MTU < minMTU {
		p.add(path+".mtu", fmt.Sprintf("%d is not an IP MTU", port.MTU), fmt.Sprintf("give at least %d, or omit it for no limit", minMTU))
	}
	if port.ChannelRate != 0 && port.Role != Local {
		p.add(path+".channel_rate", "has no use on a transit port", "give it on the local port that sources are behind")
	}
	if port.Address.IsValid() {
		c.checkAddress(p, path+".address", s, port.Address, addresses)
	}
	for i, a := range port.Addresses {
		c.checkAddress(p, fmt.Sprintf("%s.addresses[%d]", path, i), s, a, addresses)
	}
	families := map[bool]netip.Addr{}
	for i, next := range port.Routers() {
		npath := path + ".next_hop"
		if next != port.NextHop {
			npath = path + ".next_hops"
		}
		if other, dup := families[next.Is6()]; dup && i > 0 {
			p.add(npath, fmt.Sprintf("%v is beside %v of the same family", next, other), "give one router of each family at most")
		}
		families[next.Is6()] = next
		checkRouter(p, npath, port, next)
	}
}

// checkRouter wants a router on one of the port's subnets, other than ourselves.
func checkRouter(p *problems, path string, port *Port, next netip.Addr) {
	var subnets []netip.Prefix
	for _, a := range port.Prefixes() {
		if a.Contains(next) && a.Addr() != next {
			return
		}
		subnets = append(subnets, a.Masked())
	}
	on := list(subnets)
	if len(subnets) == 1 {
		on = subnets[0].String()
	}
	p.add(path, fmt.Sprintf("%v is not a neighbor on %s", next, on), "give a router in the port's subnet")
}

func (c *Config) checkAddress(p *problems, path string, s *Switch, a netip.Prefix, addresses map[netip.Addr]string) {
	if !a.IsValid() {
		p.add(path, "is missing", "give the switch's address there with its prefix length, such as 10.0.0.1/24")
		return
	}
	if host := a.Addr(); host == a.Masked().Addr() && a.Bits() < host.BitLen()-1 || host.IsMulticast() || host.IsUnspecified() {
		p.add(path, fmt.Sprintf("%v is not a host's address", a), "give the address of the switch, not of the subnet")
	}
	if other, dup := addresses[a.Addr()]; dup {
		p.add(path, fmt.Sprintf("%v is the address of %s too", a.Addr(), p.at(other)), "give each port its own")
	} else {
		addresses[a.Addr()] = path
	}
	if site := c.FindSite(s.Site); site != nil {
		if r := site.Reserved(a.Addr().Is6()); r.IsValid() && r.Contains(a.Addr()) {
			p.add(path, fmt.Sprintf("%v lies in reserved_eids %v", a.Addr(), r), "reserved EIDs are for channels alone")
		}
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
			p.add(npath+".address", fmt.Sprintf("%v is given at %s too", n.Address, p.at(other)), "keep one")
		}
		seen[n.Address] = npath
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
