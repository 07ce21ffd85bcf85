package ui

import (
	"context"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/api"
)

// Source is what the pages are made of. Its methods may be called by any
// goroutine; but for Do all answer at once.
type Source interface {
	// Config is the configuration in force.
	Config() *config.Config
	Status() api.Status
	Switches() []controller.SwitchStatus
	Tables(switchName string) []controller.TableUse
	Objects(kind controller.Kind, name string) []controller.ObjectStatus
	// Nodes are the controllers that share the switches; none: this one has them
	// alone.
	Nodes() []api.Node
	// Audiences are the viewers that sources report, by channel; channels that no
	// source reports now are not there. Nobody may change them.
	Audiences() map[string]*Audience
	Sites() []api.SiteSummary
	Site(name string) (api.Site, bool)
	// Mappings returns a page of mappings; an error tells the user what is wrong
	// with what was asked for, and what would be right.
	Mappings(MappingQuery) (api.Mappings, error)
	// Events are the last n events, oldest first; more says that others are
	// before them.
	Events(n int) (events []eventlog.Entry, more bool)

	// Durable says whether changes last: without a store none can be made.
	Durable() bool
	// Object is an object with its version and where it comes from.
	Object(inventory.Ref) (inventory.Object, bool)
	// Do makes a change as REST does; Preview says what it would do, and
	// Difference what that would write to the switches.
	Do(context.Context, inventory.Change) (inventory.Result, error)
	Preview(context.Context, inventory.Change) (inventory.Result, error)
	Difference(*config.Config) ([]controller.Preview, error)
}

// Audience are the viewers of a channel, as sources report them.
type Audience struct {
	Sources  []string           // who report it
	Reported time.Time          // the oldest of their reports
	Sites    map[string]Viewers // by site; "": of EIDs that no site of ours has
	More     int                // that the reports had no room for: their sites are not known
}

// Viewers counts viewers by how they are served.
type Viewers struct{ CoreCast, Unicast int }

// Total is all of them.
func (v Viewers) Total() int { return v.CoreCast + v.Unicast }

// Total is all viewers of the channel.
func (a *Audience) Total() int {
	n := a.More
	for _, v := range a.Sites {
		n += v.Total()
	}
	return n
}

// MappingQuery selects mappings. Empty fields select all.
type MappingQuery struct {
	EID    string // an EID or EID-prefix
	Site   string
	All    bool // also EID-prefixes that nobody has registered
	Cursor string
	Limit  int
}
