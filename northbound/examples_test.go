package northbound

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// documented are the metrics of docs/metrics.md.
type documented struct {
	text   string              // of it all
	kinds  map[string]string   // of metrics
	labels map[string][]string // of metrics
}

var metricRow = regexp.MustCompile("(?m)^\\| `(corecast_\\w+)` \\| (\\w+) \\| ([^|]*) \\|")

func documentedMetrics(t *testing.T) *documented {
	t.Helper()
	text, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	d := &documented{text: string(text), kinds: map[string]string{"up": "gauge"}, labels: map[string][]string{"up": nil}}
	for _, row := range metricRow.FindAllStringSubmatch(d.text, -1) {
		name, kind := row[1], row[2]
		labels := regexp.MustCompile(`\w+`).FindAllString(row[3], -1)
		d.kinds[name], d.labels[name] = kind, labels
		if kind == "histogram" {
			for _, part := range []string{"_bucket", "_count", "_sum"} {
				d.kinds[name+part], d.labels[name+part] = "counter", append([]string{"le"}, labels...)
			}
		}
	}
	if len(d.kinds) < 60 {
		t.Fatalf("%s lists %d metrics", metricsDoc, len(d.kinds))
	}
	return d
}

// The parts of a query, and what texts beside it say of its labels.
var (
	queryToken  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\$?[A-Za-z_]\w*|\d+(?:\.\d+)?[smh]?|=~|!~|!=|==|<=|>=|[-+*/(){}\[\],=<>]|\s+`)
	selector    = regexp.MustCompile(`(\w+)\s*(\{[^}]*\})?\s*(\[[^\]]*\])?`)
	matcher     = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"`)
	grouping    = regexp.MustCompile(`\bby\s*\(([^)]*)\)`)
	alertLabel  = regexp.MustCompile(`\$labels\.(\w+)`)
	legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)
)

// functions are those that the queries use.
var functions = []string{"rate", "sum", "max", "count", "histogram_quantile", "time", "vector", "or", "by"}

// everywhere are labels that Prometheus gives every metric.
var everywhere = []string{"instance", "job"}

// wrong is what is wrong with a query: all of it must be of PromQL, its metrics and
// labels documented, rates of counters, and the labels that are told of its results
// left in them.
func (d *documented) wrong(query string, told [][]string) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if rest := queryToken.ReplaceAllString(query, ""); rest != "" {
		say("%q is not of PromQL", rest)
	}
	if !balanced(query) {
		say("brackets are not closed")
	}
	left := slices.Clone(everywhere) // labels of the results
	found := 0
	for _, s := range selector.FindAllStringSubmatch(grouping.ReplaceAllString(query, ""), -1) {
		name := s[1]
		if slices.Contains(functions, name) || name[0] <= '9' {
			continue
		}
		kind, ok := d.kinds[name]
		if !ok {
			say("%s is neither a metric of %s nor a function", name, metricsDoc)
			continue
		}
		found++
		left = append(left, d.labels[name]...)
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			problems = append(problems, d.wrongMatcher(name, m[1], m[2])...)
		}
		rated := regexp.MustCompile(`rate\(\s*` + name + `\b`).MatchString(query)
		if rated != (s[3] != "") || rated != (kind == "counter") {
			say("%s is a %s", name, kind)
		}
	}
	if found == 0 {
		say("no metric is asked for")
	}
	for _, by := range grouping.FindAllStringSubmatch(query, -1) {
		kept := regexp.MustCompile(`\w+`).FindAllString(by[1], -1)
		for _, label := range kept {
			if !slices.Contains(left, label) {
				say("nothing has the label %s", label)
			}
		}
		left = kept
	}
	for _, label := range told {
		if !slices.Contains(left, label[1]) {
			say("%s is told, which is no label of the result", label[1])
		}
	}
	return problems
}

// wrongMatcher is what is wrong with asking a metric for a label with a value.
func (d *documented) wrongMatcher(metric, label, value string) (problems []string) {
	if slices.Contains(everywhere, label) {
		return nil
	}
	if !slices.Contains(d.labels[metric], label) {
		problems = append(problems, fmt.Sprintf("%s has no label %s", metric, label))
	}
	if label != "event" && label != "reason" {
		return problems // of names of what is configured
	}
	for word := range strings.SplitSeq(value, "|") {
		if !strings.Contains(d.text, "\n| `"+word+"` | ") {
			problems = append(problems, fmt.Sprintf("%s lists no %s %s", metricsDoc, label, word))
		}
	}
	return problems
}

// TestQueries: what is wrong with a query is found.
func TestQueries(t *testing.T) {
	known := documentedMetrics(t)
	for query, want := range map[string]string{
		`sum(corecast_switch_ready`:                                         "brackets are not closed",
		`sum(corecast_switch_ready))`:                                       "brackets are not closed",
		`corecast_switch_ready & 1`:                                         `"&" is not of PromQL`,
		`corecast_switch_raedy`:                                             "corecast_switch_raedy is neither a metric",
		`summ(corecast_switch_ready)`:                                       "summ is neither a metric",
		`time()`:                                                            "no metric is asked for",
		`rate(corecast_switch_ready[5m])`:                                   "corecast_switch_ready is a gauge",
		`corecast_store_failures_total > 0`:                                 "corecast_store_failures_total is a counter",
		`rate(corecast_store_failures_total)`:                               "corecast_store_failures_total is a counter",
		`corecast_switch_ready{site="a"}`:                                   "corecast_switch_ready has no label site",
		`max by (site) (corecast_switch_ready)`:                             "nothing has the label site",
		`rate(corecast_channel_packets_total{event=~"header|heaedr"}[5m])`:  "lists no event heaedr",
		`rate(corecast_http_refused_total{reason="wrong-credential"}[5m])`:  "lists no reason wrong-credential",
		`sum by (channel) (rate(corecast_channel_packets_total[5m])) > 0.1`: "switch is told",
	} {
		if got := strings.Join(known.wrong(query, [][]string{{"", "switch"}}), "; "); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %s", query, got, want)
		}
	}
}

// balanced reports whether each bracket of a query is closed by its own.
func balanced(query string) bool {
	var open []rune
	pairs := map[rune]rune{')': '(', '}': '{', ']': '['}
	for _, c := range regexp.MustCompile(`"[^"]*"`).ReplaceAllString(query, "") {
		switch c {
		case '(', '{', '[':
			open = append(open, c)
		case ')', '}', ']':
			if len(open) == 0 || open[len(open)-1] != pairs[c] {
				return false
			}
			open = open[:len(open)-1]
		}
	}
	return len(open) == 0
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
			Targets     []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if board.UID == "" || board.Title == "" || board.SchemaVersion < 36 || len(board.Panels) < 10 {
		t.Errorf("%q %q, schema %d, %d panels", board.UID, board.Title, board.SchemaVersion, len(board.Panels))
	}
	known := documentedMetrics(t)
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
		for _, target := range p.Targets {
			for _, problem := range known.wrong(target.Expr, legendLabel.FindAllStringSubmatch(target.LegendFormat, -1)) {
				t.Errorf("panel %q: %s: %s", p.Title, target.Expr, problem)
			}
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
	known, rules := documentedMetrics(t), 0
	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			rules++
			if r.Alert == "" || r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("alert %+v is not whole", r)
			}
			for _, problem := range known.wrong(r.Expr, alertLabel.FindAllStringSubmatch(r.Annotations["summary"]+r.Annotations["description"], -1)) {
				t.Errorf("alert %s: %s: %s", r.Alert, r.Expr, problem)
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
