package mapserver

// cause is why a message, or a record of one, was not accepted: one counter
// each, for a site where it is known whose it is, and for the server.
type cause uint8

const (
	causeMalformed cause = iota
	causeType
	causeRate
	causeForgedRate
	causeNoRecords
	causeUnknownEID
	causeUnknownKey
	causeAlgorithm
	causeAuthLength
	causeHMAC
	causeNoXTRID
	causeReplay
	causeTooManyXTRs
	causeOtherSite
	causeMoreSpecific
	causeNotIP
	causeLocator
	causeLocators
	causeTooManyMappings
	causeProbe
	causeDontReply
	causeTooManyEIDs
	causeNoITR
	causeNoETR
	causeHops
	causeInner
	causeSubscription
	causeUnexpectedAck
	causeAckHMAC
	causeMapReply
	causeInfo
	causeTooLarge
	numCauses
)

// causes are the counters' names, with what each means.
var causes = [numCauses]struct{ name, meaning string }{
	causeMalformed:       {"malformed", "not a LISP control message as RFC 9301 has it"},
	causeType:            {"type", "a LISP message that no Map-Server takes"},
	causeRate:            {"rate", "more messages from one source than it may send"},
	causeForgedRate:      {"forged-rate", "a Map-Register that was not looked at after too many that failed authentication"},
	causeNoRecords:       {"no-records", "a Map-Register without records"},
	causeUnknownEID:      {"unknown-eid", "an EID-prefix of no site"},
	causeUnknownKey:      {"unknown-key", "a key id that the site does not have"},
	causeAlgorithm:       {"algorithm", "another algorithm than that of the key"},
	causeAuthLength:      {"auth-length", "authentication data of a length that the algorithm does not have"},
	causeHMAC:            {"hmac", "authentication data that the key does not make"},
	causeNoXTRID:         {"no-xtr-id", "a Map-Register without xTR-ID to a site with strict replay protection"},
	causeReplay:          {"replay", "a nonce that is not greater than the last one"},
	causeTooManyXTRs:     {"too-many-xtrs", "more xTR-IDs than are remembered for a site"},
	causeOtherSite:       {"other-site", "an EID-prefix of another site than the key's"},
	causeMoreSpecific:    {"more-specific", "an EID-prefix within the site's, which does not accept more specifics"},
	causeNotIP:           {"not-ip", "an EID that is no IP prefix"},
	causeLocator:         {"locator", "a locator that the site must not use, or that nobody can"},
	causeLocators:        {"locators", "more locators than a mapping may have"},
	causeTooManyMappings: {"too-many-mappings", "more mappings than the site may have"},
	causeProbe:           {"probe", "an RLOC-probe, which is for xTRs"},
	causeDontReply:       {"dont-reply", "a Map-Request that wants no reply, or an SMR"},
	causeTooManyEIDs:     {"too-many-eids", "a Map-Request for more EIDs than are answered at once: the first were"},
	causeNoITR:           {"no-itr", "a Map-Request without an ITR-RLOC that a reply could go to"},
	causeNoETR:           {"no-etr", "a Map-Request for an EID whose xTRs have no RLOC that it could be forwarded to"},
	causeHops:            {"hops", "a Map-Request that was forwarded so often already that it seems to go in a circle"},
	causeInner:           {"inner", "an encapsulated message that is no Map-Request"},
	causeSubscription:    {"subscription", "a subscription with an old nonce or from elsewhere than the xTR, or one too many"},
	causeUnexpectedAck:   {"unexpected-ack", "a Map-Notify-Ack that nothing waits for"},
	causeAckHMAC:         {"ack-hmac", "a Map-Notify-Ack with authentication data that the key does not make"},
	causeMapReply:        {"map-reply", "a Map-Reply: this server asks nobody"},
	causeInfo:            {"info", "an Info-Request: NAT traversal is not offered"},
	causeTooLarge:        {"too-large", "a message too large to be forwarded"},
}

func (c cause) String() string { return causes[c].name }

// Causes returns what each key of Counters.Dropped and SiteStatus.Rejected
// means.
func Causes() map[string]string {
	m := make(map[string]string, numCauses)
	for _, c := range causes {
		m[c.name] = c.meaning
	}
	return m
}
