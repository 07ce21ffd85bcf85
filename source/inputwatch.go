package source

import (
	"time"

	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/ts"
)

// watchPeriod is how often the state of an input is looked at.
const watchPeriod = 5 * time.Second

// inputWatch says in words what is wrong with an input.
type inputWatch struct {
	in     input.Input
	warn   func(format string, args ...any)
	next   time.Time
	health ts.Health    // at the last look
	counts input.Counts // at the last look
	// What has been said and need not be repeated.
	saidPAT, saidPMT bool
}

// look compares with the last look, once in a watchPeriod. A file's losses are
// what it is; a live input's can be helped.
func (w *inputWatch) look(now time.Time, h ts.Health) {
	if now.Before(w.next) {
		return
	}
	first := w.next.IsZero()
	w.next = now.Add(watchPeriod)
	if first {
		return
	}
	if w.in.Live() {
		w.losses(h)
		w.arrivals()
	}
	w.tables(h)
	w.health = h
}

func (w *inputWatch) losses(h ts.Health) {
	name := w.in.Name()
	if n := h.Lost - w.health.Lost; n > 0 {
		w.warn("input %s: packets were missing %d times in the last %v (continuity counters, last of PID %d): they are lost before they get here",
			name, n, watchPeriod, h.LostPID)
	}
	if n := h.Damaged - w.health.Damaged; n > 0 {
		w.warn("input %s: %d packets in the last %v are marked damaged by whoever received them before", name, n, watchPeriod)
	}
	if h.Scrambled > 0 && w.health.Scrambled == 0 {
		w.warn("input %s is scrambled: players need its keys", name)
	}
}

func (w *inputWatch) arrivals() {
	counter, ok := w.in.(input.Counter)
	if !ok {
		return
	}
	c := counter.Counts()
	lost, late, refused := c.Lost-w.counts.Lost, c.Late-w.counts.Late, c.Refused-w.counts.Refused
	if lost+late+refused > 0 {
		w.warn("input %s: in the last %v, %d packets did not come, %d came too late or twice, %d were not the stream's",
			w.in.Name(), watchPeriod, lost, late, refused)
	}
	w.counts = c
}

func (w *inputWatch) tables(h ts.Health) {
	if h.Packets == 0 {
		return // opaque
	}
	say := func(said *bool, table string, count uint64, interval time.Duration) {
		switch {
		case *said:
		case count == 0:
			*said = true
			w.warn("input %s has no %s: players cannot find its programs", w.in.Name(), table)
		case interval > ts.MaxTableInterval:
			*said = true
			w.warn("input %s has a %s every %v only: players that join wait for it; want one every %v (ffmpeg: -pat_period 0.2)",
				w.in.Name(), table, interval.Round(10*time.Millisecond), ts.MaxTableInterval)
		}
	}
	say(&w.saidPAT, "PAT", h.PATs, h.PATInterval)
	if h.PATs > 0 {
		say(&w.saidPMT, "PMT", h.PMTs, h.PMTInterval)
	}
}
