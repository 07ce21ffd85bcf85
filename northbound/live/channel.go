package live

import (
	"math"
	"net/netip"
	"time"
)

// Rate is how often something happens, and how often it did since a Channel's
// Since.
type Rate struct {
	PerSecond float64
	Total     float64
}

// Event is something that happened to a channel at its ITR, or to packets at a
// switch, and what its name means.
type Event struct {
	Name, Meaning string
	Rate
}

// Channel is the traffic of a channel over the last seconds.
type Channel struct {
	Name string
	Err  error // why the counters could not be read; what follows is then of the last reading
	ITR  string
	At   time.Time
	// Since is when totals start: when somebody first looked, or when a switch
	// last began to count anew.
	Since time.Time
	// Steady says that rates are known: there were two readings.
	Steady bool

	Payloads Rate // at the ITR
	Headers  Rate // forwarded by the ITR
	Copies   Rate // of payloads that the ITR sent, repeats included
	Media    Rate // bytes of payload packets without CoreCast's header, IP and UDP included
	Transit  Rate // bytes of IP from the ITR to ETRs
	Unicast  Rate // bytes of IP, had each viewer been sent its own
	Links    []Link
	Events   []Event // at the ITR
	History  []Point // oldest first
}

// Viewers is how many viewers receive the channel in sites whose ETR is ours.
func (c *Channel) Viewers() int {
	n := 0
	for i := range c.Links {
		n += c.Links[i].Viewers
	}
	return n
}

// Link is the traffic of a channel from its ITR to one RLOC.
type Link struct {
	RLOC    netip.Addr
	Copies  Rate
	Headers Rate
	Transit Rate // bytes of IP
	// PerPayload is how many copies of each payload there are.
	PerPayload float64

	// Of an ETR of ours; Switch is empty if it is somebody else's. Where one ETR
	// has several RLOCs, its first link with traffic tells of it.
	Switch  string
	Site    string
	Err     error // why it could not be read
	Arrived Rate  // payload copies stored
	Made    Rate  // packets to viewers
	Viewers int
	Lost    Rate // payload copies and headers that did not arrive
	Unknown Rate // headers whose payload was not there
	// Refused counts what the ETR did not take: damaged copies, entries for
	// viewers that it does not have, what is beyond a limit.
	Refused Rate
	// Multicast says that the ETR delivers to a group: viewers are not known.
	Multicast bool
}

// Point is a moment of a channel's history: rates over the second before.
type Point struct {
	At                time.Time
	Payloads, Headers float64 // a second
	Transit, Unicast  float64 // bytes a second
}

const (
	// window is what rates are taken over.
	window = 3 * time.Second
	// longWindow is for shares, which must not flicker.
	longWindow = 10 * time.Second
	// MaxHistory is how many points there are at most.
	MaxHistory = 300
)

// ratio is a/b, or 0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// viewers is how many packets were made of each payload.
func viewers(made, payloads float64) int { return int(math.Round(ratio(made, payloads))) }
