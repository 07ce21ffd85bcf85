package ui

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/inventory"
)

const patience = 30 * time.Second

// events are what a stream sends in its first update.
func events(t *testing.T, s *stream, target string) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	s.w, s.rc = deadlines{w, nil}, http.NewResponseController(deadlines{w, nil})
	if err := s.update(httptest.NewRequest(http.MethodGet, target, nil)); err != nil {
		t.Fatal(err)
	}
	return w.Body.Bytes()
}

// deadlines is a connection that has deadlines, and may fail.
type deadlines struct {
	*httptest.ResponseRecorder
	write func() error
}

func (deadlines) SetWriteDeadline(time.Time) error { return nil }

func (d deadlines) Write(b []byte) (int, error) {
	if d.write != nil {
		if err := d.write(); err != nil {
			return 0, err
		}
	}
	return d.ResponseRecorder.Write(b)
}

// follow opens a stream of a page; what it sends comes by lines.
func follow(t *testing.T, server *httptest.Server, path string) (lines <-chan string, leave func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s %v", path, resp.Status, resp.Header)
	}
	out := make(chan string)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		scan := bufio.NewScanner(resp.Body)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			select {
			case out <- scan.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, cancel
}

// await reads lines until one contains a text.
func await(t *testing.T, lines <-chan string, text string) {
	t.Helper()
	for line := range lines {
		if strings.Contains(line, text) {
			return
		}
	}
	t.Fatalf("the stream ended without %q", text)
}

func TestStreamFollows(t *testing.T) {
	u, f, h := newTest(t)
	server := httptest.NewServer(h)
	defer server.Close()
	lines, leave := follow(t, server, "/live/channels")
	defer leave()
	await(t, lines, "news")
	create(t, f, h, "sport", "10.0.0.20")
	await(t, lines, "sport")

	chart, leaveChart := follow(t, server, "/live/channels/news")
	defer leaveChart()
	await(t, chart, "event: history")
	await(t, chart, `"transit"`)
	await(t, chart, "event: point")

	// What it is about goes.
	gone, leaveGone := follow(t, server, "/live/channels/sport")
	defer leaveGone()
	await(t, gone, "sport")
	o, _ := u.opts.Source.Object(u.kindOf(inventory.Channel).ref("sport"))
	post(h, "/delete/channel/sport", "version="+o.Version)
	await(t, gone, "There is no channel")

	u.Close()
	for _, ended := range []<-chan string{lines, chart, gone} {
		for range ended {
		}
	}
}

// TestStreamSaysNothingTwice: what has not changed is not sent again.
func TestStreamSaysNothingTwice(t *testing.T) {
	u, _, _ := newTest(t)
	s := &stream{u: u, page: u.all()[3]}
	if first := events(t, s, "/sites"); !bytes.Contains(first, []byte("studio")) {
		t.Errorf("first: %s", first)
	}
	if second := events(t, s, "/sites"); len(second) != 0 {
		t.Errorf("then: %s", second)
	}
	s.spokeAt = time.Now().Add(-maxSilence - time.Second)
	if later := events(t, s, "/sites"); string(later) != ":\n\n" {
		t.Errorf("after long silence: %q", later)
	}
}

// TestStreamsAreBounded: one more is told so, and there is room when one leaves.
func TestStreamsAreBounded(t *testing.T) {
	u, _, h := newTest(t)
	server := httptest.NewServer(h)
	defer server.Close()
	defer u.Close()
	u.streams = make(chan struct{}, 1)
	lines, leave := follow(t, server, "/live/sites")
	await(t, lines, "studio")
	if w := get(h, "/live/sites"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d", w.Code)
	}
	leave()
	for end := time.Now().Add(patience); len(u.streams) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the stream of somebody who left goes on")
		}
	}
}

// TestStreamOfASlowBrowser ends when it does not read in time.
func TestStreamOfASlowBrowser(t *testing.T) {
	u, _, _ := newTest(t)
	slow := errors.New("i/o timeout")
	writes := 0
	w := deadlines{httptest.NewRecorder(), func() error {
		if writes++; writes > 1 {
			return slow
		}
		return nil
	}}
	s := &stream{u: u, page: u.all()[3], w: w, rc: http.NewResponseController(w)}
	if err := s.run(httptest.NewRequest(http.MethodGet, "/sites", nil)); !errors.Is(err, slow) {
		t.Errorf("it ended with %v", err)
	}
	// A connection without deadlines could hold it for ever.
	s = &stream{u: u, page: u.all()[3], w: httptest.NewRecorder(), rc: http.NewResponseController(httptest.NewRecorder())}
	if err := s.run(httptest.NewRequest(http.MethodGet, "/sites", nil)); err == nil {
		t.Error("it wrote without a deadline")
	}
}
