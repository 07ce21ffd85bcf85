package api

import (
	"net/netip"
	"time"
)

// Streams is a page of a list of streams.
type Streams struct {
	Items      []Stream `json:"items" nullable:"false" doc:"in the order of switch and name"`
	NextCursor string   `json:"next_cursor,omitempty" doc:"give it as cursor to go on; absent on the last page"`
}

// Stream is a channel as the ETR of another site takes it.
type Stream struct {
	Name        string       `json:"name" doc:"of its channel, if it is one of ours" example:"news"`
	Switch      string       `json:"switch" doc:"the ETR" example:"etr1"`
	Site        string       `json:"site" doc:"of the ETR"`
	SourceEID   netip.Addr   `json:"source_eid"`
	ReservedEID netip.Addr   `json:"reserved_eid"`
	RLOCs       []netip.Addr `json:"rlocs" nullable:"false" doc:"from which it may come"`
	Delivery    string       `json:"delivery" enum:"unicast,multicast"`
	Group       string       `json:"group,omitempty" doc:"of multicast delivery" example:"232.1.1.1:5004"`
	Learned     bool         `json:"learned" doc:"it came by itself: the site accepts any stream"`
	Slot        int          `json:"slot" doc:"payload store that it has; -1: none"`
	State       State        `json:"state" enum:"ready,pending,failing"`
	Why         string       `json:"why,omitempty" doc:"why it is not ready"`
}

// Drops is what switches have dropped.
type Drops struct {
	Items []Drop `json:"items" nullable:"false" doc:"in the order of switch and reason"`
	// Unread names the switches that could not be asked.
	Unread []Unread `json:"unread" nullable:"false" doc:"switches whose counters could not be read, and why"`
}

// Drop counts what one switch dropped for one reason.
type Drop struct {
	Switch  string `json:"switch" example:"itr1"`
	Reason  string `json:"reason" example:"unknown_payload"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// Unread is a switch that could not be asked.
type Unread struct {
	Switch string `json:"switch"`
	Why    string `json:"why"`
}

// SourceReport is what a source says of its channels and viewers.
type SourceReport struct {
	Interval int             `json:"interval_seconds" minimum:"1" maximum:"3600" doc:"when the next report comes; what is reported lasts three times as long"`
	Channels []SourceChannel `json:"channels" maxItems:"1000" nullable:"false"`
}

// SourceChannel is what a source says of one channel.
type SourceChannel struct {
	Name     string         `json:"name" example:"news"`
	Payloads uint64         `json:"payloads" doc:"sent since the start"`
	Bytes    uint64         `json:"bytes" doc:"of media in them"`
	Headers  uint64         `json:"headers" doc:"header packets sent"`
	Unicast  uint64         `json:"unicast" doc:"packets sent to viewers of sites without CoreCast"`
	Viewers  []SourceViewer `json:"viewers" maxItems:"10000" nullable:"false"`
	// More counts the viewers that did not fit the report.
	More int `json:"more" required:"false" minimum:"0" doc:"viewers that are not in the list"`
}

// SourceViewer is a viewer of a channel.
type SourceViewer struct {
	EID      netip.Addr `json:"eid" example:"10.1.0.7"`
	Port     uint16     `json:"port" example:"5004"`
	CoreCast bool       `json:"corecast" required:"false" doc:"it is served by CoreCast, else by unicast"`
	Since    time.Time  `json:"since" doc:"when it joined"`
}

// Viewers is a page of a list of viewers.
type Viewers struct {
	Items      []Viewer `json:"items" nullable:"false" doc:"in the order of channel, EID and port"`
	Total      int      `json:"total" doc:"of the list, and those that sources have no room to report"`
	NextCursor string   `json:"next_cursor,omitempty" doc:"give it as cursor to go on; absent on the last page"`
}

// Viewer is a viewer, as its source reported it.
type Viewer struct {
	Channel string `json:"channel" example:"news"`
	SourceViewer
	Source   string    `json:"source" doc:"who reported it" example:"studio-1"`
	Site     string    `json:"site,omitempty" doc:"whose EID it has, if that is one of ours"`
	Reported time.Time `json:"reported"`
}

// Sources is the list of sources that report.
type Sources struct {
	Items []Source `json:"items" nullable:"false" doc:"in the order of their names"`
}

// Source is a source that reports.
type Source struct {
	Name     string         `json:"name" example:"studio-1"`
	Reported time.Time      `json:"reported"`
	Expires  time.Time      `json:"expires" doc:"when it is forgotten unless it reports again"`
	Channels []SourceTotals `json:"channels" nullable:"false"`
}

// SourceTotals is what a source said of one channel, without its viewers.
type SourceTotals struct {
	Name     string `json:"name"`
	Payloads uint64 `json:"payloads"`
	Bytes    uint64 `json:"bytes"`
	Headers  uint64 `json:"headers"`
	Unicast  uint64 `json:"unicast"`
	Viewers  int    `json:"viewers"`
}
