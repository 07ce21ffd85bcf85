package slowpath

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"pgregory.net/rapid"
)

// world is what is true of 11.0.0.0/24, as a Map-Server tells it.
type world map[netip.Prefix]netip.Addr

var all = netip.MustParsePrefix("11.0.0.0/24")

// resolve tells of the largest part around an EID that all of one mapping is
// true of, or of nothing.
func (w world) resolve(eid netip.Addr) Resolution {
	best := netip.PrefixFrom(all.Addr(), 0)
	for prefix := range w {
		if prefix.Contains(eid) && prefix.Bits() > best.Bits() {
			best = prefix
		}
	}
	r := Resolution{TTL: time.Hour, Action: lisp.ActionDrop}
	if rloc, ok := w[best]; ok {
		r.RLOCs = []config.RLOC{{Address: rloc, Priority: 1, Weight: 100}}
	}
	for bits := max(best.Bits(), all.Bits()); ; bits++ {
		part, _ := eid.Prefix(bits)
		divided := false
		for prefix := range w {
			divided = divided || prefix.Bits() > best.Bits() && prefix.Overlaps(part)
		}
		if !divided {
			r.EID.Prefix = part
			return r
		}
	}
}

// TestMapCacheIsTrue: whatever is registered, withdrawn and moved while packets
// miss and answers are late, in the end nothing in the map-cache is wrong.
func TestMapCacheIsTrue(t *testing.T) {
	compared := 0
	rapid.Check(t, func(rt *rapid.T) {
		p, f := newPath(t, Options{})
		w, now := world{}, start
		var answers []func()
		ask := func() {
			for _, eid := range f.asked {
				r := w.resolve(eid.Prefix.Addr()) // true now, told later
				answers = append(answers, func() { p.Resolved(now, eid, r, nil) })
			}
			f.asked = nil
		}
		address := func() netip.Addr {
			return netip.AddrFrom4([4]byte{11, 0, 0, rapid.Byte().Draw(rt, "address")})
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0, 1:
				p.Packet(now, build.PuntMapCacheMiss, 1, udp(source, address(), 7, nil))
			case 2:
				prefix, _ := address().Prefix(rapid.IntRange(24, 32).Draw(rt, "bits"))
				if rapid.Bool().Draw(rt, "withdraw") {
					delete(w, prefix)
				} else {
					w[prefix] = netip.AddrFrom4([4]byte{192, 0, 2, rapid.Byte().Draw(rt, "RLOC")})
				}
				p.Refresh([]lisp.EID{{Prefix: prefix}})
			case 3:
				now = now.Add(100 * time.Millisecond)
				p.Tick(now)
			case 4:
				for _, a := range answers {
					a()
				}
				answers = nil
			}
			ask()
		}
		for len(answers) > 0 || len(p.stale) > 0 || slices.ContainsFunc(p.cacheList(), func(c *cached) bool { return !c.until.IsZero() }) {
			for _, a := range answers {
				a()
			}
			answers = nil
			now = now.Add(100 * time.Millisecond)
			p.Tick(now)
			ask()
		}
		for i := range 256 {
			eid := lisp.EIDOf(0, netip.AddrFrom4([4]byte{11, 0, 0, byte(i)}))
			c := p.cache.covering(eid)
			if c == nil {
				continue
			}
			compared++
			if truth := w.resolve(eid.Prefix.Addr()); !slices.Equal(c.RLOCs, truth.RLOCs) {
				rt.Fatalf("%v: the map-cache has %v at %v; true is %v at %v", eid, c.EID, c.RLOCs, truth.EID, truth.RLOCs)
			}
		}
	})
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

func (p *Path) cacheList() []*cached {
	var list []*cached
	for _, c := range p.cache.byEID {
		list = append(list, c)
	}
	return list
}

// A mapping that gets a more specific one beside it stays until all parts of the
// rest are resolved: nobody on his way there is missed.
func TestMappingIsSplit(t *testing.T) {
	p, f := newPath(t, Options{})
	w := world{all: farRLOC}
	answer := func(now time.Time) {
		for _, eid := range f.asked {
			p.Resolved(now, eid, w.resolve(eid.Prefix.Addr()), nil)
		}
		f.asked = nil
	}
	at := netip.MustParseAddr
	p.Packet(start, build.PuntMapCacheMiss, 1, udp(source, at("11.0.0.200"), 7, nil))
	answer(start)
	w[netip.MustParsePrefix("11.0.0.8/32")] = ownRLOC
	p.Refresh([]lisp.EID{{Prefix: netip.MustParsePrefix("11.0.0.8/32")}})
	for now := start; now.Before(start.Add(2 * splitTime)); now = now.Add(100 * time.Millisecond) {
		p.Tick(now)
		answer(now)
		for i := range 256 {
			if eid := netip.AddrFrom4([4]byte{11, 0, 0, byte(i)}); p.cache.covering(lisp.EIDOf(0, eid)) == nil {
				t.Fatalf("after %v nothing is known of %v", now.Sub(start), eid)
			}
		}
	}
	if p.cache.get(lisp.EID{Prefix: all}) != nil {
		t.Error("the whole is still there")
	}
}

// What the switch has from another controller is used, and asked for again. What
// nobody answers for goes in the end.
func TestInherit(t *testing.T) {
	p, f := newPath(t, Options{})
	p.Inherit(start, []Resolution{resolution("10.7.0.0/16", 0, farRLOC), resolution("10.8.0.0/16", 0, farRLOC)})
	p.Tick(start)
	if len(f.asked) != 2 || p.cache.len() != 2 {
		t.Fatalf("asked %v, %d mappings", f.asked, p.cache.len())
	}
	p.Resolved(start, lisp.EIDOf(0, netip.MustParseAddr("10.7.0.0")), resolution("10.7.0.0/16", 24*time.Hour, ownRLOC), nil)
	p.Used(start.Add(inheritedTTL/2), map[lisp.EID]uint64{{Prefix: netip.MustParsePrefix("10.7.0.0/16")}: 1, {Prefix: netip.MustParsePrefix("10.8.0.0/16")}: 1})
	p.Tick(start.Add(inheritedTTL))
	if got := p.Cached(); len(got) != 1 || !p.cache.get(got[0]).has(ownRLOC) {
		t.Errorf("%v", got)
	}
}

// More changes than can be remembered lead to everything being asked for again.
func TestRefreshIsBounded(t *testing.T) {
	p, f := newPath(t, Options{})
	r := resolution("10.7.0.0/16", time.Hour, farRLOC)
	p.Packet(start, build.PuntMapCacheMiss, 1, udp(source, far, 7, nil))
	p.Resolved(start, f.asked[0], r, nil)
	for i := range maxStale + 10 {
		p.Refresh([]lisp.EID{lisp.EIDOf(0, netip.AddrFrom4([4]byte{10, 7, byte(i >> 8), byte(i)}))})
	}
	p.Refresh([]lisp.EID{r.EID})
	if len(p.stale) > maxStale {
		t.Fatalf("%d remembered", len(p.stale))
	}
	f.asked = nil
	for i := range 20 {
		p.Tick(start.Add(time.Duration(i) * time.Second))
	}
	if !slices.Contains(f.asked, lisp.EIDOf(0, netip.MustParseAddr("10.7.0.0"))) || len(p.stale) != 0 {
		t.Errorf("%d asked, %d left", len(f.asked), len(p.stale))
	}
}
