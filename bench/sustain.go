package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/corecast/corecast/source"
)

// sustained is how a source kept up a load in real time.
type sustained struct {
	viewers int
	counts  source.Counts
	took    time.Duration
	late    []float64 // µs by which each payload was late
}

// sustain sends the paper's stream for d.
func sustain(ctx context.Context, viewers, list int, d time.Duration) (*sustained, error) {
	all := benchViewers(viewers)
	if list == 1 && viewers%PaperViewers == 0 {
		all = paperViewers(viewers / PaperViewers)
	}
	cfg, out, err := openBench(list, all)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	cfg.Pace, cfg.Bitrate = source.PaceClock, paperPayload*8*paperPayloads
	s := &sustained{viewers: len(all)}
	// Without a load the next payload would be due a period after the first.
	const period = time.Second / paperPayloads
	rounds := int(d / period)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var first time.Time
	cfg.OnPayload = func(p source.Sent) {
		if p.ID.Sequence == 0 {
			first = p.At
		}
		due := first.Add(time.Duration(p.ID.Sequence) * period)
		s.late = append(s.late, float64(p.At.Sub(due).Microseconds()))
		if len(s.late) == rounds {
			cancel() // after this round
		}
	}
	report, err := source.Run(ctx, cfg, endless(), out)
	if err == nil && len(s.late) < rounds {
		err = fmt.Errorf("stopped after %d of %d payloads: %w", len(s.late), rounds, context.Canceled)
	}
	s.counts, s.took = report.Counts, report.Duration+period
	return s, err
}

// rate is the header packets sent in a second.
func (s *sustained) rate() float64 { return float64(s.counts.Headers) / s.took.Seconds() }

func (s *sustained) report(r *Report, name string) {
	one := func(what string, value float64, unit string) {
		r.Results = append(r.Results, Result{Name: name + ": " + what, Value: value, Unit: unit, Runs: 1, Min: value, Max: value})
	}
	one("sustained", s.took.Seconds(), "s")
	one("header packets", s.rate(), "packets/s")
	one("viewers served", float64(s.counts.Entries)/s.took.Seconds(), "viewers/s")
	one("dropped by the source", float64(s.counts.Unsent), "packets")
	one("behind the clock", float64(s.counts.Shifts), "times")
	slices.Sort(s.late)
	// The clock starts with the first payload, which is as late as any other.
	r.Results = append(r.Results, Result{
		Name: name + ": payload late by, 99th percentile", Value: s.late[len(s.late)*99/100], Unit: "µs",
		Runs: len(s.late), Min: s.late[0], Max: s.late[len(s.late)-1],
	})
}

// measureScale is the paper's figure 8: packets sent by S in a second at its
// scaling factors.
func measureScale(ctx context.Context, r *Report, d time.Duration) error {
	var results [paperFactors]Result
	for _, factor := range paperOrder {
		s, err := sustain(ctx, PaperViewers*factor, 1, d)
		if err != nil {
			return fmt.Errorf("scaling factor %d: %w", factor, err)
		}
		rate := s.rate() + paperPayloads
		want := float64((s.viewers + 1) * paperPayloads)
		results[factor-1] = Result{
			Name: ScaleName(factor), Value: rate, Unit: "packets/s", Runs: 1, Min: rate, Max: rate,
			Against: fmt.Sprintf("what %d viewers need", s.viewers), Ratio: rate / want,
		}
	}
	r.Results = append(r.Results, results[:]...)
	return nil
}

// ScaleName names the result of one of the paper's scaling factors.
func ScaleName(factor int) string { return fmt.Sprintf("figure 8, scaling factor %d", factor) }
