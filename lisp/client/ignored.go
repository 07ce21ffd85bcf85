package client

import "sync/atomic"

// ignored is why a packet was not taken.
type ignored int

const (
	taken ignored = iota
	ignoredMalformed
	ignoredNonce
	ignoredEID
	ignoredSource
	ignoredAuth
	ignoredUnexpected
	ignoredBusy
	ignoredReasons
)

// Ignored counts the packets that were not taken, by why.
type Ignored struct {
	Malformed  uint64 // not a LISP control message
	Nonce      uint64 // answers nothing that is open
	EID        uint64 // about another EID
	Source     uint64 // a Map-Notify from somebody who is not the Map-Server
	Auth       uint64 // authentication data does not match
	Unexpected uint64 // a message that is not for this kind of client
	Busy       uint64 // an SMR while too many are being followed
}

// Total is the sum of all counters.
func (i Ignored) Total() uint64 {
	return i.Malformed + i.Nonce + i.EID + i.Source + i.Auth + i.Unexpected + i.Busy
}

// ignoredCounters counts what Ignored shows.
type ignoredCounters [ignoredReasons]atomic.Uint64

func (c *ignoredCounters) count(why ignored) {
	if why != taken {
		c[why].Add(1)
	}
}

func (c *ignoredCounters) snapshot() Ignored {
	return Ignored{
		Malformed: c[ignoredMalformed].Load(), Nonce: c[ignoredNonce].Load(), EID: c[ignoredEID].Load(),
		Source: c[ignoredSource].Load(), Auth: c[ignoredAuth].Load(), Unexpected: c[ignoredUnexpected].Load(),
		Busy: c[ignoredBusy].Load(),
	}
}
