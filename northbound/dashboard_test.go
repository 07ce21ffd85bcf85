package northbound

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestDashboardTellsReports of sources, on the page of the site.
func TestDashboardTellsReports(t *testing.T) {
	s, _ := newTestServer(t)
	makeRome(t, s)
	write(s, http.MethodPut, "/api/v1/sources/s1/report", `{"interval_seconds":10,"channels":[{"name":"radio","payloads":7,"bytes":9000,"headers":21,"unicast":0,"viewers":[
		{"eid":"10.5.0.9","port":5004,"corecast":true,"since":"2030-01-02T03:04:05Z"}]}]}`)
	raw, err := io.ReadAll(ask(s, http.MethodGet, "/sites/rome").Body)
	if page := string(raw); err != nil || !strings.Contains(page, "reports of its source") || !strings.Contains(page, "/channels/radio") {
		t.Errorf("%s", page)
	}
}

// TestFormsOfOtherOrigins: a page of elsewhere sends none of the dashboard's forms.
func TestFormsOfOtherOrigins(t *testing.T) {
	s, _ := newTestServer(t)
	for _, path := range []string{"/new/site", "/edit/site/studio", "/delete/site/studio", "/new/switch", "/edit/switch/itr", "/delete/switch/itr", "/new/channel", "/check/site"} {
		for origin, refused := range map[string]bool{"http://127.0.0.1:8080": false, "https://evil.example": true} {
			r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080"+path, strings.NewReader("name=x"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", origin)
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if (w.Code == http.StatusForbidden) != refused || w.Code == http.StatusNotFound {
				t.Errorf("POST %s from %s: %d", path, origin, w.Code)
			}
		}
	}
}
