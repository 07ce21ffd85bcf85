package api

import "encoding/json"

// DryRun is what a change would do. Nothing of it has been done.
type DryRun struct {
	Change   string          `json:"change" enum:"created,changed,deleted,unchanged"`
	Object   Ref             `json:"object"`
	Before   json.RawMessage `json:"before,omitempty" doc:"the spec now; without secrets"`
	After    json.RawMessage `json:"after,omitempty" doc:"the spec then; without secrets"`
	Warnings []string        `json:"warnings" nullable:"false" doc:"what would be allowed but not do all that it asks for"`
	Switches []SwitchDiff    `json:"switches" nullable:"false" doc:"that would be written to"`
}

// SwitchDiff is what would be written to one switch.
type SwitchDiff struct {
	Switch   string      `json:"switch" example:"itr1"`
	Inserts  int         `json:"inserts"`
	Modifies int         `json:"modifies"`
	Deletes  int         `json:"deletes"`
	Updates  []P4Update  `json:"updates" nullable:"false" doc:"at most 1000"`
	Problems []string    `json:"problems" nullable:"false" doc:"what could not be programmed then and can be now"`
	Tables   []TableRoom `json:"tables" nullable:"false" doc:"that the change fills or empties"`
}

// P4Update is a write to a switch, in the names of the P4 program.
type P4Update struct {
	Update string `json:"update" enum:"insert,modify,delete"`
	Table  string `json:"table" doc:"table, or multicast group or meter" example:"ingress.channels4"`
	Key    string `json:"key" doc:"what is written to" example:"instance_id=0 reserved_eid=10.0.255.1"`
	Entry  string `json:"entry" doc:"all of it" example:"channels4 instance_id=0 reserved_eid=10.0.255.1 → channel4(slot=0, …)"`
}

// TableRoom is how full a table is.
type TableRoom struct {
	Table string `json:"table" example:"ingress.channels4"`
	Size  int    `json:"size" doc:"entries that the table can hold"`
	Now   int    `json:"now" doc:"that are wanted now"`
	Then  int    `json:"then" doc:"that would be wanted"`
}
