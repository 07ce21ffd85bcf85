package controller

import (
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// remote is a mapping that this switch encapsulates for, and the RLOCs that
// share its traffic.
type remote struct {
	prefix netip.Prefix
	shares []share // empty: no RLOC is usable
}

// findRemotes are the mappings in use of other sites.
func (b *builder) findRemotes() []remote {
	var found []remote
	for _, m := range b.state.Mappings {
		if m.InstanceID == b.site.InstanceID && !b.inSite(m.Prefix) {
			found = append(found, remote{m.Prefix, apportion(m.RLOCs, b.reachable)})
		}
	}
	return found
}

// reachable reports whether an RLOC can be encapsulated to: there is a way to
// it, and an RLOC of its family to send from.
func (b *builder) reachable(rloc netip.Addr) bool {
	_, port := b.towards(rloc)
	return port != nil && b.sourceRLOC(port, rloc.Is6()).IsValid()
}

// mappings fill the map-cache and the RLOCs it refers to: directly where one
// RLOC takes all traffic of a mapping, else through a set of buckets. Mappings
// that share RLOCs alike share a set, so that a site with several prefixes gets
// one payload copy.
func (b *builder) mappings() {
	for _, m := range b.remotes {
		switch len(m.shares) {
		case 0:
			b.problemf("mapping %v has no usable RLOC; give its site one with a priority below %d, of a family in which "+
				"site %s has an RLOC of this switch, in a transit port's subnet or behind its next_hop", m.prefix, unusable, b.site.Name)
		case 1:
			if index, ok := b.numbers.RLOCs[m.shares[0].rloc.String()]; ok {
				b.rloc(index, m.shares[0].rloc)
				b.eid(b.instance, m.prefix, build.ActionToRLOC, param(build.ParamToRLOCRLOC, p4rt.Uint(index)))
			}
		default:
			if set, ok := b.numbers.Sets[setName(m.shares)]; ok && b.set(set, m.shares) {
				b.eid(b.instance, m.prefix, build.ActionToRLOCs, param(build.ParamToRLOCsSet, p4rt.Uint(set)))
			}
		}
	}
}

// set fills the buckets of a set of RLOCs; false if an RLOC has no number.
func (b *builder) set(set int, shares []share) bool {
	bucket := 0
	for _, s := range shares {
		index, ok := b.numbers.RLOCs[s.rloc.String()]
		if !ok {
			return false // reported by number
		}
		b.rloc(index, s.rloc)
		for range s.buckets {
			b.add(p4rt.Entry{
				Table: build.TableRLOCSets, Match: []p4rt.Match{
					p4rt.Exact(build.FieldRLOCSetsSet, p4rt.Uint(set)),
					p4rt.Exact(build.FieldRLOCSetsBucket, p4rt.Uint(bucket)),
				},
				Action: build.ActionPick, Params: []p4rt.Param{param(build.ParamPickRLOC, p4rt.Uint(index))},
			})
			bucket++
		}
	}
	return true
}

// rloc makes a reachable RLOC so under its index.
func (b *builder) rloc(index int, rloc netip.Addr) {
	nextHop, port := b.towards(rloc)
	b.add(p4rt.Entry{
		Table: build.TableRLOCs, Match: []p4rt.Match{p4rt.Exact(build.FieldRLOCsRLOC, p4rt.Uint(index))},
		Action: familyOf(rloc).encap, Params: []p4rt.Param{
			param(build.ParamEncap4SourceRLOC, p4rt.Addr(b.sourceRLOC(port, rloc.Is6()))),
			param(build.ParamEncap4RLOC, p4rt.Addr(rloc)),
			param(build.ParamEncap4NextHop, p4rt.Addr(nextHop)),
		},
	})
}

// sourceRLOC is the RLOC of a family that the switch sends from: the port's own
// address if it is one, else the best of the site's on this switch.
func (b *builder) sourceRLOC(port *config.Port, v6 bool) netip.Addr {
	var best config.RLOC
	for _, r := range b.ownRLOCs {
		if r.Address.Is6() != v6 {
			continue
		}
		for _, a := range port.Prefixes() {
			if r.Address == a.Addr() {
				return r.Address
			}
		}
		if !best.Address.IsValid() || r.Priority < best.Priority {
			best = r
		}
	}
	return best.Address
}
