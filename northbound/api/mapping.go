package api

import (
	"net/netip"
	"time"
)

// Mapping is an EID-prefix and the locators behind which it is.
type Mapping struct {
	EIDPrefix  netip.Prefix `json:"eid_prefix" doc:"EID-prefix" example:"10.1.0.0/16"`
	InstanceID uint32       `json:"instance_id" doc:"instance-id of the EID-prefix"`
	Site       string       `json:"site,omitempty" doc:"site whose EID-prefix it is"`
	Origin     string       `json:"origin" enum:"registered,static,unregistered,hole,upstream" doc:"where the mapping comes from: an xTR, the site's configured RLOCs, or nobody"`
	Action     string       `json:"action,omitempty" doc:"of a mapping without locators: what requesters are told to do with packets" example:"Natively-Forward"`
	Locators   []Locator    `json:"locators" nullable:"false" doc:"as requesters are told"`
	TTL        int          `json:"ttl_seconds" doc:"how long requesters may keep it"`
	ProxyReply bool         `json:"proxy_reply" doc:"the Map-Server answers for the site; else it forwards Map-Requests to its xTRs"`
	CoreCast   bool         `json:"corecast" doc:"the site has CoreCast switches"`

	Registrations []Registration `json:"registrations" nullable:"false" doc:"what each xTR registered; the last to register comes first"`
}

// Locator is a locator of a mapping.
type Locator struct {
	Address   string `json:"address" doc:"RLOC" example:"192.0.2.21"`
	Priority  uint8  `json:"priority" doc:"the lowest is used; 255 never"`
	Weight    uint8  `json:"weight" doc:"share among those of one priority"`
	MPriority uint8  `json:"m_priority" doc:"priority for multicast"`
	MWeight   uint8  `json:"m_weight" doc:"weight for multicast"`
	Local     bool   `json:"local" doc:"L bit: an RLOC of the xTR that registered it"`
	Reachable bool   `json:"reachable" doc:"R bit: the xTR can be reached by it"`
}

// Registration is what one xTR registered for an EID-prefix.
type Registration struct {
	From       netip.Addr `json:"from" doc:"source of the Map-Register" example:"192.0.2.21"`
	XTRID      string     `json:"xtr_id,omitempty" doc:"xTR-ID, if it sent one" example:"00112233445566778899aabbccddeeff"`
	SiteID     string     `json:"site_id,omitempty" doc:"Site-ID, if it sent an xTR-ID" example:"0000000000000001"`
	KeyID      uint8      `json:"key_id" doc:"id of the key that authenticated it"`
	Since      time.Time  `json:"since" doc:"when it first registered this"`
	Refreshed  time.Time  `json:"refreshed" doc:"when it last registered this"`
	Expires    time.Time  `json:"expires" doc:"when the registration ends if it is not refreshed"`
	Merge      bool       `json:"merge" doc:"it asked to be merged with other xTRs' registrations"`
	ProxyReply bool       `json:"proxy_reply" doc:"it asked the Map-Server to answer for it"`
	Locators   []Locator  `json:"locators" nullable:"false" doc:"what it registered itself"`
}

// Mappings is a page of a list of mappings.
type Mappings struct {
	Items      []Mapping `json:"items" nullable:"false" doc:"in the order of instance-id, family and EID-prefix"`
	NextCursor string    `json:"next_cursor,omitempty" doc:"give it as cursor to go on; absent on the last page"`
}
