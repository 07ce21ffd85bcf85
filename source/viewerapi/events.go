package viewerapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/corecast/corecast/source/dstlist"
)

// Kinds of events.
const (
	EventJoin   = "join"
	EventLeave  = "leave"
	EventExpire = "expire" // the lease, or the permission, has ended
)

// Event is something that happened to a viewer.
type Event struct {
	ID      uint64    `json:"id"` // ascending by one
	Time    time.Time `json:"time"`
	Type    string    `json:"type"`
	Channel string    `json:"channel"`
	EID     string    `json:"eid"`
	Port    uint16    `json:"port"`
	Subject string    `json:"subject,omitempty"` // who views, if that is known
}

func eventOf(kind string, c *channel, v dstlist.Viewer, subject string) Event {
	return Event{Type: kind, Channel: c.Name, EID: v.EID.String(), Port: v.Port, Subject: subject}
}

// logSize is how many events are kept for those who come back.
const logSize = 1 << 13

// eventLog keeps the last events for any number of readers, each at its own
// pace.
type eventLog struct {
	// mu guards everything below.
	mu     sync.Mutex
	ring   [logSize]Event
	next   uint64        // the ID of the next event; the first is 1
	news   chan struct{} // closed and made anew with each event
	closed bool
}

func newEventLog() *eventLog { return &eventLog{next: 1, news: make(chan struct{})} }

func (l *eventLog) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	e.ID, e.Time = l.next, time.Now().UTC()
	l.ring[e.ID%logSize] = e
	l.next++
	close(l.news)
	l.news = make(chan struct{})
}

// close ends all readers.
func (l *eventLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	close(l.news)
}

// latest is the ID of the last event so far.
func (l *eventLog) latest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next - 1
}

// since returns up to most events after the one with this ID, how many are
// forgotten already, and what to wait for when there are none; nil for the end.
func (l *eventLog) since(id uint64, most int) (events []Event, missed uint64, news <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id = min(id, l.next-1)
	if oldest := max(l.next, logSize+1) - logSize; id+1 < oldest {
		missed = oldest - id - 1
		id = oldest - 1
	}
	for ; id+1 < l.next && len(events) < most; id++ {
		events = append(events, l.ring[(id+1)%logSize])
	}
	if l.closed {
		return events, missed, nil
	}
	return events, missed, l.news
}

// keepalive is how often an event stream without events says something.
const keepalive = 15 * time.Second

// streamEvents sends events as they happen (server-sent events); those after
// Last-Event-ID first.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) {
	if !s.operator(r) {
		errOperator.write(w)
		return
	}
	at := s.events.latest()
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		id, err := strconv.ParseUint(last, 10, 64)
		if err != nil {
			problem{http.StatusBadRequest, "not an event", fmt.Sprintf("Last-Event-ID %.30q: want a number", last)}.write(w)
			return
		}
		at = id
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	only := r.URL.Query().Get("channel")
	for {
		events, missed, news := s.events.since(at, 256)
		_ = out.SetWriteDeadline(time.Now().Add(keepalive)) // a client that does not read is let go
		if missed > 0 {
			fmt.Fprintf(w, "event: missed\ndata: {\"events\":%d}\n\n", missed)
		}
		for _, e := range events {
			at = e.ID
			if only == "" || only == e.Channel {
				b, _ := json.Marshal(e) // of plain fields
				fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.ID, e.Type, b)
			}
		}
		if err := out.Flush(); err != nil || news == nil {
			return
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-news:
		case <-time.After(keepalive):
			fmt.Fprint(w, ": nothing new\n\n")
		case <-r.Context().Done():
			return
		}
	}
}
