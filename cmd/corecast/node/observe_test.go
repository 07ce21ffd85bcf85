package node

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/mapserver"
)

// told is an observer whose events are kept.
func observed() (*observer, func() []string) {
	var list []string
	o := newObserver(func(e eventlog.Event) bool { list = append(list, e.Kind+" "+e.Text); return true })
	return o, func() []string { defer func() { list = nil }(); return list }
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q\nwant %q", what, got, want)
	}
}

func TestSwitchesAreObserved(t *testing.T) {
	o, told := observed()
	look := func(phase controller.Phase, reason string) []string {
		o.lookAtSwitches(controller.Status{Switches: []controller.SwitchStatus{{Name: "itr1", Phase: phase, Reason: reason}, {Name: "other", Phase: controller.Standby}}})
		return told()
	}
	expect(t, "start", look(controller.Connecting, "connecting to x"), "switch.phase switch itr1 is connecting: connecting to x")
	expect(t, "sync", look(controller.Syncing, "writing"))
	expect(t, "ready", look(controller.Ready, ""), "switch.phase switch itr1 is ready")
	expect(t, "a change", look(controller.Syncing, "the desired state has changed"))
	expect(t, "ready again", look(controller.Ready, ""))
	expect(t, "broken", look(controller.Failing, "connection refused"), "switch.phase switch itr1 is failing: connection refused")
	expect(t, "still broken", look(controller.Failing, "reset"))
	expect(t, "mended", look(controller.Syncing, ""))
	expect(t, "ready at last", look(controller.Ready, ""), "switch.phase switch itr1 is ready")
}

func TestSitesAreObserved(t *testing.T) {
	o, told := observed()
	at := time.Now()
	look := func(mappings int, refused bool) []string {
		st := mapserver.SiteStatus{Name: "studio", Mappings: mappings, LastRegister: at}
		if refused {
			st.LastRejects = []mapserver.Reject{{Time: at.Add(time.Second), Reason: "no key"}}
		}
		o.lookAtSites([]mapserver.SiteStatus{st})
		return told()
	}
	expect(t, "what was there before", look(1, true))
	expect(t, "the same", look(1, true))
	expect(t, "gone", look(0, false), "site.unregistered site studio has no registered mapping any more")
	expect(t, "back", look(2, false), "site.registered site studio has registered")
	expect(t, "refused", look(2, true), "site.rejecting a Map-Register of invalid AddrPort for site studio was refused: no key")
}

func TestStreamsAreObserved(t *testing.T) {
	o, told := observed()
	o.lookAtStreams([]controller.Received{{Switch: "etr1", Name: "news"}, {Switch: "etr1", Name: "a/b", Learned: true}})
	expect(t, "a stream", told(), "stream.appeared switch etr1 takes stream a/b")
	o.lookAtStreams(nil)
	expect(t, "no stream", told(), "stream.aged switch etr1 has forgotten stream a/b: nothing came of it")
	var many []controller.Received
	for i := range 1000 {
		many = append(many, controller.Received{Switch: "etr1", Name: fmt.Sprint(i), Learned: true})
	}
	o.lookAtStreams(many)
	if list := told(); len(list) != maxNews {
		t.Errorf("%d events", len(list))
	}
}
