package lisp

import (
	"encoding/json"
	"fmt"
)

// coreCastSite is the Site-ID of requesters that want to know whether a site
// has CoreCast switches. Nobody else is told, because some ITRs refuse a whole
// Map-Reply over one LCAF that they do not know.
const coreCastSite = "CORECAST"

// Capability says that the switches of a site speak CoreCast. It travels as
// one more locator of the site's mapping, which nobody forwards to: priority
// and M-priority 255, and a JSON LCAF (type 14) around no address,
//
//	{"corecast":1,"list":32}
type Capability struct {
	Version int `json:"corecast"` // of the protocol: 1
	List    int `json:"list"`     // entries that a header packet may have
}

// CoreCastXTR returns the XTR of a requester with this xTR-ID that wants to be
// told of capabilities.
func CoreCastXTR(id [16]byte) XTR {
	return XTR{ID: id, Site: [8]byte([]byte(coreCastSite))}
}

// WantsCapability reports whether the requester wants to be told of
// capabilities.
func (m *MapRequest) WantsCapability() bool {
	return m.HasXTR && string(m.XTR.Site[:]) == coreCastSite
}

// Locator returns the locator that carries the capability.
func (p Capability) Locator() (Locator, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return Locator{}, fmt.Errorf("CoreCast capability: %w", err)
	}
	address, err := LCAFAddress(&JSON{Text: text})
	return Locator{Priority: PriorityUnused, MPriority: PriorityUnused, Address: address}, err
}

// Capability returns the capability that a locator carries; false if it is any
// other locator. Members of the JSON object that are not known are ignored.
func (l *Locator) Capability() (Capability, bool) {
	if l.Priority != PriorityUnused || l.Address.LCAFType() != LCAFJSON {
		return Capability{}, false
	}
	lcaf, err := ParseLCAF(l.Address)
	if err != nil {
		return Capability{}, false
	}
	var p Capability
	if j := lcaf.(*JSON); j.Binary || json.Unmarshal(j.Text, &p) != nil || p.Version < 1 || p.List < 1 {
		return Capability{}, false
	}
	return p, true
}
