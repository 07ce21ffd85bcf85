package bmv2test

import (
	"net/netip"

	"github.com/corecast/corecast/controller/config"
)

// config describes the network to a controller.
func (f *Fig2) config(o Fig2Options) *config.Config {
	c := &config.Config{}
	for d := 0; d <= f.Domains; d++ {
		c.Sites = append(c.Sites, f.site(d))
		c.Switches = append(c.Switches, f.switchConfig(d, o))
	}
	for _, v := range f.Viewers {
		etr := &c.Switches[v.Domain]
		etr.Neighbors = append(etr.Neighbors, config.Neighbor{Address: v.EID.Addr(), MAC: config.MAC(v.MAC)})
	}
	c.Channels = []config.Channel{{
		Name: ChannelName, Site: siteName(0), SourceEID: SourceEID, ReservedEID: ReservedEID,
		Ingress: config.Ingress{Switch: ITRName, Port: LocalPort}, Redundancy: o.Redundancy,
	}}
	if o.DualStack {
		f.addIPv6(c)
	}
	if o.SecondPort {
		addSecondPort(&c.Switches[1], o.DualStack)
	}
	return c
}

func siteName(d int) string {
	if d == 0 {
		return "studio"
	}
	return DomainName(d)
}

func (f *Fig2) site(d int) config.Site {
	s := config.Site{
		Name:          siteName(d),
		EIDPrefixes:   []netip.Prefix{domainPrefix(d)},
		RLOCs:         []config.RLOC{{Address: f.RLOC(d), Priority: 1, Weight: 100}},
		CoreCast:      true,
		AcceptStreams: config.AcceptKnown,
	}
	if d == 0 {
		s.ReservedEIDs = netip.PrefixFrom(ReservedEID, 24).Masked()
	}
	return s
}

// domainPrefix holds the EIDs of a domain, or of the source's site (d = 0).
func domainPrefix(d int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(d), 0, 0}), 16)
}

// switchConfig describes the ITR (d = 0) or ETR d. The local subnet is the low
// 8 or 16 bits: viewers fill the domain, hosts of the source's site do not.
func (f *Fig2) switchConfig(d int, o Fig2Options) config.Switch {
	gateway := netip.AddrFrom4([4]byte{10, byte(d), 0, 1})
	bits := 16
	host := domainHost(d)
	if d == 0 {
		bits, host = 24, SourceEID
	}
	s := config.Switch{
		Name: SwitchName(d), Address: f.Address(SwitchName(d)), DeviceID: uint64(d + 1),
		Target: config.Softswitch, Site: siteName(d),
		Ports: []config.Port{
			{ID: LocalPort, Role: config.Local, Address: netip.PrefixFrom(gateway, bits), MAC: config.MAC(SwitchMAC(d, LocalPort))},
			{ID: TransitPort, Role: config.Transit, Address: netip.PrefixFrom(f.RLOC(d), f.transitBits()), MAC: config.MAC(SwitchMAC(d, TransitPort))},
		},
		Neighbors: []config.Neighbor{{Address: host, MAC: config.MAC(HostMAC(host))}},
	}
	if o.StockGrowth {
		s.Target = config.BMv2
		if !o.NoLoop {
			s.Ports = append(s.Ports, config.Port{ID: loopOut, Role: config.Loop, Peer: loopIn})
		}
	}
	for other := 0; other <= f.Domains; other++ {
		if other != d {
			s.Neighbors = append(s.Neighbors, config.Neighbor{
				Address: f.RLOC(other), MAC: config.MAC(SwitchMAC(other, TransitPort)),
			})
		}
	}
	return s
}

// addIPv6 makes a network dual-stack; see Fig2Options.DualStack.
func (f *Fig2) addIPv6(c *config.Config) {
	for d := range c.Switches {
		site, sw := &c.Sites[d], &c.Switches[d]
		site.EIDPrefixes = append(site.EIDPrefixes, prefix6(d))
		rloc := config.RLOC{Address: f.RLOC6(d), Priority: 2, Weight: 100}
		if d == f.Domains {
			rloc.Priority, site.RLOCs[0].Priority = 1, 2
		}
		site.RLOCs = append(site.RLOCs, rloc)
		bits := 48
		if d == 0 { // the reserved EIDs are elsewhere
			bits = 64
		}
		sw.Ports[0].Addresses = []netip.Prefix{netip.PrefixFrom(EID6(domainPrefix(d).Addr()).Next(), bits)}
		sw.Ports[1].Addresses = []netip.Prefix{netip.PrefixFrom(f.RLOC6(d), transit6.Bits())}
		for _, n := range sw.Neighbors {
			if n.Address.As4()[0] == domainPrefix(0).Addr().As4()[0] {
				sw.Neighbors = append(sw.Neighbors, config.Neighbor{Address: EID6(n.Address), MAC: n.MAC})
			}
		}
	}
	c.Sites[0].ReservedEIDs6 = netip.PrefixFrom(ReservedEID6, 64).Masked()
	c.Channels[0].SourceEID6, c.Channels[0].ReservedEID6 = SourceEID6, ReservedEID6
}

// addSecondPort adds ETR 1's second local port.
func addSecondPort(s *config.Switch, dualStack bool) {
	port := config.Port{
		ID: SecondPort, Role: config.Local, MAC: config.MAC(SwitchMAC(1, SecondPort)),
		Address: netip.PrefixFrom(secondSubnet.Addr().Next(), secondSubnet.Bits()),
	}
	mac := config.MAC(HostMAC(secondHost))
	s.Neighbors = append(s.Neighbors, config.Neighbor{Address: secondHost, MAC: mac, Port: SecondPort})
	if dualStack {
		gateway := EID6(port.Address.Addr())
		port.Addresses = []netip.Prefix{netip.PrefixFrom(gateway, 112)}
		s.Neighbors = append(s.Neighbors, config.Neighbor{Address: EID6(secondHost), MAC: mac, Port: SecondPort})
	}
	s.Ports = append(s.Ports, port)
}
