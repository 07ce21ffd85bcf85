package mapserver

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/gaissmai/bart"
	"pgregory.net/rapid"

	"github.com/corecast/corecast/lisp"
)

// An ITR that caches all of one Map-Reply is told the truth of every EID that the
// reply covers, whatever is configured and registered: with longest match over the
// cached records it finds what it would be told if it asked for that EID.
func TestWhatIsCachedIsTrue(t *testing.T) {
	compared := 0
	rapid.Check(t, func(rt *rapid.T) {
		instance := rapid.Uint32Range(0, 2).Draw(rt, "instance")
		h := newHarness(t, Options{RequestRate: -1}, nestedSites(rt, instance)...)
		for range rapid.IntRange(0, 60).Draw(rt, "registers") {
			ttl := rapid.SampledFrom([]uint32{0, 10, 10}).Draw(rt, "TTL")
			rec := lisp.Record{Prefix: lisp.PrefixOf(lisp.EID{InstanceID: instance, Prefix: drawWithin24(rt, 8)}), TTL: ttl}
			if rapid.IntRange(0, 5).Draw(rt, "locators") > 0 {
				rec.Locators = locators("192.0.2." + itoa(rapid.IntRange(1, 99).Draw(rt, "RLOC")))
			}
			h.handle(etr, registerOf(1, rec).encode(t))
		}
		asked := lisp.EIDOf(instance, drawWithin24(rt, 8).Addr())
		r := lisp.MapRequest{Nonce: 7, ITRs: []lisp.Address{{IP: itr.Addr()}}, Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(asked)}}}
		cache := new(bart.Table[lisp.Record])
		for _, rec := range h.askWith(r) {
			e, _ := rec.Prefix.EID()
			cache.Insert(e.Prefix, rec)
		}
		if _, ok := cache.Lookup(asked.Prefix.Addr()); !ok {
			rt.Fatalf("the answer for %s does not cover it", asked)
		}
		for i := range 256 {
			at := lisp.EIDOf(instance, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
			rec, ok := cache.Lookup(at.Prefix.Addr())
			if !ok || rec.Action == lisp.ActionSendMapRequest {
				continue // it asks
			}
			compared++
			truth, _ := h.s.Resolve(at)
			if got, want := whatIsTold(rec.Action, rec.Locators), whatIsTold(truth.Action, truth.Locators); got != want {
				rt.Fatalf("asked for %s, %s is cached as %s; it is %s", asked, at, got, want)
			}
		}
	})
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

func whatIsTold(action lisp.Action, list []lisp.Locator) string {
	if len(list) > 0 {
		return fmt.Sprint(list)
	}
	return action.String()
}

func drawWithin24(t *rapid.T, most int) netip.Prefix {
	p, _ := netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "address")}).Prefix(24 + rapid.IntRange(0, most).Draw(t, "bits"))
	return p
}

// nestedSites returns sites whose EID-prefixes are within each other's.
func nestedSites(t *rapid.T, instance uint32) (sites []Site) {
	used := map[netip.Prefix]bool{}
	for i := range rapid.IntRange(1, 3).Draw(t, "sites") {
		s := studio()
		s.Name, s.InstanceID, s.EIDPrefixes = "site"+itoa(i), instance, nil
		for range rapid.IntRange(1, 2).Draw(t, "EID-prefixes") {
			if p := drawWithin24(t, 4); !used[p] {
				used[p], s.EIDPrefixes = true, append(s.EIDPrefixes, p)
			}
		}
		if rapid.IntRange(0, 2).Draw(t, "static") == 0 {
			s.RLOCs = []RLOC{{Address: netip.MustParseAddr("192.0.2.200"), Priority: 1}}
		}
		if len(s.EIDPrefixes) > 0 {
			sites = append(sites, s)
		}
	}
	return sites
}
