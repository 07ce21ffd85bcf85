package trace

import (
	"slices"
	"strings"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/softswitch/engine"
)

// Hop is a packet's visit to one switch.
type Hop struct {
	Switch string `json:"switch"`
	Port   uint32 `json:"port"` // that it came in by
	Role   string `json:"role"` // of the port: local, transit or loop
	Packet string `json:"packet"`

	Tables  []Table  `json:"tables"` // in the order in which the packet met them
	Dropped []Reason `json:"dropped,omitempty"`
	Punted  []Reason `json:"punted,omitempty"` // to the controller
	Out     []Out    `json:"out,omitempty"`
}

// Table is what one table did.
type Table struct {
	Name string `json:"table"`
	Key  string `json:"key"`
	Hit  bool   `json:"hit"`
	// Prefix is the longest one that covers the key, in tables that look for it.
	Prefix string `json:"prefix,omitempty"`
	// Entry is what the packet hit, or the table's default entry.
	Entry string `json:"entry,omitempty"`
}

// Reason is why a packet was dropped or punted, as it is counted.
type Reason struct {
	Name string `json:"reason"`
	Doc  string `json:"meaning"`
}

// Out is a packet that left a switch.
type Out struct {
	Port   uint32 `json:"port"`
	Role   string `json:"role"`
	Packet string `json:"packet"`
	// Next is the switch of ours that it reaches next; empty if it is none.
	Next string `json:"next,omitempty"`
}

// tableOf tells a step in the controller's words.
func tableOf(s engine.Step) Table {
	t := Table{Name: s.Table.Name, Hit: s.Hit}
	key := p4rt.Entry{Table: s.Table.Name}
	for i, v := range s.Key {
		key.Match = append(key.Match, p4rt.Exact(s.Table.Keys[i].Name, p4rt.Bytes(v)))
	}
	t.Key = key.Key()[len(key.Table):]
	if len(t.Key) > 0 {
		t.Key = t.Key[1:]
	}
	if s.Entry == nil {
		return t
	}
	e := entryOf(s)
	t.Entry = e.String()
	for i, m := range e.Match {
		if s.Table.Keys[i].Kind == engine.LPM {
			_, t.Prefix, _ = strings.Cut(m.String(), "=")
		}
	}
	return t
}

func entryOf(s engine.Step) *p4rt.Entry {
	e := &p4rt.Entry{Table: s.Table.Name, Action: s.Entry.Action, Priority: int32(s.Entry.Priority), Default: !s.Hit}
	for i, m := range s.Entry.Match {
		field := s.Table.Keys[i].Name
		if s.Table.Keys[i].Kind == engine.LPM {
			e.Match = append(e.Match, p4rt.LPM(field, p4rt.Bytes(m.Value), m.PrefixLen))
			continue
		}
		e.Match = append(e.Match, p4rt.Exact(field, p4rt.Bytes(m.Value)))
	}
	at := slices.IndexFunc(s.Table.Actions, func(a *engine.ActionInfo) bool { return a.Name == s.Entry.Action })
	for i, v := range s.Entry.Params {
		e.Params = append(e.Params, p4rt.Param{Name: s.Table.Actions[at].Params[i].Name, Value: p4rt.Bytes(v)})
	}
	return e
}
