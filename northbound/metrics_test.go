package northbound

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/corecast/corecast/mapserver"
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

// TestMetricsAreDocumented compares the names with docs/operations.md.
func TestMetricsAreDocumented(t *testing.T) {
	s, f := newTestServer(t)
	f.controller.status.Switches[0].Punts = map[string]uint64{"arp": 1}
	ask(s, "GET", "/healthz")
	doc, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	served := names(scrape(t, s), `(?m)^# TYPE (corecast_\w+)`)
	told := names(string(doc), "(?m)^\\| `(corecast_\\w+)`")
	if len(served) < 30 {
		t.Errorf("%d metrics", len(served))
	}
	for _, n := range served {
		if !slices.Contains(told, n) {
			t.Errorf("docs/operations.md does not list %s", n)
		}
	}
	for _, n := range told {
		if !slices.Contains(served, n) {
			t.Errorf("docs/operations.md lists %s, which is not served", n)
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

func names(text, pattern string) []string {
	var list []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}
