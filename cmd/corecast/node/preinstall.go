package node

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/lisp"
)

// preinstalled chooses which mappings of one instance its switches have before a
// packet asks for them: all, as long as there are no more than so many. Beyond
// that come the prefixes that sites are configured with, and what was there
// already.
//
// A mapping is preinstalled only if all more specific ones are: a switch that
// has a mapping takes it to be true of all its prefix.
type preinstalled struct {
	instance uint32
	most     int
	own      map[netip.Prefix]bool // configured prefixes
	have     map[netip.Prefix]controller.Mapping
	haveTree *bart.Lite // of have
	left     *bart.Lite // prefixes with mappings that are left out

	set    map[netip.Prefix]bool // changes of have since the last take
	remove map[netip.Prefix]bool
}

func newPreinstalled(instance uint32) *preinstalled {
	return &preinstalled{
		instance: instance,
		have:     map[netip.Prefix]controller.Mapping{}, haveTree: new(bart.Lite), left: new(bart.Lite),
		set: map[netip.Prefix]bool{}, remove: map[netip.Prefix]bool{},
	}
}

// put takes what a prefix has now.
func (p *preinstalled) put(m controller.Mapping) {
	_, had := p.have[m.Prefix]
	room := had || p.own[m.Prefix] || len(p.have) < p.most
	if !room || p.divided(m.Prefix) {
		p.leaveOut(m.Prefix)
		return
	}
	p.left.Delete(m.Prefix)
	p.have[m.Prefix] = m
	p.haveTree.Insert(m.Prefix)
	p.set[m.Prefix] = true
	delete(p.remove, m.Prefix)
}

// drop takes that a prefix has no mapping any more.
func (p *preinstalled) drop(prefix netip.Prefix) {
	p.left.Delete(prefix)
	p.takeOut(prefix)
}

func (p *preinstalled) takeOut(prefix netip.Prefix) {
	if _, had := p.have[prefix]; !had {
		return
	}
	delete(p.have, prefix)
	p.haveTree.Delete(prefix)
	delete(p.set, prefix)
	p.remove[prefix] = true
}

// leaveOut leaves a mapping out, and with it those that cover it.
func (p *preinstalled) leaveOut(prefix netip.Prefix) {
	p.left.Insert(prefix)
	for _, covering := range slices.Collect(p.haveTree.Supernets(prefix)) {
		p.takeOut(covering)
		p.left.Insert(covering)
	}
}

// divided reports whether a mapping within a prefix is left out.
func (p *preinstalled) divided(prefix netip.Prefix) bool {
	for part := range p.left.Subnets(prefix) {
		if part != prefix {
			return true
		}
	}
	return false
}

// replace takes all mappings there are, instead of those before.
func (p *preinstalled) replace(all func(yield func(controller.Mapping))) {
	before := p.have
	p.have, p.haveTree, p.left = map[netip.Prefix]controller.Mapping{}, new(bart.Lite), new(bart.Lite)
	first := map[netip.Prefix]bool{}
	for prefix := range before {
		first[prefix] = true
	}
	for prefix := range p.own {
		first[prefix] = true
	}
	others := p.most - len(first) // so many have room for sure
	all(func(m controller.Mapping) {
		switch {
		case first[m.Prefix]:
			p.have[m.Prefix] = m
			p.haveTree.Insert(m.Prefix)
		case others > 0:
			others--
			p.have[m.Prefix] = m
			p.haveTree.Insert(m.Prefix)
		default:
			p.left.Insert(m.Prefix)
		}
	})
	for prefix := range p.have {
		if p.divided(prefix) {
			p.leaveOut(prefix)
		}
	}
	clear(p.set)
	clear(p.remove)
	for prefix := range before {
		if _, has := p.have[prefix]; !has {
			p.remove[prefix] = true
		}
	}
	for prefix := range p.have {
		p.set[prefix] = true
	}
}

// take returns the changes since the last time, in order.
func (p *preinstalled) take() (set []controller.Mapping, remove []lisp.EID) {
	for prefix := range p.set {
		set = append(set, p.have[prefix])
	}
	for prefix := range p.remove {
		remove = append(remove, lisp.EID{InstanceID: p.instance, Prefix: prefix})
	}
	slices.SortFunc(set, func(a, b controller.Mapping) int { return a.Prefix.Compare(b.Prefix) })
	slices.SortFunc(remove, func(a, b lisp.EID) int { return a.Prefix.Compare(b.Prefix) })
	clear(p.set)
	clear(p.remove)
	return set, remove
}
