package mapserver

import (
	"net/netip"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/store"
)

// Origin is where a mapping comes from.
type Origin string

// Origins of mappings.
const (
	OriginRegistered   Origin = "registered"   // by an xTR
	OriginStatic       Origin = "static"       // the site's configured RLOCs
	OriginUnregistered Origin = "unregistered" // an EID-prefix of a site that nobody has registered: negative
	OriginHole         Origin = "hole"         // no EIDs of any site: negative
	OriginUpstream     Origin = "upstream"     // an upstream Map-Resolver's answer
)

// Mapping is what the server answers for an EID-prefix. It shares nothing with
// the server.
type Mapping struct {
	EID      lisp.EID
	Site     string // empty for holes and upstream mappings
	Origin   Origin
	Locators []lisp.Locator // sorted: IPv4 first, then by address; empty if negative
	Action   lisp.Action    // of a negative mapping
	TTL      time.Duration  // as requesters are told
	// Proxy: the server answers for the site; if false it forwards Map-Requests
	// to the site's xTRs.
	Proxy         bool
	CoreCast      bool           // the site has CoreCast switches
	Registrations []Registration // the last to register comes first
}

// Registration is what one xTR registered for a prefix.
type Registration struct {
	From       netip.Addr // the source of the Map-Register
	XTR        lisp.XTR   // zero if it sent no xTR-ID
	KeyID      uint8
	Since      time.Time // the first Map-Register of this content
	Refreshed  time.Time // the last one
	Expires    time.Time
	Merge      bool           // asked to be merged with those of other xTRs
	ProxyReply bool           // asked the server to answer for it
	Locators   []lisp.Locator // what it registered itself
}

// MappingFilter selects mappings; the zero value selects the registered and
// the static ones, from the first on.
type MappingFilter struct {
	Site       string       // "" for all
	InstanceID *uint32      // nil for all
	Within     netip.Prefix // the zero Prefix for all: mappings that cover it or are within it
	All        bool         // also EID-prefixes that nobody registered
	After      *lisp.EID    // go on after this one, in the order of listing
	Limit      int          // at most so many; 0 means 1000
}

// SiteStatus is what is known of a site besides its configuration.
type SiteStatus struct {
	Name          string
	InstanceID    uint32
	EIDPrefixes   []PrefixStatus
	Mappings      int // that are registered now
	XTRs          []XTRStatus
	LastRegister  time.Time // the last accepted one; zero if none
	Registers     uint64    // Map-Registers accepted
	Records       uint64    // records in them
	Withdrawals   uint64    // records with TTL 0
	Notifies      uint64    // Map-Notifies sent as acknowledgment
	Requests      uint64    // asked EIDs that fell to the site
	Forwarded     uint64    // of which were forwarded to an xTR
	Changes       uint64    // mappings that appeared, changed or went
	Rejected      map[string]uint64
	LastRejects   []Reject // newest first
	Subscriptions int      // PubSub, of this site's xTRs
}

// PrefixStatus tells whether a configured EID-prefix is registered.
type PrefixStatus struct {
	Prefix        netip.Prefix
	Registered    bool // this very prefix
	MoreSpecifics int  // registered prefixes within it; they are counted up to about 1000
}

// XTRStatus is one xTR that has registered since the server knows it.
type XTRStatus struct {
	From  netip.AddrPort // of its last Map-Register
	XTR   lisp.XTR       // zero: those without xTR-ID
	KeyID uint8          // that it used last
	Nonce uint64         // that it sent last
	Last  time.Time
}

// Reject is a Map-Register, or a record of it, that was not accepted; or
// another message that was dropped.
type Reject struct {
	Time   time.Time
	From   netip.AddrPort
	Site   string // empty if it is not known whose it is
	EID    string // the EID-prefix in question; empty if none could be read
	Cause  string // as counted: see Causes
	Reason string // in words: "HMAC does not match key id 1 of site studio"
	Count  uint64 // how often the same came from the same address
}

// Counters are the server's totals since it was started.
type Counters struct {
	Requests         uint64 // Map-Requests taken
	RequestedEIDs    uint64 // EID-prefixes asked for in them
	Replies          uint64 // Map-Replies sent
	NegativeRecords  uint64 // records without locators in them
	Forwarded        uint64 // Map-Requests sent on to xTRs
	Upstream         uint64 // Map-Requests sent on to an upstream Map-Resolver
	Referrals        uint64 // Map-Referrals: we are no DDT node
	Registers        uint64 // Map-Registers accepted
	Records          uint64 // records in them
	Notifies         uint64 // Map-Notifies that acknowledge
	Publications     uint64 // Map-Notifies to subscribers, without retransmissions
	Retransmissions  uint64
	Acks             uint64 // Map-Notify-Acks that ended a retransmission
	Unacknowledged   uint64 // Map-Notifies given up
	SMRs             uint64 // SMRs sent
	Changes          uint64 // mappings that appeared, changed or went
	Expired          uint64 // registrations that timed out
	Subscribed       uint64 // subscriptions made or renewed
	Unsubscribed     uint64 // subscriptions ended
	WatchersResynced uint64 // in-process watchers that were too slow
	// Unrestored are entries that the store had at the start and that could not be
	// taken: their site is not configured, does not allow them, or another version
	// wrote them.
	Unrestored       uint64
	Merged           uint64 // entries of the shared store taken from other servers, or our own again
	HoldersForgotten uint64 // requesters not remembered for SMRs: no room

	Mappings      int // registered now
	Static        int // EID-prefixes answered with configured RLOCs now
	Unregistered  int // EID-prefixes without any now
	Registrations int // of mappings; more than Mappings where several xTRs registered one
	Subscriptions int
	Unacked       int // Map-Notifies that wait for their Map-Notify-Ack
	Holders       int // requesters remembered for SMRs

	// Dropped counts messages and records that were not accepted, by cause:
	// see Causes. A cause that did not occur is there with 0.
	Dropped map[string]uint64
	// Persistence is how writing to the store goes.
	Persistence store.WriterStats
}
