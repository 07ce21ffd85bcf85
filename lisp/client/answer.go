package client

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
)

// An Answer is what a Map-Request brought.
type Answer struct {
	Records  []lisp.Record
	From     netip.AddrPort // who answered: Map-Resolver, Map-Server or ETR
	Asked    netip.AddrPort // the Map-Resolver whose request was answered
	RTT      time.Duration  // from that attempt to its answer
	Attempts int            // made in all
	Notified bool           // a Map-Notify: the subscription was taken (RFC 9437)
}

// Find returns the record that says most about an EID: the one of the longest
// prefix that contains it.
func (a *Answer) Find(eid lisp.EID) (lisp.Record, bool) {
	best, found := lisp.Record{}, false
	for _, r := range a.Records {
		have, ok := r.Prefix.EID()
		if ok && contains(have, eid) && (!found || r.Prefix.MaskLen > best.Prefix.MaskLen) {
			best, found = r, true
		}
	}
	return best, found
}

// contains says whether a covers all of b.
func contains(a, b lisp.EID) bool {
	return a.InstanceID == b.InstanceID && a.Prefix.Bits() <= b.Prefix.Bits() && a.Prefix.Contains(b.Prefix.Addr())
}

// about says whether one of the records is about eid: covers it, or is part
// of it where a prefix was asked for.
func about(records []lisp.Record, eid lisp.EID) bool {
	return slices.ContainsFunc(records, func(r lisp.Record) bool {
		have, ok := r.Prefix.EID()
		return ok && (contains(have, eid) || contains(eid, have))
	})
}

// cloneRecords copies records out of the packet that they alias.
func cloneRecords(records []lisp.Record) []lisp.Record {
	out := make([]lisp.Record, len(records))
	for i, r := range records {
		out[i] = cloneRecord(r)
	}
	return out
}

func cloneRecord(r lisp.Record) lisp.Record {
	r.Prefix.Raw = bytes.Clone(r.Prefix.Raw)
	r.Locators = slices.Clone(r.Locators)
	for i := range r.Locators {
		r.Locators[i].Address.Raw = bytes.Clone(r.Locators[i].Address.Raw)
	}
	return r
}
