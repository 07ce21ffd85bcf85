package ui

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/live"
)

// TestReportedViewers are shown rather than what packets tell, where there are any.
func TestReportedViewers(t *testing.T) {
	_, f, h := newTest(t)
	for range 2 { // there are no rates before the second reading
		get(h, "/channels/news")
	}
	if page := get(h, "/channels/news").Body.String(); !strings.Contains(page, "counted from packets") || strings.Contains(page, "reported") {
		t.Errorf("without reports: %s", page)
	}
	f.audiences = map[string]*Audience{"news": {Sources: []string{"studio-1"}, Reported: start, More: 1,
		Sites: map[string]Viewers{"viewers": {CoreCast: 41, Unicast: 2}, "studio": {Unicast: 3}, "": {Unicast: 5}}}}
	for path, wants := range map[string][]string{
		"/channels/news": {"<dd>52<small>reported by their sources", `data-label="viewers">43 <small>reported, `, "studio-1 reported", "the sites of 1 more", "no site of ours", `data-label="by unicast">3<`},
		"/channels":      {`data-label="viewers">52<`},
		"/":              {"<dd>52<", "43 viewers"},
		"/sites/viewers": {"<dd>43<small>1 channel<", `data-label="by CoreCast">41<`, "reports of its source"},
		"/sites/studio":  {`data-label="by unicast">3<`},
	} {
		page := get(h, path).Body.String()
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not say %q: %s", path, want, page)
			}
		}
	}
}

// TestFlow: the viewers of a site are at the first link to it.
func TestFlow(t *testing.T) {
	_, f, _ := newTest(t)
	link := func(rloc string) live.Link {
		return live.Link{RLOC: netip.MustParseAddr(rloc), Switch: "etr", Site: "viewers", Viewers: 2}
	}
	c := live.Channel{Name: "news", Links: []live.Link{link("192.0.2.21"), link("192.0.2.22")}}
	if got := newFlow(f.Config(), nil, nil, c); got.Viewers() != 4 || got.Links[0].Reported || got.ITR != "itr" || got.Master != nil {
		t.Errorf("without reports: %+v", got)
	}
	a := &Audience{Sites: map[string]Viewers{"viewers": {CoreCast: 3}}}
	got := newFlow(f.Config(), nil, a, c)
	if first, second := got.Links[0], got.Links[1]; got.Viewers() != 3 || first.Viewers != 3 || !first.Differs() || second.Viewers != 0 || !second.Again || len(got.Elsewhere) != 0 {
		t.Errorf("with a report: %+v", got)
	}
	if c.Links[0].Viewers != 2 {
		t.Error("what the sampler has was changed")
	}
}

// TestOtherNodes: what another node masters is said to be there, with the way to
// it, and no numbers are made up.
func TestOtherNodes(t *testing.T) {
	_, f, h := newTest(t)
	f.nodes = []api.Node{{Name: "a", Self: true}, {Name: "b", URL: "http://192.0.2.200:8080"}}
	f.masters = map[string]string{"itr": "b", "etr": "a"}
	f.status.Nodes = f.nodes
	for path, wants := range map[string][]string{
		"/":              {"Controllers", `<a href="http://192.0.2.200:8080">`, "1 channel enters by switches that other nodes master", "counted by b", `href="http://192.0.2.200:8080/channels/news"`},
		"/channels":      {"counted by node b", `href="http://192.0.2.200:8080/channels/news"`, `data-label="viewers">–<`},
		"/channels/news": {"mastered by node b, which alone counts", `href="http://192.0.2.200:8080/channels/news"`, "ITR"},
		"/switches":      {"mastered by node b"},
		"/switches/itr":  {`Mastered by node <a href="http://192.0.2.200:8080">b</a>`, `href="http://192.0.2.200:8080/switches/itr"`, "1,234"},
	} {
		page := get(h, path).Body.String()
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not say %q: %s", path, want, page)
			}
		}
	}
	for path, no := range map[string][]string{"/channels/news": {"payloads", "unicast would take", "not connected", "cannot be read"}, "/switches/itr": {"Given to the controller", "eids4"}, "/": {"0 payloads/s", "chart-transit"}} {
		page := get(h, path).Body.String()
		for _, text := range no {
			if strings.Contains(page, text) {
				t.Errorf("%s says %q: %s", path, text, page)
			}
		}
	}
	if page := get(h, "/switches/etr").Body.String(); !strings.Contains(page, "eids4") {
		t.Error("a switch of ours has no tables")
	}
	f.nodes = f.nodes[:1] // it has just gone
	if page := get(h, "/channels/news").Body.String(); !strings.Contains(page, "open the page of this channel there") {
		t.Errorf("a node without an address: %s", page)
	}
}

// TestLinksOfOtherNodes: an ETR of another node is ours by name, and not by numbers.
func TestLinksOfOtherNodes(t *testing.T) {
	_, f, _ := newTest(t)
	masters := map[string]*master{"etr": {Node: "b"}}
	c := live.Channel{Name: "news", ITR: "itr", Links: []live.Link{{RLOC: netip.MustParseAddr("192.0.2.21"), Transit: live.Rate{PerSecond: 9}}}}
	got := newFlow(f.Config(), masters, nil, c)
	if l := got.Links[0]; l.Switch != "etr" || l.Site != "viewers" || l.Master == nil {
		t.Fatalf("%+v", l)
	}
	top := newTopology(f.Config(), []controller.SwitchStatus{{Name: "etr", Phase: controller.Standby, Master: "b"}}, []flow{got})
	b := top.Groups[0].Branches[0]
	if b.Foreign || b.Counted || b.ETR.State != "standby" || b.ETR.Master != "b" || b.local() != "" || b.Transit != 9 {
		t.Errorf("%+v", b)
	}
}

// TestSilentSwitch: what cannot be read is not told as nothing, nor as what it was.
func TestSilentSwitch(t *testing.T) {
	_, f, h := newTest(t)
	f.silent = "itr"
	for path, tt := range map[string]struct{ says, not string }{
		"/":              {"rate not known", "payloads/s"},
		"/channels":      {"connection refused", "0/s"},
		"/channels/news": {"The counters of itr cannot be read", "have dropped nothing"},
		"/switches/itr":  {"The counters of itr cannot be read", "Nothing."},
	} {
		if page := get(h, path).Body.String(); !strings.Contains(page, tt.says) || strings.Contains(page, tt.not) {
			t.Errorf("%s does not say %q, or %q: %s", path, tt.says, tt.not, page)
		}
	}
}
