package controller

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/p4/build"
)

// unusable is the priority of an RLOC that must not be sent to (RFC 9301).
const unusable = 255

// share is an RLOC and how many of a set's RLOC_BUCKETS buckets are its own.
type share struct {
	rloc    netip.Addr
	buckets int
}

// apportion gives the buckets to the usable RLOCs of the lowest priority by
// weight (largest remainder); RLOCs without a bucket are left out. Equal weights
// of 0 share evenly. The result is in the order of addresses.
func apportion(rlocs []config.RLOC, usable func(netip.Addr) bool) []share {
	best := bestPriority(rlocs, usable)
	total := 0
	for _, r := range best {
		total += int(r.Weight)
	}
	weight := func(r config.RLOC) int { return int(r.Weight) }
	if total == 0 {
		total, weight = len(best), func(config.RLOC) int { return 1 }
	}
	shares := make([]share, len(best))
	left, order := build.RLOCBuckets, make([]int, len(best))
	for i, r := range best {
		shares[i] = share{r.Address, build.RLOCBuckets * weight(r) / total}
		left -= shares[i].buckets
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Compare(build.RLOCBuckets*weight(best[j])%total, build.RLOCBuckets*weight(best[i])%total)
	})
	for _, i := range order[:min(left, len(order))] {
		shares[i].buckets++
	}
	return slices.DeleteFunc(shares, func(s share) bool { return s.buckets == 0 })
}

// bestPriority are the usable RLOCs of the lowest priority, in the order of
// addresses.
func bestPriority(rlocs []config.RLOC, usable func(netip.Addr) bool) []config.RLOC {
	var best []config.RLOC
	for _, r := range rlocs {
		switch {
		case r.Priority == unusable || !usable(r.Address):
		case len(best) > 0 && r.Priority > best[0].Priority:
		case len(best) > 0 && r.Priority < best[0].Priority:
			best = []config.RLOC{r}
		default:
			best = append(best, r)
		}
	}
	slices.SortFunc(best, func(a, b config.RLOC) int { return a.Address.Compare(b.Address) })
	return best
}

// setName names a set by what it holds.
func setName(shares []share) string {
	parts := make([]string, len(shares))
	for i, s := range shares {
		parts[i] = fmt.Sprintf("%v*%d", s.rloc, s.buckets)
	}
	return strings.Join(parts, ",")
}
