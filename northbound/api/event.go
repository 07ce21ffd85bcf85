package api

import (
	"encoding/json"
	"time"
)

// EventKind is what happened.
type EventKind string

// The kinds of events.
const (
	Created EventKind = "created" // an object that can be written
	Changed EventKind = "changed"
	Deleted EventKind = "deleted"

	SwitchPhase      EventKind = "switch.phase"      // came to another phase
	SiteRegistered   EventKind = "site.registered"   // has a mapping again
	SiteUnregistered EventKind = "site.unregistered" // has none any more
	SiteRejecting    EventKind = "site.rejecting"    // a Map-Register was refused
	StreamAppeared   EventKind = "stream.appeared"   // a switch takes a stream
	StreamAged       EventKind = "stream.aged"       // a switch has forgotten one
	// EventsMissed says that events between the one before and the one after
	// are no longer kept: list what you follow again.
	EventsMissed EventKind = "events.missed"
)

// Event is something that happened. Created, changed and deleted are the audit of
// every change: they are durable with it, and have it before and after.
type Event struct {
	ID     string          `json:"id" doc:"give it as Last-Event-ID to go on after it" example:"1834.0"`
	Time   time.Time       `json:"time"`
	Kind   EventKind       `json:"kind" enum:"created,changed,deleted,switch.phase,site.registered,site.unregistered,site.rejecting,stream.appeared,stream.aged,events.missed"`
	Object *Ref            `json:"object,omitempty" doc:"to what it happened"`
	Who    string          `json:"who,omitempty" doc:"who made a change: how they showed who they are, and their name" example:"token:ops"`
	Node   string          `json:"node,omitempty" doc:"the controller that saw it"`
	Text   string          `json:"text" doc:"in words" example:"switch itr1 is ready"`
	Before json.RawMessage `json:"before,omitempty" doc:"the spec before a change; without secrets"`
	After  json.RawMessage `json:"after,omitempty" doc:"the spec after a change; without secrets"`
}

// Events is a page of a list of events.
type Events struct {
	Items      []Event `json:"items" nullable:"false" doc:"oldest first"`
	NextCursor string  `json:"next_cursor,omitempty" doc:"give it as cursor to go on; absent on the last page"`
}
