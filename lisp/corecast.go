package lisp

import (
	"encoding/binary"
	"encoding/json"
)

// CoreCastSite is the Site-ID of requesters that want to know whether a site
// has CoreCast switches: "CORECAST". Nobody else is told, because some ITRs
// refuse a whole Map-Reply over one LCAF that they do not know.
//
// CoreCastSite returns an array, so it is a function.
func CoreCastSite() [8]byte { return [8]byte([]byte("CORECAST")) }

// Capability says that the switches of a site speak CoreCast. It travels as
// one more locator of the site's mapping, which nobody forwards to: priority
// and M-priority 255, and a JSON LCAF (type 14) around no address,
//
//	{"corecast":1,"list":32}
type Capability struct {
	Version int `json:"corecast"` // of the protocol: 1
	List    int `json:"list"`     // entries that a header packet may have
}

// AsksCapability reports whether a Map-Request is of a requester that wants
// CoreCast capabilities.
func (m *MapRequest) AsksCapability() bool {
	return m.HasXTR && m.XTR.Site == CoreCastSite()
}

// Locator returns the locator that carries the capability.
func (c Capability) Locator() Locator {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // two integers always marshal
	}
	raw := []byte{byte(AFILCAF >> 8), byte(AFILCAF & 0xff), 0, 0, byte(LCAFJSON), 0}
	raw = binary.BigEndian.AppendUint16(raw, uint16(2+len(text)+2))
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(text)))
	raw = append(append(raw, text...), 0, byte(AFINone))
	return Locator{Priority: PriorityUnused, MPriority: PriorityUnused, Address: Address{Raw: raw}}
}
