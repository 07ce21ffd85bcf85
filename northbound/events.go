package northbound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/auth"
)

// Events is what is asked of an *eventlog.Log.
type Events interface {
	Read(after eventlog.ID, limit int) (events []eventlog.Entry, missed bool, grown <-chan struct{})
	Tail(n int) []eventlog.Entry
	Last() eventlog.ID
	Dropped() uint64 // events that were not kept: too many at once
}

const (
	// maxFollowers is how many clients may follow the events.
	maxFollowers = 4096
	// followTime is how long a client may take to read what it is sent.
	followTime = 10 * time.Second
	// heartbeat is how long nothing is said at most: proxies and clients hang
	// up on who is silent.
	heartbeat = 15 * time.Second
	// eventRest is how long a client that was told of events waits for more.
	eventRest = 50 * time.Millisecond
	// atOnce is how many events are sent in one piece.
	atOnce = 100
)

// Why a client no longer follows.
const (
	leftByItself = "gone"
	leftTooSlow  = "slow"
	leftFull     = "full"
	leftStopping = "stopping"
	leftRefused  = "refused" // by now: a token has ended, or a certificate was revoked
)

// leftReasons are all of them.
func leftReasons() []string {
	return []string{leftByItself, leftTooSlow, leftFull, leftStopping, leftRefused}
}

type eventsInput struct {
	Accept      string `header:"Accept" hidden:"true"`
	LastEventID string `header:"Last-Event-ID" doc:"go on after this event; browsers send it when they connect again" example:"1834.0"`
	After       string `query:"after" doc:"the same; 0.0 is before all that are kept. A stream without either begins with what happens next" example:"1834.0"`
	Cursor      string `query:"cursor" doc:"next_cursor of the page before; of a list"`
	Last        int    `query:"last" doc:"only so many of the newest; of a list" minimum:"0" maximum:"1000"`
	Limit       int    `query:"limit" doc:"how many to give at most; of a list" minimum:"1" maximum:"1000" default:"100"`
}

func (s *Server) registerEvents() {
	op := operation("list-events", "/api/v1/events", "Follow what happens, as server-sent events; or with Accept: application/json list what happened", 422)
	schemas := s.api.OpenAPI().Components.Schemas
	op.Responses = map[string]*huma.Response{"200": {Description: "A stream without end, or a page", Content: map[string]*huma.MediaType{
		"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString,
			Description: "Each event has the fields id, event (its kind) and data (an Event as JSON). Lines that begin with a colon keep the connection alive."}},
		"application/json": {Schema: schemas.Schema(reflect.TypeFor[api.Events](), true, "")},
	}}}
	schemas.Schema(reflect.TypeFor[api.Event](), true, "")
	var following atomic.Int64
	huma.Register(s.api, op, func(_ context.Context, in *eventsInput) (*huma.StreamResponse, error) {
		after, err := in.after()
		if err != nil {
			return nil, err
		}
		if strings.Contains(in.Accept, "application/json") && !strings.Contains(in.Accept, "text/event-stream") {
			page := s.eventPage(in, after)
			return &huma.StreamResponse{Body: func(ctx huma.Context) {
				ctx.SetHeader("Content-Type", "application/json")
				_ = json.NewEncoder(ctx.BodyWriter()).Encode(page) // the client may be gone
			}}, nil
		}
		if following.Add(1) > maxFollowers {
			following.Add(-1)
			s.metrics.left.WithLabelValues(leftFull).Inc()
			return nil, full(fmt.Sprintf("%d clients follow the events already: try again later", maxFollowers))
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			defer following.Add(-1)
			s.metrics.followers.Inc()
			defer s.metrics.followers.Dec()
			r, w := humago.Unwrap(ctx)
			f := &follower{s: s, r: r, w: w, rc: http.NewResponseController(w), after: after}
			if in.After == "" && in.LastEventID == "" {
				f.after = s.opts.Events.Last()
			}
			reason := f.run()
			s.metrics.left.WithLabelValues(reason).Inc()
			s.log.Debug("no longer follows the events", "client", r.RemoteAddr, "reason", reason)
		}}, nil
	})
}

// after is the event to go on after.
func (in *eventsInput) after() (eventlog.ID, error) {
	for _, p := range []struct{ location, text string }{
		{"query.cursor", in.Cursor}, {"header.Last-Event-ID", in.LastEventID}, {"query.after", in.After},
	} {
		if p.text == "" {
			continue
		}
		id, err := eventlog.ParseID(p.text)
		if err != nil {
			return id, wrong(p.location, fmt.Sprintf("%.40s", p.text), "is no id of an event", "give the id of one, such as 1834.0, or 0.0 for all that are kept")
		}
		return id, nil
	}
	return eventlog.ID{}, nil
}

func (s *Server) eventPage(in *eventsInput, after eventlog.ID) api.Events {
	var found []eventlog.Entry
	missed := false
	if in.Last > 0 {
		found = s.opts.Events.Tail(in.Last)
	} else {
		found, missed, _ = s.opts.Events.Read(after, in.Limit+1)
	}
	page := api.Events{Items: []api.Event{}}
	if in.Last == 0 && len(found) > in.Limit {
		found = found[:in.Limit]
		page.NextCursor = found[in.Limit-1].ID.String()
	}
	if missed {
		page.Items = append(page.Items, missedEvent(after))
	}
	for i := range found {
		page.Items = append(page.Items, eventOf(&found[i]))
	}
	return page
}

func eventOf(e *eventlog.Entry) api.Event {
	out := api.Event{ID: e.ID.String(), Time: e.Time, Kind: api.EventKind(e.Kind), Who: e.Who, Node: e.Node, Text: e.Text, Before: e.Before, After: e.After}
	if e.Object != nil {
		out.Object = &api.Ref{Kind: api.Kind(e.Object.Kind), Name: e.Object.Name}
	}
	return out
}

// missedEvent tells a client that it did not get all.
func missedEvent(after eventlog.ID) api.Event {
	return api.Event{ID: after.String(), Time: time.Now().UTC(), Kind: api.EventsMissed,
		Text: fmt.Sprintf("events after %v are no longer kept: list what you follow again", after)}
}

// follower is a client that follows the events.
type follower struct {
	s     *Server
	r     *http.Request
	w     http.ResponseWriter
	rc    *http.ResponseController
	after eventlog.ID
}

// run sends events until the client leaves or must, and says why.
func (f *follower) run() string {
	h := f.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would keep it back
	_ = f.rc.SetReadDeadline(time.Time{})
	// Whoever comes back before the first event goes on from here.
	if err := f.send(fmt.Sprintf("retry: 2000\nid: %v\n\n", f.after)); err != nil {
		return leftTooSlow
	}
	beat := time.NewTicker(f.s.times.beat)
	defer beat.Stop()
	for {
		events, missed, grown := f.s.opts.Events.Read(f.after, atOnce)
		if len(events) > 0 || missed {
			if err := f.tell(events, missed); err != nil {
				return leftTooSlow
			}
			// What comes meanwhile goes together: a thousand clients would else be
			// woken a thousand times by every event.
			f.rest()
			select {
			case <-beat.C:
				if !f.s.mayStay(f.r) {
					return leftRefused
				}
			default:
			}
			continue
		}
		select {
		case <-grown:
		case <-beat.C:
			if !f.s.mayStay(f.r) {
				return leftRefused
			}
			if err := f.send(": still here\n\n"); err != nil {
				return leftTooSlow
			}
		case <-f.r.Context().Done():
			return leftByItself
		case <-f.s.closing:
			return leftStopping
		}
	}
}

// rest waits a moment, or until the stream must end.
func (f *follower) rest() {
	t := time.NewTimer(eventRest)
	defer t.Stop()
	select {
	case <-t.C:
	case <-f.r.Context().Done():
	case <-f.s.closing:
	}
}

// mayStay reports whether who follows would be let in again: credentials end while
// streams do not.
func (s *Server) mayStay(r *http.Request) bool {
	_, err := s.gate.Admit(r)
	var no *auth.Refusal
	return !errors.As(err, &no) || no.Status != http.StatusUnauthorized && no.Status != http.StatusForbidden
}

// tell sends events.
func (f *follower) tell(events []eventlog.Entry, missed bool) error {
	var b strings.Builder
	if missed {
		e := missedEvent(f.after)
		if len(events) == 0 { // there are none to go on after
			f.after = f.s.opts.Events.Last()
			e.ID = f.after.String()
		}
		text, err := frame(&e)
		if err != nil {
			return err
		}
		b.WriteString(text)
	}
	for i := range events {
		text, err := f.s.frames.of(&events[i])
		if err != nil {
			return err
		}
		b.WriteString(text)
		f.after = events[i].ID
	}
	return f.send(b.String())
}

// send writes at once what the client must read within followTime.
func (f *follower) send(text string) error {
	if err := f.rc.SetWriteDeadline(time.Now().Add(f.s.times.follow)); err != nil {
		return err
	}
	if _, err := f.w.Write([]byte(text)); err != nil {
		return err
	}
	return f.rc.Flush()
}
