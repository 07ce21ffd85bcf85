package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller/eventlog"
)

// auditOf is the event of a change.
func auditOf(did string, before, after *object, who string) eventlog.Event {
	of := after
	if of == nil {
		of = before
	}
	e := eventlog.Event{Kind: did, Who: who, Object: &eventlog.Object{Kind: string(of.Kind), Name: of.Name},
		Text: fmt.Sprintf("%s %s by %s", of.Ref, did, who)}
	if before != nil {
		e.Before = auditSpec(before.Spec)
	}
	if after != nil {
		e.After = auditSpec(after.Spec)
		e.Time = after.Changed
	}
	if before != nil && after != nil {
		e.Text += ": " + strings.Join(differing(before.spec, after.spec), ", ")
	}
	return e
}

// What an event holds of a spec at most; a field of more than a part of it is
// left out where all is too long.
const (
	maxAudit      = 16 << 10
	maxAuditField = 512
)

// auditSpec is the JSON of a spec, long fields of long ones cut.
func auditSpec(spec Spec) json.RawMessage {
	data, err := json.Marshal(spec)
	if err != nil || len(data) <= maxAudit {
		return data
	}
	all := fields(spec)
	for name, value := range all {
		if len(value) > maxAuditField {
			all[name], _ = json.Marshal(fmt.Sprintf("(%d bytes)", len(value))) // text
		}
	}
	data, _ = json.Marshal(all) // was JSON before
	return data
}

// fields are the JSON of the fields of a spec.
func fields(spec Spec) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	if data, err := json.Marshal(spec); err == nil {
		_ = json.Unmarshal(data, &all) // an object, as it was just made
	}
	return all
}

// differing names the fields in which two specs differ.
func differing(a, b Spec) []string {
	x, y := fields(a), fields(b)
	var names []string
	for name, value := range x {
		if !bytes.Equal(value, y[name]) {
			names = append(names, name)
		}
	}
	for name := range y {
		if x[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
