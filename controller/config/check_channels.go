package config

import (
	"fmt"
	"net/netip"
)

func (c *Config) checkChannels(p *problems) {
	names := make([]string, len(c.Channels))
	for i, ch := range c.Channels {
		names[i] = ch.Name
	}
	uniqueNames(p, "channels", names)

	taken := map[string]map[netip.Addr]string{} // by site
	for _, s := range c.Sites {
		taken[s.Name] = map[netip.Addr]string{}
	}
	for i := range c.Channels {
		c.checkChannel(p, fmt.Sprintf("channels[%d]", i), &c.Channels[i], taken)
	}
	// Given reserved EIDs first: an allocation must not take one of them.
	for i := range c.Channels {
		c.reserve(p, fmt.Sprintf("channels[%d]", i), &c.Channels[i], taken)
	}
}

func (c *Config) checkChannel(p *problems, path string, ch *Channel, taken map[string]map[netip.Addr]string) {
	site := c.FindSite(ch.Site)
	if site == nil {
		p.add(path+".site", fmt.Sprintf("no site %q", ch.Site), didYouMean(ch.Site, c.siteNames()))
		return
	}
	if !ch.SourceEID.IsValid() {
		p.add(path+".source_eid", "is missing", "give the EID of the channel's source")
	} else if ch.SourceEID.Is6() || ch.ReservedEID.Is6() {
		p.add(path+".source_eid", fmt.Sprintf("channel %s needs IPv6 (%v), which the switches cannot do yet", ch.Name, ch.SourceEID),
			"use an IPv4 EID of the site")
	} else if !contains(site.EIDPrefixes, ch.SourceEID) {
		p.add(path+".source_eid", fmt.Sprintf("%v is not an EID of site %s", ch.SourceEID, site.Name),
			"use one of "+list(site.EIDPrefixes))
	} else if site.ReservedEIDs.IsValid() && site.ReservedEIDs.Contains(ch.SourceEID) {
		p.add(path+".source_eid", fmt.Sprintf("%v lies in reserved_eids %v", ch.SourceEID, site.ReservedEIDs),
			"a source has an ordinary EID")
	}
	c.checkIngress(p, path+".ingress", ch)
	if !site.CoreCast {
		p.add(path+".site", fmt.Sprintf("site %s has no CoreCast", site.Name), "set corecast: true on the site")
	}
	if len(site.RLOCs) == 0 {
		p.add(path+".site", fmt.Sprintf("site %s has no rlocs", site.Name), "give it the RLOC of its ITR")
	}
	if ch.ReservedEID.IsValid() && ch.ReservedEID.Is4() {
		checkReservedEID(p, path+".reserved_eid", ch, site, taken[site.Name])
	}
}

func checkReservedEID(p *problems, path string, ch *Channel, site *Site, taken map[netip.Addr]string) {
	if !site.ReservedEIDs.IsValid() {
		p.add(path, fmt.Sprintf("%v: site %s has no reserved_eids", ch.ReservedEID, site.Name), "give the site a prefix for them")
	} else if !site.ReservedEIDs.Contains(ch.ReservedEID) {
		p.add(path, fmt.Sprintf("%v is outside reserved_eids %v of site %s", ch.ReservedEID, site.ReservedEIDs, site.Name),
			"use an address of that prefix, or omit it")
	}
	if other, dup := taken[ch.ReservedEID]; dup {
		p.add(path, fmt.Sprintf("%v is the reserved EID of channel %s too", ch.ReservedEID, other),
			"give each channel its own, or omit it")
		return
	}
	taken[ch.ReservedEID] = ch.Name
}

func (c *Config) checkIngress(p *problems, path string, ch *Channel) {
	sw := c.FindSwitch(ch.Ingress.Switch)
	if sw == nil {
		p.add(path+".switch", fmt.Sprintf("no switch %q", ch.Ingress.Switch), didYouMean(ch.Ingress.Switch, c.switchNames()))
		return
	}
	if sw.Site != ch.Site {
		p.add(path+".switch", fmt.Sprintf("switch %s belongs to site %s, not %s", sw.Name, sw.Site, ch.Site),
			"use the ITR of the channel's own site")
	}
	if port := sw.FindPort(ch.Ingress.Port); port == nil || port.Role != Local {
		p.add(path+".port", fmt.Sprintf("switch %s has no local port %d", sw.Name, ch.Ingress.Port),
			"use the local port behind which the source is")
	}
}

// reserve allocates the reserved EID of a channel without one.
func (c *Config) reserve(p *problems, path string, ch *Channel, taken map[string]map[netip.Addr]string) {
	site := c.FindSite(ch.Site)
	if site == nil || ch.ReservedEID.IsValid() {
		return
	}
	if !site.ReservedEIDs.IsValid() {
		p.add(path, fmt.Sprintf("site %s has no reserved_eids to allocate from", site.Name), "give the site a prefix for them")
		return
	}
	if site.ReservedEIDs.Addr().Is6() {
		p.add(path, fmt.Sprintf("channel %s would need IPv6 (reserved_eids %v), which the switches cannot do yet", ch.Name, site.ReservedEIDs),
			"give the site an IPv4 prefix for reserved_eids")
		return
	}
	addr, ok := allocateReserved(site.ReservedEIDs, taken[site.Name])
	if !ok {
		p.add(path, fmt.Sprintf("reserved_eids %v of site %s are used up", site.ReservedEIDs, site.Name), "give the site a larger prefix")
		return
	}
	ch.ReservedEID = addr
	taken[site.Name][addr] = ch.Name
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, e := range prefixes {
		if e.Contains(addr) {
			return true
		}
	}
	return false
}
