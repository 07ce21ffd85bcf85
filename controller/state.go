package controller

import (
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
	// its site's instance. Each EID prefix is there once.
	Mappings []Mapping
	// Numbers are those of the State before, so that what stays keeps its
	// numbers; nil at first.
	Numbers Numbers

	table    table               // Mappings, by EID
	channels *channelTable       // Config's, and what became of them
	taking   map[string][]string // what takers has found
}

// takers are the switches whose sites take the known channels of a site. Its
// caller holds Controller.desired.
func (s *State) takers(source string) []string {
	if names, ok := s.taking[source]; ok {
		return names
	}
	var names []string
	site := s.Config.FindSite(source)
	for i := range s.Config.Switches {
		sw := &s.Config.Switches[i]
		if takesKnown(s.Config.FindSite(sw.Site), site) {
			names = append(names, sw.Name)
		}
	}
	if s.taking == nil {
		s.taking = map[string][]string{}
	}
	s.taking[source] = names
	return names
}

// takesKnown reports whether a site takes the channels of another that the
// controller knows.
func takesKnown(site, source *config.Site) bool {
	return source.Name != site.Name && source.InstanceID == site.InstanceID && site.CoreCast && site.AcceptStreams != config.AcceptNone
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

// count is how many objects a switch is to hold.
func (h *Holding) count() int { return len(h.Entries) + len(h.Groups) + len(h.Meters) }
