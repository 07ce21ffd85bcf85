package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/corecast/corecast/northbound/api"
)

// server answers path with status and body.
func server(t *testing.T, status int, body string) *Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return newClient(t, s.URL)
}

func newClient(t *testing.T, url string) *Client {
	t.Helper()
	c, err := New(url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewRefusesWhatIsNoURL(t *testing.T) {
	for _, server := range []string{"", "127.0.0.1:8080", "localhost", "ftp://127.0.0.1", "http://", "http://[::1", "::"} {
		if _, err := New(server); err == nil || !strings.Contains(err.Error(), DefaultServer) {
			t.Errorf("New(%q): %v", server, err)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	tests := []struct {
		name   string
		client *Client
		want   string
	}{
		{"nobody there", newClient(t, closed.URL), "nothing listens there; start it with `corecast controller --config FILE`"},
		{"problem", server(t, 404, `{"title":"Not Found","status":404,"detail":"no site \"x\": did you mean y?"}`), `no site "x": did you mean y?`},
		{"another program", server(t, 404, "404 page not found"), "answers 404 Not Found, but is no CoreCast controller: name another with --server URL"},
		{"not JSON", server(t, 200, "<html>"), "but is no CoreCast controller of this version"},
		{"other JSON", server(t, 200, `{"sites":3}`), "but is no CoreCast controller of this version"},
	}
	for _, tt := range tests {
		if _, err := tt.client.Status(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tests[1].client.Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

// TestMappingsFollowsCursors asks for all pages, with the filter each time.
func TestMappingsFollowsCursors(t *testing.T) {
	pages := map[string]api.Mappings{
		"":  {Items: []api.Mapping{{EIDPrefix: netip.MustParsePrefix("10.1.0.0/16")}, {EIDPrefix: netip.MustParsePrefix("10.2.0.0/16")}}, NextCursor: "b"},
		"b": {Items: []api.Mapping{}, NextCursor: "c"},
		"c": {Items: []api.Mapping{{EIDPrefix: netip.MustParsePrefix("10.3.0.0/16")}}},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("eid") != "10.0.0.0/8" || q.Get("site") != "a b" || q.Get("instance_id") != "0" || q.Get("all") != "true" {
			t.Errorf("asked with %v", q)
		}
		_ = json.NewEncoder(w).Encode(pages[q.Get("cursor")])
	}))
	defer s.Close()
	instance := uint32(0)
	f := MappingFilter{EID: "10.0.0.0/8", Site: "a b", InstanceID: &instance, All: true}
	var got []string
	for m, err := range newClient(t, s.URL+"/").Mappings(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.EIDPrefix.String())
	}
	if strings.Join(got, " ") != "10.1.0.0/16 10.2.0.0/16 10.3.0.0/16" {
		t.Errorf("%q", got)
	}
	for range newClient(t, s.URL).Mappings(t.Context(), f) {
		break // whoever has enough asks for no more
	}
}
