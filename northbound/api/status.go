package api

import (
	"net/netip"
	"time"
)

// Status is how the controller and all around it are.
type Status struct {
	OK       bool      `json:"ok" doc:"nothing is broken, whatever is waited for"`
	Problems []Problem `json:"problems" nullable:"false" doc:"what is broken, the first one first to be looked at; then what is waited for"`
	Warnings []string  `json:"warnings" nullable:"false" doc:"what the configuration allows but will not do all that it asks for"`

	Version string    `json:"version" doc:"of corecast"`
	Started time.Time `json:"started"`

	MapServer MapServer    `json:"map_server"`
	Sites     SiteCounts   `json:"sites"`
	Switches  SwitchCounts `json:"switches"`
	Store     Store        `json:"store"`
	Nodes     []Node       `json:"nodes" nullable:"false" doc:"the controllers that share the store; empty: this one has it alone"`
}

// Node is one of several controllers.
type Node struct {
	Name    string    `json:"name" example:"node-a"`
	URL     string    `json:"url,omitempty" doc:"of its REST API" example:"http://127.0.0.1:8080"`
	Since   time.Time `json:"since" doc:"when it was started"`
	Masters int       `json:"masters" doc:"switches that it masters"`
	Self    bool      `json:"self,omitempty" doc:"it is the one that answers"`
}

// Problem is one thing that is broken.
type Problem struct {
	What string `json:"what" example:"switch itr"`
	Why  string `json:"why" example:"connection refused"`
	Next string `json:"next" doc:"what to do now: a command, or a change of the configuration"`
	// Waiting problems are no fault, or none yet.
	Waiting bool `json:"waiting,omitempty" doc:"nothing is broken: it is for others to do their part, and some time is left for that"`
}

// MapServer is the Map-Server's state.
type MapServer struct {
	Running   bool             `json:"running"`
	Addresses []netip.AddrPort `json:"addresses" nullable:"false" doc:"that it listens on"`

	Mappings      int `json:"mappings" doc:"registered now"`
	Static        int `json:"static" doc:"EID-prefixes answered with configured RLOCs"`
	Unregistered  int `json:"unregistered" doc:"EID-prefixes of sites that have no mapping"`
	Subscriptions int `json:"subscriptions" doc:"PubSub"`

	Requests  uint64 `json:"requests" doc:"Map-Requests taken since the start"`
	Replies   uint64 `json:"replies" doc:"Map-Replies sent"`
	Registers uint64 `json:"registers" doc:"Map-Registers accepted"`
	Dropped   uint64 `json:"dropped" doc:"messages and records that were not accepted"`

	LastRejects []Reject `json:"last_rejects" nullable:"false" doc:"of no site, newest first"`
}

// SiteCounts counts sites.
type SiteCounts struct {
	Total      int `json:"total"`
	Registered int `json:"registered" doc:"with at least one registered mapping"`
	Rejecting  int `json:"rejecting" doc:"whose last Map-Register was refused"`
}

// SwitchCounts counts switches.
type SwitchCounts struct {
	Total int `json:"total"`
	Ready int `json:"ready" doc:"that hold all that is wanted"`
}

// Store is the state of what keeps durable state.
type Store struct {
	Name      string `json:"name" doc:"as configured; empty: registrations are kept in memory only" example:"file:corecast.db"`
	Waiting   int    `json:"waiting" doc:"those that are not yet written"`
	Written   uint64 `json:"written" doc:"registrations, subscriptions and nonces of the Map-Server written since the start; changes over REST are written before they are answered and are not counted here"`
	Dropped   uint64 `json:"dropped" doc:"changes that found no room to wait"`
	Failures  uint64 `json:"failures" doc:"writes that failed, and were or are tried again"`
	LastError string `json:"last_error,omitempty" doc:"of the last write, if it failed"`
}

// Switches is the list of all switches.
type Switches struct {
	Items      []Switch `json:"items" nullable:"false" doc:"those of the configuration file first, in its order"`
	NextCursor string   `json:"next_cursor,omitempty" doc:"give it as cursor to go on; absent on the last page"`
}

// Switch is the state of one switch.
type Switch struct {
	Name string `json:"name" example:"itr"`
	Meta
	Spec      SwitchSpec        `json:"spec" doc:"as it was written, with what was omitted filled in"`
	Address   string            `json:"address" doc:"of its P4Runtime server" example:"127.0.0.1:9559"`
	Phase     string            `json:"phase" enum:"connecting,syncing,ready,failing,standby" doc:"standby: no controller masters it yet"`
	Master    string            `json:"master,omitempty" doc:"the controller that masters it, where several share the switches"`
	Reason    string            `json:"reason,omitempty" doc:"why it is not ready"`
	Since     time.Time         `json:"since" doc:"when it came to this phase"`
	Wanted    int               `json:"wanted" doc:"entries, groups and meter cells that it is to hold"`
	Installed int               `json:"installed" doc:"of these, that it is known to hold"`
	Problems  []string          `json:"problems" nullable:"false" doc:"what is wanted and cannot be programmed"`
	Updates   uint64            `json:"updates" doc:"written since the start"`
	Pipelines uint64            `json:"pipelines" doc:"programs pushed since the start"`
	Retries   uint64            `json:"retries" doc:"attempts that failed"`
	Punts     map[string]uint64 `json:"punts" doc:"packets to the controller, by reason"`

	PuntsDropped uint64 `json:"punts_dropped" doc:"of these, that came faster than they were taken"`
}
