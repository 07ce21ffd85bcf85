package controller

import (
	"hash/fnv"
	"math"
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// State is all that decides what switches hold.
type State struct {
	// Schema is the program's.
	Schema *p4rt.Schema
	// Config is complete (config.Load, or config.Config.Complete).
	Config *config.Config
	// Mappings are the mappings in use, of any site; a switch gets those of
	// its site's instance.
	Mappings []Mapping
	// Numbers are those of the State before, so that what stays keeps its
	// numbers; nil at first.
	Numbers Numbers
}

// Mapping is an entry of the map-cache: an EID prefix and the RLOCs behind
// which it is.
type Mapping struct {
	InstanceID uint32
	Prefix     netip.Prefix
	RLOCs      []config.RLOC
}

// Holding is what one switch is to hold.
type Holding struct {
	Entries []*p4rt.Entry // canonical, in the order of their keys
	Groups  []*p4rt.Group
	// Problems are what could not be programmed, each naming the thing, what
	// is wrong and what would be right.
	Problems []string
}

// StaticMappings are the mappings that the configuration itself knows: every
// site's prefixes at its RLOCs.
func StaticMappings(cfg *config.Config) []Mapping {
	var ms []Mapping
	for _, s := range cfg.Sites {
		for _, prefix := range s.EIDPrefixes {
			if len(s.RLOCs) > 0 {
				ms = append(ms, Mapping{s.InstanceID, prefix, s.RLOCs})
			}
		}
	}
	return ms
}

// unusable is the priority of an RLOC that must not be sent to (RFC 9301).
const unusable = 255

// choose picks the RLOC that a switch sends a mapping's traffic to: of the
// lowest priority, shared by weight with a hash of switch and prefix. It never
// depends on the viewer, so that a site gets one payload copy. It returns
// false when no IPv4 RLOC is usable.
func (m Mapping) choose(switchName string) (netip.Addr, bool) {
	var best netip.Addr
	bestPriority, bestScore := uint8(unusable), 0.0
	for _, r := range m.RLOCs {
		if !r.Address.Is4() || r.Priority == unusable || r.Priority > bestPriority {
			continue
		}
		// Weighted rendezvous hashing: changing one RLOC moves only the
		// mappings that it wins or loses.
		score := -float64(max(r.Weight, 1)) / math.Log(hashUnit(switchName, m.Prefix.String(), r.Address.String()))
		if r.Priority < bestPriority || score > bestScore {
			best, bestPriority, bestScore = r.Address, r.Priority, score
		}
	}
	return best, best.IsValid()
}

// hashUnit hashes strings into (0, 1).
func hashUnit(parts ...string) float64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd // FNV alone mixes its last bytes badly
	x ^= x >> 33
	return (float64(x>>11) + 0.5) / (1 << 53)
}
