package controller

import (
	"net/netip"
	"reflect"
	"slices"

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
	Meters  []*p4rt.Meter // every other cell has no limit
	// Problems are what could not be programmed, each naming the thing, what
	// is wrong and what would be right.
	Problems []string
}

// equal reports whether two holdings ask the same of a switch.
func (h *Holding) equal(o *Holding) bool {
	return slices.EqualFunc(h.Entries, o.Entries, (*p4rt.Entry).Equal) && reflect.DeepEqual(h.Groups, o.Groups) &&
		reflect.DeepEqual(h.Meters, o.Meters) && slices.Equal(h.Problems, o.Problems)
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
