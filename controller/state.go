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

	table table // Mappings, by EID
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
