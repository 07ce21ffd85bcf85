package node

import (
	"maps"
	"net/netip"
	"reflect"
	"testing"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"pgregory.net/rapid"
)

// TestPreinstalledIsTrue: whatever comes and goes, a mapping is preinstalled only
// as it is, and only with all that are more specific; and those who follow the
// changes have the same.
func TestPreinstalledIsTrue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		world := map[netip.Prefix]controller.Mapping{}
		follower := map[netip.Prefix]controller.Mapping{}
		p := newPreinstalled(7)
		p.most, p.own = rapid.IntRange(1, 12).Draw(rt, "most"), map[netip.Prefix]bool{}
		draw := func() netip.Prefix {
			prefix, _ := netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(rt, "address")}).Prefix(rapid.IntRange(24, 32).Draw(rt, "bits"))
			return prefix
		}
		for range 3 {
			p.own[draw()] = true
		}
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			replaced := false
			switch prefix := draw(); rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				replaced = true
				p.replace(func(yield func(controller.Mapping)) {
					for _, m := range world {
						yield(m)
					}
				})
			case 1, 2, 3:
				delete(world, prefix)
				p.drop(prefix)
			default:
				m := controller.Mapping{InstanceID: 7, Prefix: prefix, RLOCs: []config.RLOC{{Weight: rapid.Byte().Draw(rt, "RLOC")}}}
				world[prefix] = m
				p.put(m)
			}
			set, remove := p.take()
			for _, m := range set {
				follower[m.Prefix] = m
			}
			for _, eid := range remove {
				if eid.InstanceID != 7 {
					rt.Fatalf("removes %v", eid)
				}
				delete(follower, eid.Prefix)
			}
			if !reflect.DeepEqual(follower, p.have) {
				rt.Fatalf("followed to %v, want %v", follower, p.have)
			}
			for prefix, m := range p.have {
				if !reflect.DeepEqual(world[prefix], m) {
					rt.Fatalf("%v is %v, not %v", prefix, world[prefix], m)
				}
				for within := range world {
					if _, has := p.have[within]; !has && prefix.Overlaps(within) && within.Bits() > prefix.Bits() {
						rt.Fatalf("%v is there without %v", prefix, within)
					}
				}
			}
			if others := len(p.have) - p.most; others > len(p.own) {
				rt.Fatalf("%d mappings, want %d and %d", len(p.have), p.most, len(p.own))
			}
			if replaced && len(world)+len(p.own) <= p.most && len(p.have) != len(world) {
				rt.Fatalf("%d of %d mappings, though there is room for %d", len(p.have), len(world), p.most)
			}
		}
	})
}

// TestOwnPrefixesComeFirst, also where all is full.
func TestOwnPrefixesComeFirst(t *testing.T) {
	p := newPreinstalled(0)
	own := netip.MustParsePrefix("10.200.0.0/16")
	p.most, p.own = 10, map[netip.Prefix]bool{own: true}
	all := map[netip.Prefix]controller.Mapping{own: {Prefix: own}}
	for i := range 50 {
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), 0}), 24)
		all[prefix] = controller.Mapping{Prefix: prefix}
	}
	p.replace(func(yield func(controller.Mapping)) {
		for m := range maps.Values(all) {
			yield(m)
		}
	})
	if _, has := p.have[own]; !has || len(p.have) != 10 {
		t.Errorf("%d mappings, own %v", len(p.have), has)
	}
	p.take()
	// One within it that there is no room for takes it out.
	p.put(controller.Mapping{Prefix: netip.MustParsePrefix("10.200.7.0/24")})
	_, remove := p.take()
	if len(p.have) != 9 || len(remove) != 1 || remove[0].Prefix != own {
		t.Errorf("%d mappings, removed %v; want it to remove %v", len(p.have), remove, own)
	}
}
