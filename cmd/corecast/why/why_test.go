package why

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/api"
)

// Every place where media can stop: the step that says so, what it says, and what
// to do.
func TestWalk(t *testing.T) {
	dropped := func(packets uint64) api.Drops {
		return api.Drops{Items: []api.Drop{{Switch: "itr", Reason: "unknown_payload", Packets: packets}}}
	}
	for name, tt := range map[string]struct {
		change func(*testing.T, *network)
		ask    string // EID, or EID:PORT; 10.1.0.11 if empty
		named  string // with --channel
		step   string // that the walk ends with; empty if it comes through
		waits  bool
		what   string // of the last step
		next   string
	}{
		"comes through": {what: "switch etr-1 has dropped nothing"},
		"with its port": {ask: "10.1.0.11:5004", what: "switch etr-1 has dropped nothing"},
		"dropped once":  {change: func(_ *testing.T, n *network) { n.drops = []api.Drops{dropped(3)} }, what: "drops nothing now; since its start it has dropped 3 unknown_payload"},
		"no source reports": {change: func(_ *testing.T, n *network) { n.sources, n.viewers = nil, nil },
			what: "switch etr-1 has dropped nothing"}, // the only channel is meant

		"not joined":            {ask: "10.1.0.12", step: "lease", what: "no viewer 10.1.0.12 has joined any channel", next: "corecast watch joins"},
		"not joined that one":   {ask: "10.1.0.12", named: "news", step: "lease", what: "has joined news", next: "corecast watch joins"},
		"another of its ports":  {ask: "10.1.0.11:5006", step: "lease", what: "no viewer 10.1.0.11 has joined"},
		"one of which channels": {change: twoChannels, step: "lease", what: "which channel it is about is not known", next: "--channel"},

		"in no site": {change: func(_ *testing.T, n *network) { n.joins("10.9.0.1", "news") }, ask: "10.9.0.1",
			step: "mapping", what: "10.9.0.1 is in no site's EID-prefix", next: "corecast site list"},
		"nobody registered": {change: func(_ *testing.T, n *network) { n.mappings[1].Locators = nil },
			step: "mapping", what: "10.1.0.0/16 of site viewers-1 has no RLOC", next: "corecast site show viewers-1"},

		"channel pending": {change: func(_ *testing.T, n *network) {
			n.channels[0].State, n.channels[0].Reason = api.Pending, "3 entries to write"
		},
			step: "channel", waits: true, what: "news is pending: 3 entries to write", next: "corecast wait channel news"},
		"channel failing": {change: func(_ *testing.T, n *network) {
			n.channels[0].State, n.channels[0].Reason = api.Failing, "table full"
			n.channels[0].Switches = []api.ObjectState{{Switch: "itr"}}
		}, step: "channel", what: "news is failing: table full", next: "corecast channel show news; corecast switch show itr"},

		"switch does not answer": {change: func(_ *testing.T, n *network) { delete(n.held, "etr-1") },
			step: "entries", what: "/api/v1/switches/etr-1/export is not to be had", next: "corecast status"},
		"no pair of its family": {change: sixthSite, ask: "2001:db8::1",
			step: "entries", what: "channel news has no pair of viewer 2001:db8::1's address family", next: "corecast channel show news"},
		"not let in": {change: refuseStreams, step: "entries", what: "switch etr-1 drops the header of that payload for viewer 10.1.0.11:5004: stream_rloc", next: "corecast trace --held"},
		"mapping not told yet": {change: func(t *testing.T, n *network) {
			n.site("viewers-1").RLOCs = nil
			n.hold(t)
		}, step: "entries", waits: true, what: "switch itr has not been told yet where 10.1.0.11 is", next: "corecast lig 10.1.0.11"},
		"neighbor not found yet": {change: func(_ *testing.T, n *network) { n.joins("10.1.0.99", "news") }, ask: "10.1.0.99",
			step: "neighbor", waits: true, what: "switch etr-1 does not know the MAC address of 10.1.0.99 yet: it asks by ARP", next: "see that 10.1.0.99 is up"},
		"unicast to a site without CoreCast": {change: func(_ *testing.T, n *network) { n.mappings[1].CoreCast = false }, what: "switch etr-1 has dropped nothing"},

		"drops now": {change: func(_ *testing.T, n *network) { n.drops = []api.Drops{dropped(3), dropped(10)} },
			step: "counters", what: "switch itr drops packets now, of this viewer or of others: 7 unknown_payload", next: "corecast switch show itr --watch"},
		"counters cannot be read": {change: func(_ *testing.T, n *network) {
			n.drops = []api.Drops{{Unread: []api.Unread{{Switch: "itr", Why: "not connected"}}}}
		}, step: "counters", what: "switch itr does not tell what it drops: not connected", next: "corecast switch show itr"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t)
			if tt.change != nil {
				tt.change(t, n)
			}
			q := question(t, tt.ask)
			q.Channel = tt.named
			var steps []Step
			w := &walker{n.serve(t), func(s Step) { steps = append(steps, s) }, 10 * time.Millisecond}
			err := w.walk(t.Context(), q)
			if len(steps) == 0 {
				t.Fatalf("no step, and %v", err)
			}
			last := steps[len(steps)-1]
			var end *EndError
			if errors.As(err, &end) != (tt.step != "") || err != nil && (end == nil || end.Step != last) {
				t.Fatalf("%v, after %+v", err, steps)
			}
			for _, s := range steps[:len(steps)-1] {
				if !s.OK || s.Next != "" {
					t.Errorf("the walk went on after %+v", s)
				}
			}
			if last.OK != (tt.step == "") || last.Waiting != tt.waits || tt.step != "" && last.Name != tt.step ||
				!strings.Contains(last.What, tt.what) || !strings.Contains(last.Next, tt.next) {
				t.Errorf("%+v\nwant step %q, waiting %v, %q, next %q", last, tt.step, tt.waits, tt.what, tt.next)
			}
		})
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func question(t *testing.T, ask string) Question {
	t.Helper()
	if ask == "" {
		ask = "10.1.0.11"
	}
	if p, err := netip.ParseAddrPort(ask); err == nil {
		return Question{EID: p.Addr(), Port: p.Port()}
	}
	return Question{EID: netip.MustParseAddr(ask)}
}

// twoChannels leaves it open which channel is meant.
func twoChannels(_ *testing.T, n *network) {
	n.sources, n.viewers = nil, nil
	n.channels = append(n.channels, api.Channel{Name: "sports"})
}

// sixthSite is one of IPv6 viewers.
func sixthSite(_ *testing.T, n *network) {
	n.joins("2001:db8::1", "news")
	n.mappings = append(n.mappings, api.Mapping{EIDPrefix: netip.MustParsePrefix("2001:db8::/32"), Site: "six", CoreCast: true,
		Locators: []api.Locator{{Address: "192.0.2.21"}}})
}

// refuseStreams has the viewer's site take no streams.
func refuseStreams(t *testing.T, n *network) {
	n.site("viewers-1").AcceptStreams = config.AcceptNone
	n.hold(t)
}

// What was told is what an EndError says, and a controller that is not there is
// no place on the way.
func TestErrors(t *testing.T) {
	if err := (&EndError{Step{Name: "neighbor", Waiting: true}}); err.Error() != "the media waits here: neighbor" {
		t.Error(err)
	}
	n := newNetwork(t)
	n.joins("10.1.0.11", "gone")
	err := Walk(t.Context(), n.serve(t), question(t, ""), func(Step) {})
	var end *EndError
	if err == nil || errors.As(err, &end) {
		t.Errorf("%v for a channel that is not there", err)
	}
}
