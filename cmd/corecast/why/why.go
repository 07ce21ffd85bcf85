package why

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/northbound/client"
)

// Step is one thing that must be right for media to arrive.
type Step struct {
	Name    string `json:"step"`
	OK      bool   `json:"ok"`
	Waiting bool   `json:"waiting,omitempty"` // it is not right, and comes right by itself
	What    string `json:"what"`
	Next    string `json:"next,omitempty"` // what to do where it is not right
}

// Question is whose media is missing.
type Question struct {
	EID     netip.Addr
	Port    uint16 // 0: that of its lease, or any
	Channel string // empty: those that it has joined, or the only one
}

// viewer is where the media is to go.
func (q *Question) viewer() netip.AddrPort { return netip.AddrPortFrom(q.EID, max(q.Port, 1)) }

// countingTime is between two looks at the counters of switches.
const countingTime = time.Second

// walker walks; tell is told each step.
type walker struct {
	c        *client.Client
	tell     func(Step)
	counting time.Duration // between two looks at counters
}

// EndError is that the way ends at a step, which was told last.
type EndError struct{ Step }

func (e *EndError) Error() string {
	verb := "stops"
	if e.Waiting {
		verb = "waits"
	}
	return fmt.Sprintf("the media %s here: %s", verb, e.Name)
}

// Walk tells step by step what is right, and ends with an EndError at the first that
// is not.
func Walk(ctx context.Context, c *client.Client, q Question, tell func(Step)) error {
	return (&walker{c, tell, countingTime}).walk(ctx, q)
}

func (w *walker) walk(ctx context.Context, q Question) error {
	channels, err := w.lease(ctx, &q)
	if err != nil {
		return err
	}
	at, err := w.mapping(ctx, q.EID)
	if err != nil {
		return err
	}
	for _, name := range channels {
		if err := w.channel(ctx, name, at, q); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) right(name, format string, args ...any) {
	w.tell(Step{Name: name, OK: true, What: fmt.Sprintf(format, args...)})
}

func (w *walker) stop(name, what, next string) error {
	return w.end(Step{Name: name, What: what, Next: next})
}

func (w *walker) wait(name, what, next string) error {
	return w.end(Step{Name: name, Waiting: true, What: what, Next: next})
}

func (w *walker) end(s Step) error {
	w.tell(s)
	return &EndError{s}
}
