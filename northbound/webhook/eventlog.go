package webhook

import (
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/northbound/api"
)

// FromLog makes the controller's log of events one to tell of.
func FromLog(l *eventlog.Log) Log { return eventLog{l} }

type eventLog struct{ *eventlog.Log }

// Read implements Log.
func (l eventLog) Read(after string, limit int) ([]api.Event, bool, <-chan struct{}) {
	id, err := eventlog.ParseID(after)
	entries, missed, grown := l.Log.Read(id, limit)
	events := make([]api.Event, 0, len(entries))
	for i := range entries {
		events = append(events, event(&entries[i]))
	}
	return events, missed || err != nil && after != "", grown
}

// Last implements Log.
func (l eventLog) Last() string { return l.Log.Last().String() }

func event(e *eventlog.Entry) api.Event {
	out := api.Event{
		ID: e.ID.String(), Time: e.Time, Kind: api.EventKind(e.Kind), Who: e.Who, Node: e.Node, Text: e.Text,
		Before: e.Before, After: e.After,
	}
	if e.Object != nil {
		out.Object = &api.Ref{Kind: api.Kind(e.Object.Kind), Name: e.Object.Name}
	}
	return out
}
