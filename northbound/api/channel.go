package api

import "time"

// Channels is a page of a list of channels.
type Channels struct {
	Items      []Channel `json:"items" nullable:"false" doc:"in the order of their names"`
	NextCursor string    `json:"next_cursor,omitempty" doc:"give it as cursor to go on; absent on the last page"`
}

// Channel is a channel: what was chosen, and how far it is.
type Channel struct {
	Name string `json:"name" example:"news"`
	Meta
	Spec     ChannelSpec   `json:"spec" doc:"as it was written, with what was omitted filled in"`
	State    State         `json:"state" enum:"ready,pending,failing,unused" doc:"of all switches together"`
	Reason   string        `json:"reason,omitempty" doc:"why it is not ready"`
	Switches []ObjectState `json:"switches" nullable:"false" doc:"its ITR, and the ETRs that take it"`
}

// State is how far an object is.
type State string

// The states.
const (
	Ready   State = "ready"   // every switch holds all of it
	Pending State = "pending" // some switch has not been told of all of it yet
	Failing State = "failing" // some switch refuses some of it, or it does not fit
	Unused  State = "unused"  // see Meta.Unused
)

// ObjectState is how far an object is on a switch.
type ObjectState struct {
	Switch    string     `json:"switch" example:"itr1"`
	Role      string     `json:"role,omitempty" enum:"itr,etr" doc:"what the switch is to the channel"`
	State     State      `json:"state" enum:"ready,pending,failing"`
	Wanted    int        `json:"wanted" doc:"entries, groups and meter cells that the switch is to hold for it"`
	Installed int        `json:"installed" doc:"of these, that it is known to hold"`
	Why       string     `json:"why,omitempty" doc:"what the switch refuses, and its word for it"`
	Since     *time.Time `json:"since,omitempty" doc:"since when it fails"`
}
