package api

import (
	"net/netip"
	"time"
)

// Sites is the list of all sites.
type Sites struct {
	Items      []SiteSummary `json:"items" nullable:"false" doc:"in the order of their names"`
	NextCursor string        `json:"next_cursor,omitempty" doc:"give it as cursor to go on; absent on the last page"`
}

// SiteSummary is what the list says of a site.
type SiteSummary struct {
	Name string `json:"name" example:"studio"`
	Meta
	InstanceID   uint32      `json:"instance_id" doc:"instance-id of its EID-prefixes"`
	EIDPrefixes  []EIDPrefix `json:"eid_prefixes" nullable:"false"`
	CoreCast     bool        `json:"corecast" doc:"the site has CoreCast switches"`
	Mappings     int         `json:"mappings" doc:"EID-prefixes that are registered now"`
	LastRegister *time.Time  `json:"last_register,omitempty" doc:"the last Map-Register that was accepted"`
	Registers    uint64      `json:"registers" doc:"Map-Registers accepted since the start"`
	Rejects      uint64      `json:"rejects" doc:"Map-Registers and records refused since the start"`
	LastReject   *Reject     `json:"last_reject,omitempty"`
}

// EIDPrefix is a configured EID-prefix of a site.
type EIDPrefix struct {
	Prefix        netip.Prefix `json:"prefix" example:"10.1.0.0/16"`
	Registered    bool         `json:"registered" doc:"this very prefix is registered"`
	MoreSpecifics int          `json:"more_specifics" doc:"registered prefixes within it; counted up to about 1000"`
}

// Reject is a message, or a record of one, that was not accepted.
type Reject struct {
	Time      time.Time      `json:"time"`
	From      netip.AddrPort `json:"from" doc:"who sent it" example:"192.0.2.21:4342"`
	EIDPrefix string         `json:"eid_prefix,omitempty" doc:"the EID-prefix in question, if any could be read" example:"10.1.0.0/16"`
	Cause     string         `json:"cause" doc:"as it is counted" example:"hmac"`
	Count     uint64         `json:"count" doc:"how often the same came from the same address"`
	Reason    string         `json:"reason" doc:"in words" example:"HMAC does not match key id 1 of site studio"`
}

// RejectCount counts what was refused for one cause.
type RejectCount struct {
	Cause   string `json:"cause" example:"hmac"`
	Count   uint64 `json:"count" doc:"since the start"`
	Meaning string `json:"meaning" doc:"what the cause is" example:"authentication data that the key does not make"`
}

// Site is all that is known of a site.
type Site struct {
	SiteSummary
	Spec   SiteSpec   `json:"spec" doc:"as it was written, with what was omitted filled in; without secrets"`
	RLOCs  []Locator  `json:"rlocs" nullable:"false" doc:"configured ones, which are its mapping while nobody registers"`
	Policy SitePolicy `json:"policy" doc:"what its xTRs may register"`

	Records       uint64        `json:"records" doc:"records of Map-Registers accepted"`
	Withdrawals   uint64        `json:"withdrawals" doc:"records with TTL 0"`
	Notifies      uint64        `json:"notifies" doc:"Map-Notifies sent as acknowledgment"`
	Requests      uint64        `json:"requests" doc:"EID-prefixes asked for that fell to the site"`
	Forwarded     uint64        `json:"forwarded" doc:"Map-Requests forwarded to its xTRs"`
	Changes       uint64        `json:"changes" doc:"mappings that appeared, changed or went"`
	Subscriptions int           `json:"subscriptions" doc:"PubSub subscriptions of its xTRs"`
	Rejected      []RejectCount `json:"rejected" nullable:"false" doc:"by cause; causes that did not occur are left out"`
	LastRejects   []Reject      `json:"last_rejects" nullable:"false" doc:"newest first"`
	XTRs          []XTR         `json:"xtrs" nullable:"false" doc:"that have registered"`

	Registered     []Mapping `json:"registered" nullable:"false" doc:"registered mappings, at most 100"`
	MoreRegistered bool      `json:"more_registered" doc:"there are more: see /api/v1/mappings?site="`
}

// SitePolicy is what a site's xTRs may register, and how they must.
type SitePolicy struct {
	AcceptMoreSpecifics bool           `json:"accept_more_specifics"`
	ProxyReply          bool           `json:"proxy_reply"`
	AllowedRLOCs        []netip.Prefix `json:"allowed_rlocs" nullable:"false" doc:"what registered locators must be in; empty: anything"`
	Replay              string         `json:"replay" enum:"monotonic,strict,off"`
	RegistrationTimeout int            `json:"registration_timeout_seconds"`
	AuthKeys            []AuthKey      `json:"auth_keys" nullable:"false" doc:"without their secrets"`
}

// AuthKey names a key of a site.
type AuthKey struct {
	ID        uint8  `json:"id"`
	Algorithm string `json:"algorithm" example:"hmac-sha256-128"`
}

// XTR is an xTR that has registered.
type XTR struct {
	From   netip.AddrPort `json:"from" doc:"source of its last Map-Register"`
	XTRID  string         `json:"xtr_id,omitempty"`
	SiteID string         `json:"site_id,omitempty"`
	KeyID  uint8          `json:"key_id" doc:"of the key that it used last"`
	Last   time.Time      `json:"last" doc:"its last accepted Map-Register"`
}
