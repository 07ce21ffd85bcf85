package northbound

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/northbound/api"
)

func TestStatusOfAllThatWorks(t *testing.T) {
	s, _ := newTestServer(t)
	st := get[api.Status](t, s, "/api/v1/status")
	if !st.OK || len(st.Problems) != 0 || st.Sites != (api.SiteCounts{Total: 2, Registered: 1}) || st.Switches != (api.SwitchCounts{Total: 1, Ready: 1}) ||
		!st.MapServer.Running || len(st.MapServer.Addresses) != 2 || st.MapServer.Dropped != 5 || st.Store.Name != "file:corecast.db" {
		t.Errorf("%+v", st)
	}
}

// TestFirstProblem breaks one thing after the other, from what needs all others
// to what all others need: the last broken is the first told.
func TestFirstProblem(t *testing.T) {
	s, f := newTestServer(t)
	viewers := &f.mapServer.sites[1]
	steps := []struct {
		breakIt         func()
		what, why, next string
		ready           int
	}{
		{func() { viewers.Mappings = 0 },
			"site viewers", "nobody has registered for it", "point its xTR to the Map-Server at 127.0.0.1:4342, [::1]:4342, with key id 2; then corecast site show viewers", 200},
		{func() { viewers.LastRejects[0].Time = viewers.LastRegister.Add(time.Second) },
			"site viewers", "a Map-Register of 192.0.2.66:4342 was refused: HMAC does not match key id 2", "corecast site show viewers", 200},
		{func() { f.controller.status.Switches[0].Problems = []string{"no room"} },
			"switch itr", "no room", "change the configuration", 200},
		{func() {
			f.controller.status.Switches[0].Phase, f.controller.status.Switches[0].Reason = controller.Connecting, "connecting"
		},
			"switch itr", "connecting", "wait", 200},
		{func() {
			f.controller.status.Switches[0].Phase, f.controller.status.Switches[0].Reason = controller.Failing, "connection refused"
		},
			"switch itr", "connection refused", "see that it runs: corecast switch", 200},
		{func() {
			f.controller.status.Switches[0].Reason, f.controller.status.Switches[0].Fix = "tls: certificate required", "check the certificates"
		},
			"switch itr", "tls: certificate required", "check the certificates", 200},
		{func() {
			f.endpoint.stats.LastSendError, f.endpoint.stats.LastSendErrorAt = "network is unreachable", time.Now()
		},
			"Map-Server", "it cannot send: network is unreachable", "ip route get", 503},
		{func() { f.feed = errors.New("two entries for one key") },
			"map-caches of the switches", "two entries for one key", "corecast mapping", 503},
		{func() { f.mapServer.counters.Persistence.LastError = "no space left on device" },
			"store file:corecast.db", "no space left on device", "make room", 503},
	}
	if len(steps) == 0 {
		t.Fatal("nothing is broken")
	}
	for _, step := range steps {
		step.breakIt()
		st := get[api.Status](t, s, "/api/v1/status")
		if st.OK || len(st.Problems) == 0 {
			t.Fatalf("%s: %+v", step.why, st)
		}
		if p := st.Problems[0]; p.What != step.what || !strings.Contains(p.Why, step.why) || !strings.Contains(p.Next, step.next) {
			t.Errorf("%+v\nwant %q %q %q", p, step.what, step.why, step.next)
		}
		resp := ask(s, "GET", "/readyz")
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != step.ready || step.ready != 200 && !strings.Contains(string(body), step.why) {
			t.Errorf("readyz with %s: %s %s", step.why, resp.Status, body)
		}
	}
	if resp := ask(s, "GET", "/healthz"); resp.StatusCode != http.StatusOK {
		t.Errorf("healthz: %s", resp.Status)
	}
}

func TestStatusWithoutMapServerAddress(t *testing.T) {
	s, f := newTestServer(t)
	s.opts.Endpoint = nil
	f.mapServer.sites[1].Mappings = 0
	st := get[api.Status](t, s, "/api/v1/status")
	if st.MapServer.Running || len(st.Problems) != 1 || !strings.Contains(st.Problems[0].Next, "give listen.lisp") {
		t.Errorf("%+v", st)
	}
}

// TestRefusedBeforeAccepted: what was refused before the last accepted register
// is no problem any more.
func TestRefusedBeforeAccepted(t *testing.T) {
	st := mapserver.SiteStatus{LastRegister: start, LastRejects: []mapserver.Reject{{Time: start.Add(-1)}}}
	if refused(&st) {
		t.Error("refused")
	}
}

// troubled is an Inventory whose store has trouble.
type troubled struct {
	Inventory
	failure error
	unread  []inventory.Object
}

func (t *troubled) Failure() error { return t.failure }

func (t *troubled) Unread() []inventory.Object { return t.unread }

func TestStatusOfTroubledStore(t *testing.T) {
	s, _ := newTestServer(t)
	in := &troubled{Inventory: s.opts.Inventory}
	s.opts.Inventory = in
	for _, tt := range []struct {
		name, why, next string
		failure         error
		unread          []inventory.Object
		ready           int
	}{
		{"full", "a change was refused: no space left on device", "make room", errors.New("no space left on device"), nil, 503},
		{"damaged", "damaged: unexpected end", "corecast site create paris", nil,
			[]inventory.Object{{Ref: inventory.Ref{Kind: inventory.Site, Name: "paris"}, Unused: "unexpected end"}}, 200},
	} {
		in.failure, in.unread = tt.failure, tt.unread
		p := get[api.Status](t, s, "/api/v1/status").Problems
		if len(p) == 0 || !strings.Contains(p[0].Why, tt.why) || !strings.Contains(p[0].Next, tt.next) {
			t.Errorf("%s: %+v", tt.name, p)
		}
		if resp := ask(s, "GET", "/readyz"); resp.StatusCode != tt.ready {
			t.Errorf("readyz with a store %s: %s", tt.name, resp.Status)
		}
	}
}
