package api

import (
	"time"

	"github.com/corecast/corecast/controller/config"
)

// What can be chosen of an object is the same over REST as in the configuration
// file: names, defaults and checks.
type (
	// SwitchSpec is what can be chosen of a switch.
	SwitchSpec = config.Switch
	// SiteSpec is what can be chosen of a site. Secrets are written, never read.
	SiteSpec = config.Site
	// ChannelSpec is what can be chosen of a channel.
	ChannelSpec = config.Channel
)

// Origin is where an object comes from.
type Origin string

// The origins.
const (
	FromFile Origin = "file" // the configuration file, to which it belongs
	FromREST Origin = "rest"
)

// Kind is a sort of object.
type Kind string

// The kinds that can be written, by the names of their paths in the singular,
// and those of events besides.
const (
	KindSwitch  Kind = "switch"
	KindSite    Kind = "site"
	KindChannel Kind = "channel"
	KindStream  Kind = "stream"
)

// Ref names an object.
type Ref struct {
	Kind Kind   `json:"kind" enum:"switch,site,channel,stream"`
	Name string `json:"name" example:"news"`
}

// Meta is what is known of every object that can be written.
type Meta struct {
	// Version is the object's ETag without quotes.
	Version string     `json:"version" doc:"changes with every change of spec: the ETag, without its quotes" example:"1834"`
	Origin  Origin     `json:"origin" enum:"file,rest" doc:"objects of the configuration file can be changed there only"`
	At      string     `json:"at,omitempty" doc:"file and line of an object of the configuration file" example:"corecast.yaml:12"`
	By      string     `json:"by,omitempty" doc:"who made it what it is; of an object made over REST" example:"token:ops"`
	Changed *time.Time `json:"changed,omitempty" doc:"when they did"`
	Unused  string     `json:"unused,omitempty" doc:"why the object is not in use: the configuration file, or an object made before, contradicts it"`
}
