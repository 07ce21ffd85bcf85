package config

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
)

const maxInstanceID = 1<<24 - 1

func (c *Config) siteNames() []string {
	names := make([]string, len(c.Sites))
	for i, s := range c.Sites {
		names[i] = s.Name
	}
	return names
}

func (c *Config) checkSites(p *problems) {
	uniqueNames(p, "sites", c.siteNames())
	rlocs, eids := map[netip.Addr]rlocOf{}, c.eidOwners(p)
	for i := range c.Sites {
		s, path := &c.Sites[i], fmt.Sprintf("sites[%d]", i)
		if s.InstanceID > maxInstanceID {
			p.add(path+".instance_id", fmt.Sprintf("%d does not fit 24 bits", s.InstanceID),
				fmt.Sprintf("use 0 to %d", maxInstanceID))
		}
		if len(s.EIDPrefixes) == 0 {
			p.add(path+".eid_prefixes", "is missing", "give the site's EID prefixes, such as [10.0.0.0/16]")
		}
		for j, e := range s.EIDPrefixes {
			checkPrefix(p, fmt.Sprintf("%s.eid_prefixes[%d]", path, j), e)
		}
		checkReservedPrefix(p, path+".reserved_eids", s, s.ReservedEIDs)
		checkReservedPrefix(p, path+".reserved_eids6", s, s.ReservedEIDs6)
		if r := s.ReservedEIDs6; r.IsValid() && (r.Addr().Is4() || s.ReservedEIDs.Addr().Is6()) {
			p.add(path+".reserved_eids6", fmt.Sprintf("%v is not the IPv6 prefix beside an IPv4 one", r),
				"give one prefix of each family at most: reserved_eids, and for IPv6 beside IPv4 reserved_eids6")
		}
		c.checkRLOCs(p, path, s, rlocs, eids[s.InstanceID])
		c.checkStreams(p, path, s)
	}
}

// checkPrefix refuses host bits: they are more often a typing error than meant.
func checkPrefix(p *problems, path string, e netip.Prefix) {
	switch {
	case !e.IsValid():
		p.add(path, "is missing", "give a prefix such as 10.0.0.0/16")
	case e != e.Masked():
		p.add(path, fmt.Sprintf("%v has host bits set", e), fmt.Sprintf("write %v", e.Masked()))
	case e.Bits() == 0:
		p.add(path, fmt.Sprintf("%v covers every address", e), "give the prefixes of the site alone")
	}
}

func checkReservedPrefix(p *problems, path string, s *Site, r netip.Prefix) {
	if !r.IsValid() {
		return
	}
	checkPrefix(p, path, r)
	for _, e := range s.EIDPrefixes {
		if e.Overlaps(r) && e.Bits() < r.Bits() {
			return
		}
	}
	p.add(path, fmt.Sprintf("%v is not a part of the site's EID prefixes %s", r, list(s.EIDPrefixes)),
		"take it from one of them: reserved EIDs are EIDs of the site")
}

func list[T fmt.Stringer](items []T) string {
	texts := make([]string, len(items))
	for i, it := range items {
		texts[i] = it.String()
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// rlocOf says whose an RLOC is.
type rlocOf struct {
	instance uint32
	path     string
}

// checkRLOCs checks a site's RLOCs; seen has those of the sites before, and eids
// all EID prefixes of the site's instance. Sites of
// different instances may be behind one xTR of somebody else's, which tells them
// apart by the instance-id of each packet. Our own switches are each the border of
// one site.
func (c *Config) checkRLOCs(p *problems, path string, s *Site, seen map[netip.Addr]rlocOf, eids *owners) {
	for j, r := range s.RLOCs {
		rpath := fmt.Sprintf("%s.rlocs[%d]", path, j)
		if !r.Address.IsValid() || r.Address.IsUnspecified() || r.Address.IsMulticast() {
			p.add(rpath+".address", fmt.Sprintf("%v is not the address of a host", r.Address), "give the address of an xTR")
			continue
		}
		other, shared := seen[r.Address]
		if sw := c.switchAt(r.Address); shared && sw != nil {
			p.add(rpath+".address", fmt.Sprintf("%v is an RLOC of %s too, and of our switch %s", r.Address, p.at(other.path), sw.Name),
				"a switch is the border of one site; give the other site a switch or an xTR of its own")
		} else if shared && other.instance == s.InstanceID {
			p.add(rpath+".address", fmt.Sprintf("%v is an RLOC of %s too", r.Address, p.at(other.path)),
				"an RLOC belongs to one site of an instance")
		}
		seen[r.Address] = rlocOf{s.InstanceID, rpath}
		if e, o, ok := eids.LookupPrefixLPM(netip.PrefixFrom(r.Address, r.Address.BitLen())); ok {
			p.add(rpath+".address", fmt.Sprintf("%v lies in EID prefix %v of site %s", r.Address, e, o.site),
				"RLOCs are addresses of the core, outside every site's EIDs")
		}
	}
}

// switchAt is the switch that has an address on one of its ports, or nil.
func (c *Config) switchAt(a netip.Addr) *Switch {
	for i := range c.Switches {
		for j := range c.Switches[i].Ports {
			for _, prefix := range c.Switches[i].Ports[j].Prefixes() {
				if prefix.Addr() == a {
					return &c.Switches[i]
				}
			}
		}
	}
	return nil
}

func (c *Config) checkStreams(p *problems, path string, s *Site) {
	seen := map[Pair]int{}
	for j, st := range s.Streams {
		spath := fmt.Sprintf("%s.streams[%d]", path, j)
		if !st.SourceEID.IsValid() || !st.ReservedEID.IsValid() {
			p.add(spath, "does not say which stream", "give source_eid and reserved_eid")
			continue
		}
		if st.SourceEID.Is4() != st.ReservedEID.Is4() {
			p.add(spath+".reserved_eid", fmt.Sprintf("%v and source_eid %v differ in family", st.ReservedEID, st.SourceEID),
				"a stream has both in one family")
		}
		pair := Pair{st.SourceEID, st.ReservedEID}
		if other, dup := seen[pair]; dup {
			p.add(spath, fmt.Sprintf("(%v, %v) is streams[%d] too", st.SourceEID, st.ReservedEID, other), "keep one")
		}
		seen[pair] = j
		checkDelivery(p, spath, &st)
	}
}

func checkDelivery(p *problems, path string, st *Stream) {
	switch {
	case st.Delivery != Multicast && (st.Group.IsValid() || st.Port != 0):
		p.add(path+".group", fmt.Sprintf("%v port %d has no use with unicast delivery", st.Group, st.Port),
			"remove it, or say delivery: multicast")
	case st.Delivery != Multicast:
	case !st.Group.IsValid() || !st.Group.IsMulticast() || st.Port == 0:
		p.add(path+".group", fmt.Sprintf("%v port %d is not a group to deliver to", st.Group, st.Port),
			"give a multicast address and a port, such as group: 232.1.1.1, port: 5004")
	case st.Group.Is6() != st.SourceEID.Is6():
		p.add(path+".group", fmt.Sprintf("%v and source_eid %v differ in family", st.Group, st.SourceEID),
			"a stream is delivered in its own family")
	}
}

// owner says whose an EID prefix is.
type owner struct {
	path string
	site string
}

// owners are those of the EID prefixes of one instance.
type owners = bart.Table[owner]

// eidOwners are the owners of all EID prefixes, by instance. It refuses prefixes
// that overlap: a packet must have one site.
func (c *Config) eidOwners(p *problems) map[uint32]*owners {
	instances := map[uint32]*owners{}
	for i, s := range c.Sites {
		table := instances[s.InstanceID]
		if table == nil {
			table = new(owners)
			instances[s.InstanceID] = table
		}
		for j, e := range s.EIDPrefixes {
			if !e.IsValid() {
				continue
			}
			path := fmt.Sprintf("sites[%d].eid_prefixes[%d]", i, j)
			for other, o := range overlapping(table, e) {
				at := ""
				if !p.origin.foreign(o.path) {
					at = " at " + p.at(o.path)
				}
				p.add(path, fmt.Sprintf("%v overlaps %v of site %s%s in instance %d", e, other, o.site, at, s.InstanceID),
					"sites of one instance need separate prefixes")
			}
			table.Insert(e, owner{path, s.Name})
		}
	}
	return instances
}

// overlapping yields the prefixes that cover e, and those within it.
func overlapping(table *owners, e netip.Prefix) iter.Seq2[netip.Prefix, owner] {
	return func(yield func(netip.Prefix, owner) bool) {
		for other, o := range table.Supernets(e) {
			if !yield(other, o) {
				return
			}
		}
		for other, o := range table.Subnets(e) {
			if other != e.Masked() && !yield(other, o) {
				return
			}
		}
	}
}
