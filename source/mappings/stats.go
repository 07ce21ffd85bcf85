package mappings

import (
	"sync/atomic"

	"github.com/corecast/corecast/lisp/client"
)

// Stats is what a Client knows and has done.
type Stats struct {
	Mappings   int     `json:"mappings"`
	CoreCast   int     `json:"corecast"`      // of those: sites with a CoreCast ETR
	Stale      int     `json:"stale"`         // asked for again without an answer
	Subscribed int     `json:"subscribed"`    // the Map-Server tells of changes
	Registered bool    `json:"registered"`    // the Map-Server knows us
	Requests   uint64  `json:"requests"`      // Map-Requests
	Answers    uint64  `json:"answers"`       // Map-Replies and confirmations taken
	Unanswered uint64  `json:"unanswered"`    // requests that nobody answered
	Notified   uint64  `json:"notifications"` // Map-Notifies of changes taken
	Solicited  uint64  `json:"solicited"`     // SMRs about what is known here
	Changes    uint64  `json:"changes"`       // mappings that became others
	Full       uint64  `json:"full"`          // mappings and requests beyond the limits
	Dropped    Dropped `json:"dropped"`
}

// Dropped counts messages, and records of messages, that were not taken, by why.
type Dropped struct {
	Malformed  uint64 `json:"malformed"`
	Nonce      uint64 `json:"nonce"`      // answers no request that is open, or repeats a notification
	EID        uint64 `json:"eid"`        // about another EID than was asked for
	Source     uint64 `json:"source"`     // a Map-Notify from somebody else than the Map-Server
	Auth       uint64 `json:"auth"`       // a Map-Notify that is not signed with our key
	Unexpected uint64 `json:"unexpected"` // messages that are not for a source
	Record     uint64 `json:"record"`     // a record beside the answer, about another EID
}

// counters are the parts of Stats that are counted.
type counters struct {
	requests, answers, unanswered, notified, solicited, changes, record, full atomic.Uint64
}

// Stats returns the counts of this moment.
func (c *Client) Stats() Stats {
	n := &c.counts
	s := Stats{
		Registered: c.registered.Load(),
		Requests:   n.requests.Load(), Answers: n.answers.Load(), Unanswered: n.unanswered.Load(), Notified: n.notified.Load(),
		Solicited: n.solicited.Load(), Changes: n.changes.Load(), Full: n.full.Load(),
	}
	s.Dropped.Record = n.record.Load()
	s.Dropped.add(c.resolver.Ignored())
	if c.xtr != nil {
		s.Dropped.add(c.xtr.Ignored())
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	s.Mappings = c.table.size
	c.table.all(func(e *entry) {
		if e.CoreCast {
			s.CoreCast++
		}
		if e.failures > 0 {
			s.Stale++
		}
		if e.subscribed {
			s.Subscribed++
		}
	})
	return s
}

// Total is the sum of all.
func (d *Dropped) Total() uint64 {
	return d.Malformed + d.Nonce + d.EID + d.Source + d.Auth + d.Unexpected + d.Record
}

func (d *Dropped) add(i client.Ignored) {
	d.Malformed += i.Malformed
	d.Nonce += i.Nonce
	d.EID += i.EID
	d.Source += i.Source
	d.Auth += i.Auth
	d.Unexpected += i.Unexpected + i.Busy
}
