package northbound

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/auth"
)

// follow reads events from a server until the test ends.
func follow(t *testing.T, url string, header ...string) *bufio.Scanner {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	return bufio.NewScanner(resp.Body)
}

// nextEvent reads one event.
func nextEvent(t *testing.T, lines *bufio.Scanner) (e api.Event) {
	t.Helper()
	id, kind := "", ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				t.Fatal(err)
			}
		case "":
			if e.ID != "" {
				if e.ID != id || string(e.Kind) != kind {
					t.Errorf("id %s, event %s: %+v", id, kind, e)
				}
				return e
			}
		}
	}
	t.Fatalf("the stream ended: %v", lines.Err())
	return e
}

// TestEvents follows changes, goes on where it was, and lists.
func TestEvents(t *testing.T) {
	s, _ := newTestServer(t)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	url := server.URL + "/api/v1/events"
	lines := follow(t, url)
	makeRome(t, s)
	var ids []string
	for _, want := range []string{"site rome created by address:local", "switch itr5 created by address:local", "channel radio created by address:local"} {
		e := nextEvent(t, lines)
		if e.Text != want || e.Kind != api.Created || e.Who != "address:local" || strings.Contains(string(e.After), "do not tell") {
			t.Errorf("%+v\nwant %s", e, want)
		}
		ids = append(ids, e.ID)
	}
	if e := nextEvent(t, follow(t, url, "Last-Event-ID", ids[1])); e.ID != ids[2] {
		t.Errorf("after %s comes %+v", ids[1], e)
	}
	if e := nextEvent(t, follow(t, url+"?after=0.0")); e.ID != ids[0] {
		t.Errorf("first of all comes %+v", e)
	}
	if e := nextEvent(t, follow(t, url+"?after=999.0")); e.Kind != api.EventsMissed {
		t.Errorf("after what never was comes %+v", e)
	}
	list := func(query string) api.Events {
		return answerOf[api.Events](t, write(s, "GET", "/api/v1/events"+query, "", "Accept", "application/json"), 200)
	}
	page := list("?limit=2")
	if len(page.Items) != 2 || page.NextCursor != ids[1] {
		t.Fatalf("%+v", page)
	}
	if page = list("?limit=2&cursor=" + page.NextCursor); len(page.Items) != 1 || page.NextCursor != "" || page.Items[0].ID != ids[2] {
		t.Errorf("%+v", page)
	}
	if page = list("?last=1"); len(page.Items) != 1 || page.Items[0].ID != ids[2] {
		t.Errorf("%+v", page)
	}
}

// TestManyFollowers: 1,000 clients follow, and all see the same.
func TestManyFollowers(t *testing.T) {
	s, _ := newTestServer(t)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	const followers = 1000
	var streams []*bufio.Scanner
	for range followers {
		streams = append(streams, follow(t, server.URL+"/api/v1/events"))
	}
	answerOf[api.Site](t, write(s, "PUT", "/api/v1/sites/rome", romeBody), 201)
	var wg sync.WaitGroup
	for _, lines := range streams {
		wg.Go(func() {
			if e := nextEvent(t, lines); e.Text != "site rome created by address:local" {
				t.Errorf("%+v", e)
			}
		})
	}
	wg.Wait()
}

// TestFollowersAreAskedAgain: a token that is taken away ends what it began.
func TestFollowersAreAskedAgain(t *testing.T) {
	s := newSecured(t)
	request := func(role auth.Role) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.tokens[role])
		resp, err := s.client(t, "").Do(r)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v, %v", resp, err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	goes, stays := bufio.NewScanner(request(auth.Viewer).Body), bufio.NewScanner(request(auth.Operator).Body)
	text, err := os.ReadFile(s.tokensFile)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "viewer ") {
			kept = append(kept, line)
		}
	}
	if len(kept) != 2 {
		t.Fatalf("%q", kept)
	}
	if err := os.WriteFile(s.tokensFile, []byte(strings.Join(kept, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.gate.Reload(); err != nil {
		t.Fatal(err)
	}
	for goes.Scan() { // until the server ends it
	}
	for range 10 {
		if !stays.Scan() {
			t.Fatalf("it has gone too: %v", stays.Err())
		}
	}
	_, metrics := s.ask(t, s.client(t, ""), "GET", "/metrics", "Authorization", "Bearer "+s.tokens[auth.Operator])
	if !strings.Contains(metrics, "\ncorecast_events_left_total{reason=\"refused\"} 1\n") {
		t.Errorf("%s", metrics)
	}
}
