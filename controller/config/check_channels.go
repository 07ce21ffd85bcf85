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

	taken := c.noReservations()
	for i := range c.Channels {
		c.checkChannel(p, fmt.Sprintf("channels[%d]", i), &c.Channels[i], taken)
	}
	// Given reserved EIDs first: an allocation must not take one of them.
	for i := range c.Channels {
		ch := &c.Channels[i]
		first, second := c.reserve(p, fmt.Sprintf("channels[%d]", i), ch, taken)
		if first {
			c.allocated[Allocation{Channel: ch.Name}] = true
		}
		if second {
			c.allocated[Allocation{Channel: ch.Name, Second: true}] = true
		}
	}
}

func (c *Config) checkChannel(p *problems, path string, ch *Channel, taken map[string]*reservations) {
	site := c.FindSite(ch.Site)
	if site == nil {
		p.add(path+".site", fmt.Sprintf("no site %q", ch.Site), DidYouMean(ch.Site, c.siteNames()))
		return
	}
	if !ch.SourceEID.IsValid() {
		p.add(path+".source_eid", "is missing", "give the EID of the channel's source")
	} else {
		checkSource(p, path+".source_eid", ch.SourceEID, site)
	}
	checkSecondPair(p, path, ch, site)
	c.checkIngress(p, path+".ingress", ch)
	if !site.CoreCast {
		p.add(path+".site", fmt.Sprintf("site %s has no CoreCast", site.Name), "set corecast: true on the site")
	}
	if len(site.RLOCs) == 0 {
		p.add(path+".site", fmt.Sprintf("site %s has no rlocs", site.Name), "give it the RLOC of its ITR")
	}
	if ch.ReservedEID.IsValid() {
		if ch.SourceEID.IsValid() && ch.ReservedEID.Is6() != ch.SourceEID.Is6() {
			p.add(path+".reserved_eid", fmt.Sprintf("%v and source_eid %v differ in family", ch.ReservedEID, ch.SourceEID),
				"a pair has both in one family; a second pair is source_eid6 and reserved_eid6")
		}
		checkReservedEID(p, path+".reserved_eid", ch.Name, ch.ReservedEID, site, taken[site.Name])
	}
	if ch.ReservedEID6.IsValid() && ch.ReservedEID6.Is6() {
		checkReservedEID(p, path+".reserved_eid6", ch.Name, ch.ReservedEID6, site, taken[site.Name])
	}
}

func checkSource(p *problems, path string, eid netip.Addr, site *Site) {
	if !contains(site.EIDPrefixes, eid) {
		p.add(path, fmt.Sprintf("%v is not an EID of site %s", eid, site.Name), "use one of "+list(site.EIDPrefixes))
	} else if r := site.Reserved(eid.Is6()); r.IsValid() && r.Contains(eid) {
		p.add(path, fmt.Sprintf("%v lies in reserved_eids %v", eid, r), "a source has an ordinary EID")
	}
}

// checkSecondPair checks what makes a channel dual-stack.
func checkSecondPair(p *problems, path string, ch *Channel, site *Site) {
	switch {
	case !ch.SourceEID6.IsValid() && !ch.ReservedEID6.IsValid():
	case !ch.SourceEID6.IsValid():
		p.add(path+".reserved_eid6", fmt.Sprintf("%v has no source_eid6 beside it", ch.ReservedEID6), "give the source's IPv6 EID too")
	case ch.SourceEID.Is6():
		p.add(path+".source_eid6", fmt.Sprintf("%v is a second IPv6 source", ch.SourceEID6),
			"give an IPv4 source_eid beside it, or this one alone as source_eid")
	case ch.SourceEID6.Is4():
		p.add(path+".source_eid6", fmt.Sprintf("%v is not IPv6", ch.SourceEID6), "give the source's IPv6 EID")
	case ch.ReservedEID6.IsValid() && ch.ReservedEID6.Is4():
		p.add(path+".reserved_eid6", fmt.Sprintf("%v is not IPv6", ch.ReservedEID6), "give an IPv6 address, or omit it")
	default:
		checkSource(p, path+".source_eid6", ch.SourceEID6, site)
	}
}

func checkReservedEID(p *problems, path, name string, eid netip.Addr, site *Site, taken *reservations) {
	if r := site.Reserved(eid.Is6()); !r.IsValid() {
		p.add(path, fmt.Sprintf("%v: site %s has no reserved_eids of its family", eid, site.Name),
			"give the site a prefix for them (reserved_eids6 for IPv6 beside IPv4)")
	} else if !r.Contains(eid) {
		p.add(path, fmt.Sprintf("%v is outside reserved_eids %v of site %s", eid, r, site.Name),
			"use an address of that prefix, or omit it")
	}
	if other, dup := taken.taken[eid]; dup {
		p.add(path, fmt.Sprintf("%v is the reserved EID of channel %s too", eid, other), "give each channel its own, or omit it")
		return
	}
	taken.take(eid, name)
}

func (c *Config) checkIngress(p *problems, path string, ch *Channel) {
	sw := c.FindSwitch(ch.Ingress.Switch)
	if sw == nil {
		p.add(path+".switch", fmt.Sprintf("no switch %q", ch.Ingress.Switch), DidYouMean(ch.Ingress.Switch, c.switchNames()))
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

// reserve allocates the reserved EIDs that a channel was not given, and says
// which.
func (c *Config) reserve(p *problems, path string, ch *Channel, taken map[string]*reservations) (first, second bool) {
	site := c.FindSite(ch.Site)
	if site == nil {
		return false, false
	}
	if !ch.ReservedEID.IsValid() && ch.SourceEID.IsValid() {
		ch.ReservedEID = reserveIn(p, path, ch.Name, site, ch.SourceEID.Is6(), taken[site.Name])
		first = true
	}
	if !ch.ReservedEID6.IsValid() && ch.SourceEID6.Is6() {
		ch.ReservedEID6 = reserveIn(p, path, ch.Name, site, true, taken[site.Name])
		second = true
	}
	return first, second
}

func reserveIn(p *problems, path, name string, site *Site, v6 bool, taken *reservations) netip.Addr {
	prefix := site.Reserved(v6)
	if !prefix.IsValid() {
		p.add(path, fmt.Sprintf("site %s has no reserved_eids of the source's family to allocate from", site.Name),
			"give the site a prefix for them (reserved_eids6 for IPv6 beside IPv4)")
		return netip.Addr{}
	}
	addr, ok := taken.allocate(prefix)
	if !ok {
		p.add(path, fmt.Sprintf("reserved_eids %v of site %s are used up", prefix, site.Name), "give the site a larger prefix")
		return netip.Addr{}
	}
	taken.take(addr, name)
	return addr
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, e := range prefixes {
		if e.Contains(addr) {
			return true
		}
	}
	return false
}
