package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/corecast/corecast/northbound/live"
)

const (
	// writeTime is how long a browser may take to read an update.
	writeTime = 10 * time.Second
	// streamTime is how long a stream lasts; the browser then asks for another.
	streamTime = time.Hour
	// firstUpdate is how soon the first update comes: there are rates by then.
	firstUpdate = 300 * time.Millisecond
	// maxSilence is how long a stream on which nothing changes says nothing: app.js
	// takes a longer silence for the end of the controller.
	maxSilence = 3 * time.Second
)

// moment is a point of the charts of a page: rates, by what they are of.
type moment struct {
	At       int64   `json:"at"` // ms since 1970
	Payloads float64 `json:"payloads"`
	Headers  float64 `json:"headers"`
	Transit  float64 `json:"transit"` // bit/s
	Unicast  float64 `json:"unicast"`
}

func momentOf(p *live.Point) moment {
	return moment{p.At.UnixMilli(), p.Payloads, p.Headers, 8 * p.Transit, 8 * p.Unicast}
}

// follow answers with a stream: the body of the page whenever it has changed, and
// the points of its charts.
func (u *UI) follow(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case u.streams <- struct{}{}:
			defer func() { <-u.streams }()
		default:
			w.Header().Set("Retry-After", "30")
			http.Error(w, fmt.Sprintf("%d pages follow already: reload this one to see it anew", maxStreams), http.StatusServiceUnavailable)
			return
		}
		if _, err := p.data(r); err != nil {
			u.fail(w, p, err)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		s := &stream{u: u, page: p, w: w, rc: http.NewResponseController(w)}
		_ = s.rc.SetReadDeadline(time.Time{}) // a server that has none need not support it
		if err := s.run(r); err != nil {
			u.log.Debug("stream of a page ended", "page", p.name, "reason", err)
		}
	}
}

// stream is one page that follows.
type stream struct {
	u    *UI
	page page
	w    http.ResponseWriter
	rc   *http.ResponseController

	sent    string // the last body
	begun   bool   // the charts have their history
	last    int64  // the last point of the charts
	spokeAt time.Time
}

// run updates until the browser leaves, does not read, or the time is over.
func (s *stream) run(r *http.Request) error {
	end := time.NewTimer(streamTime)
	defer end.Stop()
	next := time.NewTimer(s.u.first)
	defer next.Stop()
	if err := s.send("", ""); err != nil { // a comment: it is open
		return err
	}
	for {
		select {
		case <-next.C:
			next.Reset(s.u.every)
		case <-end.C:
			return nil
		case <-s.u.done:
			return nil
		case <-r.Context().Done():
			return r.Context().Err()
		}
		if err := s.update(r); err != nil {
			return err
		}
	}
}

// update sends what has changed.
func (s *stream) update(r *http.Request) error {
	name := s.page.name
	v, err := s.page.data(r)
	if err != nil { // what the page is about is gone
		name, v = "error", view{Data: failure{err, "/" + s.page.section}}
	}
	if err := s.charts(&v); err != nil {
		return err
	}
	body, err := s.u.body(name, v)
	switch {
	case err != nil:
		s.u.log.Error("page", "page", name, "error", err)
		return err
	case body != s.sent:
		s.sent = body
		return s.send("", body)
	case time.Since(s.spokeAt) > maxSilence:
		return s.send("", "")
	}
	return nil
}

// charts sends the history once, and then each new point.
func (s *stream) charts(v *view) error {
	if v.Point == nil || v.Point.At == s.last {
		return nil
	}
	s.last = v.Point.At
	event, data := "point", any(v.Point)
	if !s.begun {
		s.begun, event, data = true, "history", v.Past
	}
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return s.send(event, string(text))
}

// send writes one event; without data it is a comment.
func (s *stream) send(event, data string) error {
	var b bytes.Buffer
	if event != "" {
		fmt.Fprintf(&b, "event: %s\n", event)
	}
	if data == "" {
		b.WriteString(":\n")
	} else {
		// A carriage return ends a line too: a name may contain one.
		for line := range strings.FieldsFuncSeq(data, func(r rune) bool { return r == '\n' || r == '\r' }) {
			fmt.Fprintf(&b, "data: %s\n", line)
		}
	}
	b.WriteByte('\n')
	s.spokeAt = time.Now()
	if err := s.rc.SetWriteDeadline(s.spokeAt.Add(writeTime)); err != nil {
		return err
	}
	if _, err := s.w.Write(b.Bytes()); err != nil {
		return err
	}
	return s.rc.Flush()
}
