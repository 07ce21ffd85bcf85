package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/corecast/corecast/northbound/api"
)

const (
	eventStream = "text/event-stream"
	// maxLine is the longest line of a stream of events.
	maxLine = 4 << 20
	// firstRetry and lastRetry are between which the pause before another try
	// doubles.
	firstRetry, lastRetry = 250 * time.Millisecond, 10 * time.Second
)

// Events asks for the newest events that are kept, oldest first; n of 0 is all.
func (c *Client) Events(ctx context.Context, n int) ([]api.Event, error) {
	if n > 0 {
		page, err := get[api.Events](ctx, c, "/api/v1/events", url.Values{"last": {strconv.Itoa(n)}})
		return page.Items, err
	}
	return all(pages(ctx, c, "/api/v1/events", url.Values{"limit": {strconv.Itoa(pageSize)}},
		func(p api.Events) ([]api.Event, string) { return p.Items, p.NextCursor }))
}

// Follow yields what happens after an event: "" is from now on, "0.0" begins
// with the oldest that is kept. It connects again when the controller goes away,
// and goes on where it was; only if it cannot connect at first, or is refused,
// does it yield an error, as the last thing. It ends with ctx.
func (c *Client) Follow(ctx context.Context, after string) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		pause := firstRetry
		for connected := false; ctx.Err() == nil; {
			err := c.follow(ctx, &after, func(e api.Event) bool {
				pause = firstRetry
				return yield(e, nil)
			}, func() { connected = true })
			var refused *ProblemError
			switch {
			case errors.Is(err, errEnough) || ctx.Err() != nil:
				return
			case !connected || errors.As(err, &refused) && refused.Status/100 == 4:
				yield(api.Event{}, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, lastRetry)
		}
	}
}

// errEnough is that nobody wants more.
var errEnough = errors.New("enough")

// follow reads one stream until it ends.
func (c *Client) follow(ctx context.Context, after *string, yield func(api.Event) bool, connected func()) error {
	header := http.Header{"Accept": {eventStream}}
	if *after != "" {
		header.Set("Last-Event-ID", *after)
	}
	resp, err := c.send(ctx, http.MethodGet, "/api/v1/events", nil, nil, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") != eventStream {
		return fmt.Errorf("%s answers, but is no CoreCast controller of this version", c.base)
	}
	connected()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			*after = id
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue // its kind is in the data too
		}
		var e api.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("an event that is none: %w", err)
		}
		if !yield(e) {
			return errEnough
		}
	}
	return lines.Err()
}
