package ui

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller/eventlog"
)

// maxEvents is how many events the page shows.
const maxEvents = 200

// eventList is the list of events, newest first.
type eventList struct {
	Events []eventRow
	More   bool
}

type eventRow struct {
	eventlog.Event
	ID      string
	URL     string // of the object
	Changes []fieldChange
}

// fieldChange is a field that a change made different.
type fieldChange struct{ Field, Before, After string }

func (u *UI) events(*http.Request) (view, error) {
	entries, more := u.opts.Source.Events(maxEvents)
	l := eventList{More: more}
	for _, e := range slices.Backward(entries) {
		row := eventRow{Event: e.Event, ID: e.ID.String(), Changes: changes(e.Before, e.After)}
		if o := e.Object; o != nil && e.Kind != "deleted" {
			row.URL = objectURL(o)
		}
		l.Events = append(l.Events, row)
	}
	return view{Title: "Events", Data: l}, nil
}

// objectURL is the page of an object; empty if there is none.
func objectURL(o *eventlog.Object) string {
	switch o.Kind {
	case "channel":
		return "/channels/" + url.PathEscape(o.Name)
	case "site":
		return "/sites/" + url.PathEscape(o.Name)
	case "switch":
		return "/switches/" + url.PathEscape(o.Name)
	}
	return ""
}

// maxChanges is how many fields of one change are shown.
const maxChanges = 20

// changes are the fields that differ between two specs; of one that is new all
// that it has.
func changes(before, after json.RawMessage) []fieldChange {
	old, now := flat(before), flat(after)
	var list []fieldChange
	for _, field := range sortedKeys(old, now) {
		if old[field] != now[field] && len(list) < maxChanges {
			list = append(list, fieldChange{field, old[field], now[field]})
		}
	}
	return list
}

// flat is a spec by the paths of its fields; lists stay as they are written.
func flat(spec json.RawMessage) map[string]string {
	out := map[string]string{}
	var walk func(path string, raw json.RawMessage, depth int)
	walk = func(path string, raw json.RawMessage, depth int) {
		var object map[string]json.RawMessage
		if depth < 4 && json.Unmarshal(raw, &object) == nil && object != nil {
			for name, value := range object {
				walk(strings.TrimPrefix(path+"."+name, "."), value, depth+1)
			}
			return
		}
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		out[path] = text
	}
	if len(spec) > 0 {
		walk("", spec, 0)
	}
	return out
}
