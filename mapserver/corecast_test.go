package mapserver

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// That a site gets CoreCast switches, or loses them, is a change of what it
// registered: those who hold it are solicited, and subscribers are told, with
// the capability if they want to know.
func TestCapabilityChangesAreTold(t *testing.T) {
	const plain = "10.1.0.0/16 1h0m0s 192.0.2.10"
	for _, c := range []struct {
		name string
		site [8]byte
		with string
	}{{"a source", coreCastSiteID, plain + " LCAF"}, {"an ordinary ITR", [8]byte{8}, plain}} {
		t.Run(c.name, func(t *testing.T) {
			u := newSubscriber(t, Options{}, studio())
			u.xtr.Site = c.site
			u.registerHome(2)
			u.move("10.1.0.0/16", "192.0.2.10")
			u.expect("confirmed", u.subscribe("10.1.2.3", subscriberRLOC.Addr()), 1000, plain)
			u.askFrom("192.0.2.50", "10.1.2.3")
			for i, on := range []bool{true, true, false} {
				before := u.s.Counters().Changes
				site, owner := studio(), studio()
				site.CoreCast = on
				owner.Name, owner.EIDPrefixes = "home", prefixes("10.200.0.0/16")
				if err := u.s.SetSites([]Site{site, owner}); err != nil {
					t.Fatal(err)
				}
				list := u.advance(5 * time.Second)
				_, told := u.told(list)
				u.acknowledge(list, "sesame")
				want := []string{c.with}
				if !on {
					want = []string{plain}
				}
				if i == 1 { // nothing has changed
					if u.s.Counters().Changes != before || len(told) != 0 {
						t.Errorf("the same configuration again: told %q", told)
					}
					continue
				}
				for n := range told {
					told[n] = withoutJSON(told[n])
				}
				told = slices.Compact(told) // it was not acknowledged at once
				if len(told) != 1 || told[0] != want[0] {
					t.Errorf("CoreCast %v: told %q, want %q", on, told, want)
				}
				if got := solicited(t, list); len(got) != 1 || !strings.HasPrefix(got[0], "192.0.2.50:") {
					t.Errorf("CoreCast %v: %v is solicited", on, got)
				}
				u.askFrom("192.0.2.50", "10.1.2.3")
			}
		})
	}
}

// withoutJSON shortens what describe writes for a capability.
func withoutJSON(s string) string {
	if head, _, ok := strings.Cut(s, "LCAF"); ok {
		return head + "LCAF"
	}
	return s
}
