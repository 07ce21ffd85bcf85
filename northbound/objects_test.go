package northbound

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/northbound/api"
)

const patience = 30 * time.Second

// write sends a write to a server, as to 127.0.0.1.
func write(s *Server, method, target, body string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+target, strings.NewReader(body))
	if method == "PATCH" {
		r.Header.Set("Content-Type", "application/merge-patch+json")
	} else if method == "PUT" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Result()
}

// answerOf decodes an answer of a status.
func answerOf[T any](t *testing.T, resp *http.Response, status int) (answer T) {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%s, want %d: %s", resp.Status, status, body)
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&answer); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	if strings.Contains(string(body), "do not tell") {
		t.Errorf("a secret is told: %s", body)
	}
	return answer
}

const (
	romeBody = `{"eid_prefixes":["10.5.0.0/16"],"reserved_eids":"10.5.255.0/24","rlocs":[{"address":"192.0.2.55"},{"address":"192.0.2.56","priority":255}],"corecast":true,
		"auth_keys":[{"id":1,"algorithm":"hmac-sha256-128","secret":"do not tell"}]}`
	romeSwitch = `{"address":"127.0.0.1:9570","site":"rome","ports":[{"id":1,"role":"local","address":"10.5.0.1/24"},{"id":2,"role":"transit","address":"192.0.2.55/24"}]}`
	radioBody  = `{"site":"rome","source_eid":"10.5.0.10","ingress":{"switch":"itr5","port":1},"rate":"4Mbps"}`
)

// makeRome makes a site, its switch and a channel.
func makeRome(t *testing.T, s *Server) {
	t.Helper()
	answerOf[api.Site](t, write(s, "PUT", "/api/v1/sites/rome", romeBody), 201)
	answerOf[api.Switch](t, write(s, "PUT", "/api/v1/switches/itr5", romeSwitch), 201)
	answerOf[api.Channel](t, write(s, "PUT", "/api/v1/channels/radio", radioBody), 201)
}

// TestWrites is the life of objects.
func TestWrites(t *testing.T) {
	s, _ := newTestServer(t)
	makeRome(t, s)
	resp := ask(s, "GET", "/api/v1/channels/radio")
	tag := resp.Header.Get("ETag")
	ch := answerOf[api.Channel](t, resp, 200)
	if ch.Spec.ReservedEID != netip.MustParseAddr("10.5.255.1") || ch.Spec.Rate != 4e6 || ch.State != api.Pending || ch.Origin != api.FromREST ||
		ch.By != "address:local" || ch.Changed == nil || tag != `"`+ch.Version+`"` {
		t.Errorf("%s %+v", tag, ch)
	}
	// The same again changes nothing.
	resp = write(s, "PUT", "/api/v1/channels/radio", radioBody)
	if again := answerOf[api.Channel](t, resp, 200); again.Version != ch.Version || resp.Header.Get("ETag") != tag {
		t.Errorf("version %s, was %s", again.Version, ch.Version)
	}
	resp = write(s, "PATCH", "/api/v1/channels/radio", `{"rate":"6Mbps","lists":false}`, "If-Match", tag)
	if now := answerOf[api.Channel](t, resp, 200); now.Spec.Rate != 6e6 || now.Spec.Lists != "false" || resp.Header.Get("ETag") == tag {
		t.Errorf("%+v", now)
	}
	for _, tt := range []struct {
		method, target, body, header, value string
		status                              int
		want                                string
	}{
		{"PATCH", "/api/v1/channels/radio", `{"rate":"7Mbps"}`, "If-Match", tag, 412, "channel radio has changed: its version is"},
		{"DELETE", "/api/v1/channels/radio", ``, "If-Match", tag, 412, "has changed"},
		{"DELETE", "/api/v1/channels/radio", ``, "If-Match", "W/" + tag, 412, "has changed"},
		{"DELETE", "/api/v1/channels/radio", ``, "If-Match", "7", 422, "is no ETag: give the ETag of the object with its quotes"},
		{"PUT", "/api/v1/channels/radio", radioBody, "If-None-Match", "*", 412, "channel radio exists already"},
		{"PUT", "/api/v1/channels/radio", radioBody, "Content-Type", "application/x-www-form-urlencoded", 415, "send Content-Type: application/json"},
		{"PUT", "/api/v1/channels/radio", radioBody, "Content-Type", "", 415, "send Content-Type: application/json"},
		{"PUT", "/api/v1/channels/radio", `{"name":"` + strings.Repeat("x", maxWrite) + `"}`, "X", "", 413, "too large"},
		{"PUT", "/api/v1/channels/radio", `{`, "X", "", 422, "is not valid JSON"},
		{"PUT", "/api/v1/sites/studio", romeBody, "X", "", 409, "site studio belongs to the configuration file, at test.yaml:6: change it there"},
		{"DELETE", "/api/v1/sites/rome", ``, "X", "", 409, "site rome is in use by switch itr5, channel radio: delete or change these first"},
		{"DELETE", "/api/v1/channels/raido", ``, "X", "", 404, `no channel "raido": did you mean radio?`},
		{"PATCH", "/api/v1/sites/rome?dry-run=true", `{}`, "X", "", 422, `there is no parameter "dry-run": did you mean dry_run?`},
		{"PATCH", "/api/v1/sites/rome?dry_run=maybe", `{}`, "X", "", 422, "dry_run"},
	} {
		resp := write(s, tt.method, tt.target, tt.body, tt.header, tt.value)
		p := answerOf[api.Error](t, resp, tt.status)
		if !strings.Contains(p.Detail, tt.want) || p.Status != tt.status || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %+v\nwant %s", tt.method, tt.target, p, tt.want)
		}
	}
	for _, target := range []string{"/api/v1/channels/radio", "/api/v1/switches/itr5", "/api/v1/sites/rome"} {
		if resp := write(s, "DELETE", target, ""); resp.StatusCode != 204 {
			t.Errorf("DELETE %s: %s", target, resp.Status)
		}
		answerOf[api.Error](t, ask(s, "GET", target), 404)
	}
}

// TestWrongFields: a refusal names each field, its value, the reason and the fix,
// and no secret.
func TestWrongFields(t *testing.T) {
	s, _ := newTestServer(t)
	makeRome(t, s)
	p := answerOf[api.Error](t, write(s, "PUT", "/api/v1/sites/paris", `{"eid_prefixes":["10.5.7.0/24","10.6.0.1/16"],"rlocs":[{"address":"192.0.2.56"}],
		"auth_keys":[{"id":1,"algorithm":"md5","secret":"do not tell"}]}`), 422)
	want := []api.FieldError{
		field("body.auth_keys[0].algorithm", "md5", `unknown algorithm "md5"`, "use hmac-sha1-96, hmac-sha256-128 or hmac-sha256-128-hkdf"),
		field("body.eid_prefixes[0]", "10.5.7.0/24", "10.5.7.0/24 overlaps 10.5.0.0/16 of site rome in instance 0", "sites of one instance need separate prefixes"),
		field("body.eid_prefixes[1]", "10.6.0.1/16", "10.6.0.1/16 has host bits set", "write 10.6.0.0/16"),
		field("body.rlocs[0].address", "192.0.2.56", "192.0.2.56 is an RLOC of site rome rlocs[1] too", "an RLOC belongs to one site of an instance"),
	}
	if fmt.Sprint(p.Errors) != fmt.Sprint(want) {
		t.Errorf("%+v\nwant %+v", p.Errors, want)
	}
}

// TestDryRun tells what a channel would cost, and makes none.
func TestDryRun(t *testing.T) {
	s, f := newTestServer(t)
	answerOf[api.Site](t, write(s, "PUT", "/api/v1/sites/rome", romeBody), 201)
	answerOf[api.Switch](t, write(s, "PUT", "/api/v1/switches/itr5", romeSwitch), 201)
	deadline := time.Now().Add(patience)
	for len(f.controller.Controller.Status().Switches) < 2 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond) // until it is applied
	}
	d := answerOf[api.DryRun](t, write(s, "PUT", "/api/v1/channels/radio?dry_run=true", radioBody), 200)
	if d.Change != "created" || d.Before != nil || !strings.Contains(string(d.After), `"reserved_eid":"10.5.255.1"`) || len(d.Switches) != 2 {
		t.Fatalf("%+v", d)
	}
	sw := d.Switches[1] // the other is studio's, an ETR of it
	if sw.Switch != "itr5" || sw.Inserts == 0 || sw.Deletes != 0 || len(sw.Updates) != sw.Inserts+sw.Modifies {
		t.Errorf("%+v", sw)
	}
	found := false
	for _, u := range sw.Updates {
		if u.Update == "insert" && u.Table == "channels4" && strings.Contains(u.Key, "reserved_eid=10.5.255.1") && strings.Contains(u.Entry, "channel4(") {
			found = true
		}
	}
	if !found || len(sw.Tables) == 0 || sw.Tables[0].Table != "channels4" || sw.Tables[0].Then != 1 || sw.Tables[0].Size < 100 {
		t.Errorf("%+v", sw)
	}
	answerOf[api.Error](t, ask(s, "GET", "/api/v1/channels/radio"), 404)
	answerOf[api.Error](t, write(s, "PUT", "/api/v1/channels/radio?dry_run=true", `{}`), 422)
	if d := answerOf[api.DryRun](t, write(s, "DELETE", "/api/v1/switches/itr5?dry_run=true", ""), 200); d.Change != "deleted" {
		t.Errorf("%+v", d)
	}
}

// TestChannelLists selects channels, page by page.
func TestChannelLists(t *testing.T) {
	s, _ := newTestServer(t)
	makeRome(t, s)
	for i := range 5 {
		answerOf[api.Channel](t, write(s, "PUT", fmt.Sprint("/api/v1/channels/c", i), radioBody), 201)
	}
	names := func(query string) string {
		text := ""
		for {
			page := get[api.Channels](t, s, "/api/v1/channels?"+query)
			for _, ch := range page.Items {
				text += ch.Name + " "
			}
			if page.NextCursor == "" {
				return text
			}
			query += "&cursor=" + page.NextCursor
			query = strings.Replace(query, "&cursor="+page.NextCursor+"&cursor=", "&cursor=", 1)
			if i := strings.Index(query, "&cursor="); strings.LastIndex(query, "&cursor=") != i {
				query = query[:i] + query[strings.LastIndex(query, "&cursor="):]
			}
			text += "| "
		}
	}
	for query, want := range map[string]string{
		"":                   "c0 c1 c2 c3 c4 radio ",
		"limit=4":            "c0 c1 c2 c3 | c4 radio ",
		"site=rome&limit=6":  "c0 c1 c2 c3 c4 radio ",
		"site=studio":        "",
		"switch=itr5":        "c0 c1 c2 c3 c4 radio ",
		"state=ready":        "",
		"state=unused":       "",
		"switch=itr&limit=1": "",
	} {
		if got := names(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}
