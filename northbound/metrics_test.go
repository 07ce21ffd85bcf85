package northbound

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

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

// TestExamplesNameMetrics: dashboard and alerts ask only for what docs/metrics.md
// lists, with labels that it has.
func TestExamplesNameMetrics(t *testing.T) {
	text, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(corecast_\\w+)` \\| (\\w+) \\| ([^|]*) \\|").FindAllStringSubmatch(string(text), -1) {
		labels[row[1]] = row[3]
		if row[2] == "histogram" {
			labels[row[1]+"_bucket"], labels[row[1]+"_count"], labels[row[1]+"_sum"] = row[3]+"`le`", row[3], row[3]
		}
	}
	for file, atLeast := range map[string]int{
		"../examples/grafana/corecast.json": 20, "../examples/prometheus/alerts.yml": 8,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		used := regexp.MustCompile(`(corecast_\w+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(strings.ReplaceAll(string(text), `\"`, `"`), -1)
		if len(used) < atLeast {
			t.Errorf("%s: %d metrics", file, len(used))
		}
		for _, u := range used {
			has, ok := labels[u[1]]
			if !ok {
				t.Errorf("%s asks for %s, which %s does not list", file, u[1], metricsDoc)
				continue
			}
			for _, m := range regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`).FindAllStringSubmatch(u[2], -1) {
				if m[1] != "instance" && m[1] != "job" && !strings.Contains(has, "`"+m[1]+"`") {
					t.Errorf("%s asks for %s by %s, which it does not have", file, u[1], m[1])
				}
			}
		}
	}
}

// TestGrafana: the dashboard is one that Grafana takes in: panels with ids and
// places of their own, each with a title and something to ask.
func TestGrafana(t *testing.T) {
	text, err := os.ReadFile("../examples/grafana/corecast.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		UID, Title    string
		SchemaVersion int
		Panels        []struct {
			ID          int
			Type, Title string
			GridPos     struct{ X, Y, W, H int }
			FieldConfig struct{ Defaults struct{ Unit string } }
			Targets     []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if board.UID == "" || board.Title == "" || board.SchemaVersion < 36 || len(board.Panels) < 10 {
		t.Errorf("%q %q, schema %d, %d panels", board.UID, board.Title, board.SchemaVersion, len(board.Panels))
	}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.ID == 0 || p.Title == "" {
			t.Errorf("panel %d %q", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && (len(p.Targets) == 0 || p.FieldConfig.Defaults.Unit == "") {
			t.Errorf("panel %q has %d targets, unit %q", p.Title, len(p.Targets), p.FieldConfig.Defaults.Unit)
		}
		if p.GridPos.W < 1 || p.GridPos.H < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q lies at %+v", p.Title, p.GridPos)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if cells[cell] != "" {
					t.Fatalf("panels %q and %q overlap", cells[cell], p.Title)
				}
				cells[cell] = p.Title
			}
		}
	}
}

// TestPrometheus reads the scrape configuration and the alerts, and has promtool
// check them where it is there.
func TestPrometheus(t *testing.T) {
	var alerts struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	read := func(file string, into any) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("../examples/prometheus", file))
		if err == nil {
			err = yaml.UnmarshalWithOptions(text, into, yaml.Strict())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	read("alerts.yml", &alerts)
	rules := 0
	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			rules++
			if r.Alert == "" || r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("alert %+v is not whole", r)
			}
			if strings.Count(r.Expr, "(") != strings.Count(r.Expr, ")") {
				t.Errorf("alert %s: %s", r.Alert, r.Expr)
			}
		}
	}
	if rules < 8 {
		t.Errorf("%d alerts", rules)
	}
	var scrape map[string]any
	read("prometheus.yml", &scrape)
	if promtool, err := exec.LookPath("promtool"); err == nil {
		for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"check", "config", "--syntax-only", "prometheus.yml"}} {
			cmd := exec.Command(promtool, args...)
			cmd.Dir = "../examples/prometheus"
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("promtool %v: %v\n%s", args, err, out)
			}
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
