package webhook_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/webhook"
	"github.com/corecast/corecast/store"
)

// What the log of a controller has comes to a hook, with all its fields.
func TestTellsOfTheLog(t *testing.T) {
	s, r := store.NewMemory(), newReceiver(t)
	log, err := eventlog.Open(t.Context(), s, eventlog.Options{Node: "a"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- log.Run(ctx) }()
	defer func() { cancel(); <-done }()
	start(t, webhook.FromLog(log), s, hook(r, api.Changed))
	begun(t, s)
	e := eventlog.Event{Kind: "changed", Object: &eventlog.Object{Kind: "channel", Name: "news"}, Who: "token:ops", Text: "ops changed channel news",
		Before: json.RawMessage(`{"rate":"4Mbps"}`), After: json.RawMessage(`{"rate":"8Mbps"}`)}
	if _, err := s.Commit(t.Context(), store.Txn{Then: log.Ops(eventlog.Event{Kind: "created"}, e)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an event", func() bool { return len(r.ids()) > 0 })
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.told[0].Events[0]
	if len(r.told[0].Events) != 1 || got.Kind != api.Changed || *got.Object != (api.Ref{Kind: "channel", Name: "news"}) || got.Who != "token:ops" ||
		got.Node != "a" || string(got.Before) != `{"rate":"4Mbps"}` || string(got.After) != `{"rate":"8Mbps"}` || got.Time.IsZero() {
		t.Errorf("%+v", got)
	}
}

// The kinds that a configuration can ask for are those that there are.
func TestKinds(t *testing.T) {
	field, _ := reflect.TypeFor[api.Event]().FieldByName("Kind")
	kinds := strings.Split(field.Tag.Get("enum"), ",")
	kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == string(api.EventsMissed) }) // which Body.Missed says
	if !slices.Equal(kinds, config.EventKinds()) {
		t.Errorf("%q, and the configuration knows %q", kinds, config.EventKinds())
	}
}
