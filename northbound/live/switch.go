package live

import (
	"time"

	"github.com/corecast/corecast/p4/build"
)

// Switch is what a switch did not forward lately.
type Switch struct {
	Name  string
	Err   error // why the counters could not be read; what follows is then of the last reading
	At    time.Time
	Drops []Event // by reason, in the program's order; totals are since the switch began to count
	Punts []Event // given to the controller
}

// switchSeries are the readings of one switch. The subject's lock guards it.
type switchSeries struct {
	last   switchReading
	answer Switch
}

type switchReading struct {
	at           time.Time
	drops, punts events
}

func newSwitchSeries() *switchSeries { return &switchSeries{} }

func (s *switchSeries) add(name string, drops, punts events, err error, now time.Time) (steady bool, answer Switch) {
	s.answer.Name, s.answer.Err = name, err
	if err != nil {
		return !s.last.at.IsZero(), s.answer
	}
	before := s.last
	s.last = switchReading{now, drops, punts}
	if before.at.IsZero() || less(drops, before.drops) || less(punts, before.punts) {
		before = s.last
	}
	seconds := now.Sub(before.at).Seconds()
	s.answer = Switch{
		Name: name, At: now,
		Drops: rates(build.DropReasons[:], before.drops, drops, seconds),
		Punts: rates(build.PuntReasons[:], before.punts, punts, seconds),
	}
	return seconds > 0, s.answer
}

// rates are those of a family of reasons that ever occurred.
func rates(family []build.Named, from, to events, seconds float64) []Event {
	var out []Event
	for _, n := range family {
		total := to[n.Name].Packets
		if total == 0 {
			continue
		}
		out = append(out, Event{n.Name, n.Doc, Rate{ratio(diff(from[n.Name].Packets, total), seconds), float64(total)}})
	}
	return out
}
