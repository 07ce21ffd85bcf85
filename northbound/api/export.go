package api

// Export is what a switch is to hold, or holds, in P4Runtime's own words, for
// other tools to load or compare.
type Export struct {
	Switch   string `json:"switch" example:"itr1"`
	DeviceID uint64 `json:"device_id"`
	Held     bool   `json:"held" doc:"this is what the switch was read to hold, not what it is to hold"`
	P4Info   string `json:"p4info" doc:"of the program: a p4.config.v1.P4Info as prototext"`
	// WriteRequests are in order because P4Runtime promises none within one.
	WriteRequests []string `json:"write_requests" nullable:"false" doc:"p4.v1.WriteRequests as prototext, without device and election id: they fill an empty switch, one after the other"`
	Updates       int      `json:"updates" doc:"in all requests together"`
}
