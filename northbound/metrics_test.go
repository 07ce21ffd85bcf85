package northbound

import (
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/cluster"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/northbound/auth"
	"github.com/corecast/corecast/northbound/webhook"
	"github.com/corecast/corecast/p4/build"
)

func scrape(t *testing.T, s *Server) string {
	t.Helper()
	resp := ask(s, "GET", "/metrics")
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s, %v\n%s", resp.Status, err, body)
	}
	return string(body)
}

func TestMetrics(t *testing.T) {
	s, _ := newTestServer(t)
	ask(s, "GET", "/api/v1/sites/studio")
	ask(s, "GET", "/api/v1/sites/nobody/knows")
	text := scrape(t, s)
	for _, want := range []string{
		`corecast_build_info{version="test"} 1`,
		`corecast_mapserver_map_requests_total 10`,
		`corecast_mapserver_mappings 5`,
		`corecast_mapserver_dropped_total{cause="malformed"} 2`,
		`corecast_site_rejected_total{cause="hmac",site="viewers"} 3`,
		`corecast_site_map_registers_total{site="viewers"} 9`,
		`corecast_site_last_register_timestamp_seconds{site="studio"} 0`,
		`corecast_switch_ready{switch="itr"} 1`,
		`corecast_store_waiting 0`,
		`corecast_udp_received_total 0`,
		`corecast_http_requests_total{code="200",pattern="GET /api/v1/sites/{name}"} 1`,
		`corecast_http_requests_total{code="404",pattern="/"} 1`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, `cause="replay"`) {
		t.Error("a cause that did not occur is there for a site")
	}
}

// TestEveryCounterIsServed: what the Map-Server counts is no good if nobody sees it.
func TestEveryCounterIsServed(t *testing.T) {
	s, f := newTestServer(t)
	all := reflect.ValueOf(&f.mapServer.counters).Elem()
	want := map[string]uint64{}
	for i := range all.NumField() {
		n := uint64(7_000_000 + i)
		switch field := all.Field(i); field.Kind() {
		case reflect.Uint64:
			field.SetUint(n)
		case reflect.Int:
			field.SetInt(int64(n))
		default:
			continue
		}
		want[all.Type().Field(i).Name] = n
	}
	if len(want) < 20 {
		t.Fatalf("%d counters", len(want))
	}
	text := scrape(t, s)
	for name, n := range want {
		if !strings.Contains(text, fmt.Sprintf(" %v\n", float64(n))) {
			t.Errorf("no metric has %s", name)
		}
	}
}

var update = flag.Bool("update", false, "rewrite docs/metrics.md and docs/openapi.json")

const (
	metricsDoc   = "../docs/metrics.md"
	metricsBegin = "| metric | type | labels | what |\n|---|---|---|---|\n"
)

// fullServer serves every metric there is.
func fullServer(t *testing.T) *Server {
	t.Helper()
	s, f := newTestServer(t)
	f.controller.status.Switches[0].Punts = map[string]uint64{"arp": 1}
	f.controller.loads = map[string]controller.SwitchLoad{"itr": {
		Drops:    map[string]p4rt.Count{"not_ip": {Packets: 7}},
		Channels: map[string]map[string]p4rt.Count{"news": {"payload": {Packets: 3, Bytes: 3000}, "header": {}}},
	}}
	s.opts.Cluster = &fakeCluster{nodes: []cluster.Member{{ID: "1", Name: "a", Masters: 3}}}
	s.opts.Webhooks = func() map[string]webhook.Counters {
		return map[string]webhook.Counters{"pager": {Delivered: 5, Failing: true}}
	}
	ask(s, "GET", "/healthz")
	return s
}

func TestMetricsOfSwitchesAndNodes(t *testing.T) {
	s := fullServer(t)
	text := scrape(t, s)
	for _, want := range []string{
		`corecast_switch_counters_readable{switch="itr"} 1`,
		`corecast_switch_drops_total{reason="not_ip",switch="itr"} 7`,
		`corecast_channel_packets_total{channel="news",event="payload",switch="itr"} 3`,
		`corecast_channel_bytes_total{channel="news",event="payload",switch="itr"} 3000`,
		`corecast_cluster_nodes 1`,
		`corecast_cluster_switches 3`,
		`corecast_webhook_delivered_total{hook="pager"} 5`,
		`corecast_webhook_failing{hook="pager"} 1`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, `event="header"`) {
		t.Error("an event that did not occur is there for a channel")
	}
	silent, _ := newTestServer(t)
	if !strings.Contains(scrape(t, silent), "\ncorecast_switch_counters_readable{switch=\"itr\"} 0\n") {
		t.Error("a switch that does not answer is not told")
	}
}

// TestMetricsAreDocumented compares all that is served with docs/metrics.md.
func TestMetricsAreDocumented(t *testing.T) {
	families, err := fullServer(t).metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "corecast_") {
			continue // of Go and of the process
		}
		var labels []string
		for _, l := range f.Metric[0].Label {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp()))
	}
	if len(rows) < 60 {
		t.Errorf("%d metrics", len(rows))
	}
	text, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, table, found := strings.Cut(string(text), metricsBegin)
	if !found {
		t.Fatalf("%s has no table", metricsDoc)
	}
	table, after, _ := strings.Cut(table, "\n\n")
	want := strings.TrimSuffix(strings.Join(rows, ""), "\n")
	if table == want {
		return
	}
	if *update {
		if err := os.WriteFile(metricsDoc, []byte(before+metricsBegin+want+"\n\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is not what is served: go test ./northbound -run MetricsAreDocumented -update", metricsDoc)
}

// TestLabelsAreDocumented compares the words that labels can have.
func TestLabelsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range build.SlotEvents {
		if e.Name != "" && !strings.Contains(string(text), fmt.Sprintf("| `%s` | %s |\n", e.Name, e.Doc)) {
			t.Errorf("%s does not list the event %s: %s", metricsDoc, e.Name, e.Doc)
		}
	}
	for _, reason := range leftReasons() {
		if !strings.Contains(string(text), fmt.Sprintf("| `%s` | ", reason)) {
			t.Errorf("%s does not list the reason %s to leave", metricsDoc, reason)
		}
	}
	for _, r := range auth.Reasons() {
		if !strings.Contains(string(text), fmt.Sprintf("| `%s` | ", r)) {
			t.Errorf("%s does not list the reason %s", metricsDoc, r)
		}
	}
}

// TestCausesAreDocumented compares the causes of rejects with
// docs/operations.md.
func TestCausesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	causes := mapserver.Causes()
	for cause, meaning := range causes {
		if !strings.Contains(string(doc), "\n| `"+cause+"` | "+meaning+" | ") {
			t.Errorf("docs/operations.md does not list %s: %s", cause, meaning)
		}
	}
	if len(causes) < 20 {
		t.Errorf("%d causes", len(causes))
	}
}
