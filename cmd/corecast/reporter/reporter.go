// Package reporter tells a controller how a source does: its channels and its
// viewers, again and again. It owns nothing of the source, never holds it up, and
// goes on when the controller does not answer.
package reporter

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/source/station"
)

const (
	// Interval is how often a source reports.
	Interval = 5 * time.Second
	// maxViewers is what one report has room for, whose size the controller
	// bounds.
	maxViewers = 5000
)

// Controller takes reports, as *client.Client does.
type Controller interface {
	Report(ctx context.Context, source string, report api.SourceReport) error
}

// Reporter reports for one source.
type Reporter struct {
	Controller Controller
	// Source is the name to report under.
	Source string
	// Now tells how the channels are, with at most so many viewers.
	Now func(viewers int) []station.Now
	// Say is told, once each, when reports fail and when they work again.
	Say func(string)

	since map[viewer]time.Time // when each was reported first
}

// viewer is one of a channel.
type viewer struct {
	channel string
	at      netip.AddrPort
}

// Run reports until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	failing := ""
	for {
		err := r.report(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && err.Error() != failing:
			failing = err.Error()
			r.Say("the controller does not take reports: " + failing)
		case err == nil && failing != "":
			failing = ""
			r.Say("the controller takes reports again")
		}
		select {
		case <-time.After(Interval):
		case <-ctx.Done():
			return
		}
	}
}

func (r *Reporter) report(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Interval)
	defer cancel()
	report := r.make(time.Now())
	if err := r.Controller.Report(ctx, r.Source, report); err != nil {
		return fmt.Errorf("%s: %w", r.Source, err)
	}
	return nil
}

// make makes a report of the moment.
func (r *Reporter) make(now time.Time) api.SourceReport {
	report := api.SourceReport{Interval: int(Interval / time.Second), Channels: []api.SourceChannel{}}
	since := map[viewer]time.Time{}
	for _, ch := range r.Now(maxViewers) {
		out := api.SourceChannel{Name: ch.Channel, Payloads: ch.Payloads, Bytes: ch.Bytes, Headers: ch.Headers, Unicast: ch.Unicast,
			Viewers: []api.SourceViewer{}, More: ch.More}
		for _, v := range ch.Viewers {
			key := viewer{ch.Channel, netip.AddrPortFrom(v.EID, v.Port)}
			at, known := r.since[key]
			if !known {
				at = now
			}
			since[key] = at
			out.Viewers = append(out.Viewers, api.SourceViewer{EID: v.EID, Port: v.Port, CoreCast: !v.Unicast, Since: at})
		}
		report.Channels = append(report.Channels, out)
	}
	r.since = since
	return report
}
