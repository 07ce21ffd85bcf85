package northbound

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/corecast/corecast/northbound/api"
	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask sends a request to a server, as to 127.0.0.1.
func ask(s *Server, method, target string) *http.Response {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+target, nil)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Result()
}

// get asks for a T, which the document must allow too.
func get[T any](t *testing.T, s *Server, target string) (answer T) {
	t.Helper()
	resp := ask(s, "GET", target)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("GET %s: %s %s\n%s", target, resp.Status, resp.Header.Get("Content-Type"), body)
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&answer); err != nil {
		t.Fatalf("GET %s: %v\n%s", target, err, body)
	}
	checkSchema(t, s, target, body)
	if strings.Contains(string(body), "do not tell") {
		t.Errorf("GET %s tells a secret", target)
	}
	return answer
}

// checkSchema validates an answer against the OpenAPI document.
func checkSchema(t *testing.T, s *Server, target string, body []byte) {
	t.Helper()
	path, _, _ := strings.Cut(target, "?")
	if name, ok := strings.CutPrefix(path, "/api/v1/sites/"); ok && name != "" {
		path = "/api/v1/sites/{name}"
	}
	if strings.HasSuffix(path, "/export") {
		path = "/api/v1/switches/{name}/export"
	}
	item := s.OpenAPI().Paths[path]
	if item == nil {
		t.Fatalf("the OpenAPI document has no %s", path)
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	res := &huma.ValidateResult{}
	huma.Validate(s.OpenAPI().Components.Schemas, item.Get.Responses["200"].Content["application/json"].Schema,
		huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, res)
	for _, err := range res.Errors {
		t.Errorf("GET %s: %v", target, err)
	}
}

func TestMappings(t *testing.T) {
	s, _ := newTestServer(t)
	all := get[api.Mappings](t, s, "/api/v1/mappings")
	if len(all.Items) != 6 || all.NextCursor != "" {
		t.Fatalf("%d mappings, next %q", len(all.Items), all.NextCursor)
	}
	m := all.Items[1]
	if m.EIDPrefix.String() != "10.1.0.0/24" || m.Site != "viewers" || m.Origin != "registered" || m.InstanceID != 7 || m.TTL != 3600 ||
		len(m.Locators) != 1 || m.Locators[0].Address != "192.0.2.21" || m.Registrations[0].XTRID != "01000000000000000000000000000000" ||
		m.Registrations[0].SiteID != "0200000000000000" || m.Action != "" {
		t.Errorf("%+v", m)
	}
	for query, want := range map[string][]string{
		"?site=studio":                  {"10.0.0.0/16"},
		"?instance_id=7&eid=10.1.3.9":   {"10.1.3.0/24"},
		"?instance_id=0":                {"10.0.0.0/16"},
		"?eid=10.0.0.0/8&limit=1":       {"10.0.0.0/16"},
		"?eid=10.9.0.0/16":              nil,
		"?site=viewers&limit=2":         {"10.1.0.0/24", "10.1.1.0/24"},
		"?eid=10.1.4.0%2F24&all=true":   {"10.1.4.0/24"},
		"?site=viewers&eid=2001:db8::1": nil,
	} {
		if got := prefixes(get[api.Mappings](t, s, "/api/v1/mappings"+query)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func prefixes(page api.Mappings) []string {
	var list []string
	for _, m := range page.Items {
		list = append(list, m.EIDPrefix.String())
	}
	return list
}

func TestMappingsPageByPage(t *testing.T) {
	s, _ := newTestServer(t)
	want := prefixes(get[api.Mappings](t, s, "/api/v1/mappings"))
	for _, limit := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		var got []string
		cursor := ""
		for range 10 {
			page := get[api.Mappings](t, s, "/api/v1/mappings?limit="+limit+"&cursor="+url.QueryEscape(cursor))
			got = append(got, prefixes(page)...)
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %s: %q, want %q", limit, got, want)
		}
	}
}

func TestSites(t *testing.T) {
	s, _ := newTestServer(t)
	list := get[api.Sites](t, s, "/api/v1/sites")
	if len(list.Items) != 2 || list.Items[1].Name != "viewers" || list.Items[1].Rejects != 3 || list.Items[0].LastRegister != nil {
		t.Errorf("%+v", list)
	}
	v := get[api.Site](t, s, "/api/v1/sites/viewers")
	if !reflect.DeepEqual(v.SiteSummary, list.Items[1]) {
		t.Errorf("summary %+v, in the list %+v", v.SiteSummary, list.Items[1])
	}
	if len(v.Registered) != 5 || v.MoreRegistered || v.Policy.Replay != "off" || v.Policy.RegistrationTimeout != 180 ||
		!slices.Equal(v.Policy.AuthKeys, []api.AuthKey{{ID: 2, Algorithm: "hmac-sha1-96"}}) || v.Policy.AllowedRLOCs[0].String() != "192.0.2.0/24" {
		t.Errorf("%+v", v)
	}
	if len(v.Rejected) != 1 || v.Rejected[0].Cause != "hmac" || v.Rejected[0].Count != 3 || v.Rejected[0].Meaning == "" ||
		v.LastRejects[0].Reason != "HMAC does not match key id 2 of site viewers" || v.XTRs[0].KeyID != 2 {
		t.Errorf("%+v", v)
	}
	if st := get[api.Site](t, s, "/api/v1/sites/studio"); len(st.Registered) != 0 || len(st.RLOCs) != 1 || st.RLOCs[0].Address != "192.0.2.10" {
		t.Errorf("%+v", st)
	}
}

func TestManyRegistrationsOfASite(t *testing.T) {
	s, f := newTestServer(t)
	for i := range 120 {
		f.mapServer.mappings = append(f.mapServer.mappings, registered(byte(i+5)))
	}
	if v := get[api.Site](t, s, "/api/v1/sites/viewers"); len(v.Registered) != 100 || !v.MoreRegistered {
		t.Errorf("%d, more: %v", len(v.Registered), v.MoreRegistered)
	}
}

func TestSwitches(t *testing.T) {
	s, _ := newTestServer(t)
	if list := get[api.Switches](t, s, "/api/v1/switches"); len(list.Items) != 1 || list.Items[0].Phase != "ready" || list.Items[0].Installed != 3 {
		t.Errorf("%+v", list)
	}
	for query, want := range map[string]int{"?site=studio": 1, "?site=viewers": 0, "?limit=1": 1} {
		if list := get[api.Switches](t, s, "/api/v1/switches"+query); len(list.Items) != want {
			t.Errorf("%s: %d switches, want %d", query, len(list.Items), want)
		}
	}
}

func TestProblems(t *testing.T) {
	s, _ := newTestServer(t)
	tests := []struct {
		method, target string
		status         int
		want           string
	}{
		{"GET", "/api/v1/mapping", 404, "there is no /api/v1/mapping"},
		{"GET", "/api/v1/sites/studoi", 404, `no site "studoi": did you mean studio?`},
		{"GET", "/api/v1/sites/Rome%20West", 404, "no site"},
		{"GET", "/api/v1/sites/%00%ff", 400, "the path has a character that no path here has"},
		{"GET", "/api/v1/sites?limit=1;cursor=x", 400, "the query has a semicolon"},
		{"GET", "/api/v1/mappings?site=vewers", 404, `no site "vewers": did you mean viewers?`},
		{"GET", "/api/v1/mappings?sit=viewers", 422, `there is no parameter "sit": did you mean site?`},
		{"GET", "/api/v1/status?verbose", 422, `there is no parameter "verbose": this takes no parameters`},
		{"GET", "/api/v1/mappings?eid=10.1.0", 422, `eid "10.1.0" is not an EID: give an address or a prefix`},
		{"GET", "/api/v1/mappings?eid=10.1.0.7/16", 422, `eid "10.1.0.7/16" has host bits set: give 10.1.0.0/16 or 10.1.0.7`},
		{"GET", "/api/v1/mappings?eid=fe80::1%25eth0", 422, "is not an EID"},
		{"GET", "/api/v1/mappings?limit=0", 422, "limit 0: expected number >= 1"},
		{"GET", "/api/v1/mappings?limit=1001", 422, "limit 1001: expected number <= 1000"},
		{"GET", "/api/v1/mappings?limit=many", 422, "limit many: invalid integer"},
		{"GET", "/api/v1/mappings?instance_id=16777216", 422, `instance_id "16777216" does not fit 24 bits: use 0 to 16777215`},
		{"GET", "/api/v1/mappings?instance_id=-1", 422, "instance_id -1: invalid integer"},
		{"GET", "/api/v1/mappings?cursor=x", 422, `cursor "x" is not a cursor of this list`},
		{"GET", "/api/v1/mappings?cursor=MCAxMC4wLjAuMS84", 422, "is not a cursor of this list"},
		{"POST", "/api/v1/mappings", 405, "POST /api/v1/mappings is not possible: use GET, HEAD"},
		{"DELETE", "/api/v1/sites/studio", 409, "site studio belongs to the configuration file, at test.yaml:6"},
		{"GET", "/api/v1/switches?cursor=x", 422, `cursor "x" is not a cursor of this list`},
		{"GET", "/api/v1/channels?site=studoi", 422, `site "studoi" is no site: did you mean studio?`},
		{"GET", "/api/v1/channels?state=broken", 422, "state broken"},
		{"GET", "/api/v1/events?after=x", 422, `after "x" is no id of an event`},
		{"GET", "/api/v1/drops?switch=irt", 404, `no switch "irt": did you mean itr?`},
		{"PUT", "/nothing", 404, "there is no /nothing"},
	}
	for _, tt := range tests {
		resp := ask(s, tt.method, tt.target)
		var p api.Error
		err := json.NewDecoder(resp.Body).Decode(&p)
		if err != nil || resp.StatusCode != tt.status || p.Status != tt.status || !strings.Contains(p.Detail, tt.want) ||
			resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %s %s %+v (%v); want %d %q", tt.method, tt.target, resp.Status, resp.Header.Get("Content-Type"), p, err, tt.status, tt.want)
		}
		if tt.status == 422 && (len(p.Errors) != 1 || p.Errors[0].Location == "" || p.Errors[0].Message == "") {
			t.Errorf("%s %s does not say what is wrong: %+v", tt.method, tt.target, p.Errors)
		}
	}
}

func TestHosts(t *testing.T) {
	s, _ := newTestServer(t)
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "localhost:8080": 200, "[::1]:8080": 200, "127.9.9.9": 200, "localhost": 200, "[::1]": 200,
		"evil.example:8080": 421, "evil.example": 421, "192.0.2.1:8080": 421, "": 421, "localhost.evil.example": 421,
	} {
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestListenRefusesTheNetwork(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		if l, err := Listen(address, nil); err == nil || !strings.Contains(err.Error(), "127.0.0.1:8080") {
			l.Close()
			t.Errorf("Listen(%q): %v", address, err)
		}
	}
	l, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(l.Addr().String(), nil); err == nil || !strings.Contains(err.Error(), "in use: stop the other controller") {
		t.Errorf("Listen twice: %v", err)
	}
}

func TestServeBoundsHeadersAndEndsWithItsContext(t *testing.T) {
	s, _ := newTestServer(t)
	l, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()

	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The server may hang up before it has read all of it.
	_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 2*maxHeaderBytes)+"\r\n\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if !strings.Contains(line, "431") && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("an endless header: %q, %v", line, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	s, f := newTestServer(t)
	f.mapServer.sites = append(f.mapServer.sites, f.mapServer.sites[0])
	s.opts.Controller = nil
	if resp := ask(s, "GET", "/api/v1/status"); resp.StatusCode != 500 || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s", resp.Status)
	}
}

// TestOpenAPICopy checks that docs/openapi.json is the document that is served:
//
//	go test ./northbound -run TestOpenAPICopy -update
func TestOpenAPICopy(t *testing.T) {
	s, _ := newTestServer(t)
	const path = "../docs/openapi.json"
	var want bytes.Buffer
	served, err := json.Marshal(s.OpenAPI())
	if err == nil {
		err = json.Indent(&want, served, "", " ")
	}
	if err != nil {
		t.Fatal(err)
	}
	want.WriteByte('\n')
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what is served (%v): go test ./northbound -run TestOpenAPICopy -update", path, err)
	}
}

// TestOpenAPI checks that the document is served, and that docs/rest.md names all
// that is in it.
func TestOpenAPI(t *testing.T) {
	s, _ := newTestServer(t)
	resp := ask(s, "GET", "/openapi.json")
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Parameters  []struct{ Name, In string }
			Summary     string         `json:"summary"`
			Responses   map[string]any `json:"responses"`
		} `json:"paths"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil || doc.OpenAPI != "3.1.0" {
		t.Fatalf("%v, OpenAPI %q", err, doc.OpenAPI)
	}
	if len(doc.Paths) < 6 {
		t.Errorf("%d paths", len(doc.Paths))
	}
	rest, err := os.ReadFile("../docs/rest.md")
	if err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		_, row, found := strings.Cut(string(rest), "| `"+path+"` | ")
		row, _, _ = strings.Cut(row, "\n")
		if !found {
			t.Errorf("docs/rest.md does not list %s", path)
		}
		for method, op := range methods {
			if op.OperationID == "" || op.Summary == "" || len(op.Responses) < 2 {
				t.Errorf("%s %s: %+v", method, path, op)
			}
			for _, p := range op.Parameters {
				everywhere := []string{"limit", "cursor", "dry_run"} // which docs/rest.md explains for all
				if p.In == "query" && !slices.Contains(everywhere, p.Name) && !strings.Contains(row, "`"+p.Name) {
					t.Errorf("docs/rest.md does not say that %s takes %s", path, p.Name)
				}
			}
		}
	}
}
