package bench

import (
	"encoding/binary"
	"math"
	"net/netip"
)

// The paper's trace: half of the sites hold one viewer.
const (
	PaperViewers = 1429
	PaperSites   = 200
)

// siteBits is the prefix length of a site's EIDs.
const siteBits = 20

// Audience is how many viewers each site has.
type Audience []int

// Skewed spreads viewers over sites as the paper found them: one viewer in
// every second site, and in the others as Zipf's law says, at least two.
func Skewed(viewers, sites int) Audience {
	a := make(Audience, sites)
	for i := range a {
		a[i] = 1
	}
	large := (sites + 1) / 2
	weights, total := make([]float64, large), 0.0
	for i := range weights {
		weights[i] = 1 / float64(i+1)
		total += weights[i]
	}
	rest := viewers - sites - large // beyond the least
	given := 0
	for i := range weights {
		n := int(math.Floor(weights[i] / total * float64(rest)))
		a[2*i] = 2 + n
		given += n
	}
	a[0] += rest - given
	return a
}

// Even spreads viewers over sites as evenly as they go.
func Even(viewers, sites int) Audience {
	a := make(Audience, sites)
	for i := range a {
		a[i] = viewers*(i+1)/sites - viewers*i/sites
	}
	return a
}

// Viewers returns the number of viewers in all.
func (a Audience) Viewers() int {
	n := 0
	for _, s := range a {
		n += s
	}
	return n
}

// viewersBase is where the EIDs of the viewers start.
const viewersBase = 0x64400000 // 100.64.0.0

func ipv4(v uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}

func sitePrefix(site int) uint32 { return viewersBase + uint32(site)<<(32-siteBits) }

func viewer(site, n int) netip.AddrPort {
	return netip.AddrPortFrom(ipv4(sitePrefix(site)+1+uint32(n)), 5004)
}

// rloc is the locator of a site's ETR.
func rloc(site int) uint32 { return 0xC6120001 + uint32(site) } // 198.18.0.1
