package ts

import "time"

// maxGap is the longest time between two clock references that is believed.
// The standard asks for one every 100 ms; beyond this one, the clock jumped.
const maxGap = 5 * ClockRate

// Timeline says when each byte of a stream is due, counted from its first
// clock reference (or its first byte, when it was asked before there was one). Between two references the bytes are spread evenly; where
// there is nothing to measure (behind the last reference, across a jump of the
// clock) the average rate so far goes on, and before anything was measured the
// fallback rate does. A stream made of several, as a clip that is played again
// and again, therefore has one timeline that only goes forward.
type Timeline struct {
	fallback float64 // bytes per tick
	started  bool
	guessed  int64  // the last byte timed before the first reference, or -1
	pid      uint16 // of the program whose clock counts: the first one seen
	clock    uint64 // the last clock reference
	// points are known times, oldest first; the first one is behind or at
	// the offset asked for last.
	points []point
	// What was measured between references that belong together.
	bytes, ticks int64
	jumps        uint64
}

type point struct {
	offset int64
	tick   int64
}

// NewTimeline returns a timeline that assumes bitrate bits per second until it
// can measure; bitrate must be positive.
func NewTimeline(bitrate int) *Timeline {
	return &Timeline{fallback: float64(bitrate) / 8 / ClockRate, guessed: -1}
}

// Add tells the timeline of a clock reference in the packet at offset; offsets
// ascend.
func (t *Timeline) Add(offset int64, ref ClockReference) {
	if !t.started {
		first := point{offset: offset}
		if t.guessed >= 0 { // go on from there
			t.points = append(t.points, point{t.guessed, t.estimate(t.guessed)})
			first.tick = t.estimate(offset)
		}
		t.started, t.pid, t.clock = true, ref.PID, ref.Ticks
		t.points = append(t.points, first)
		return
	}
	if ref.PID != t.pid {
		return
	}
	last := t.points[len(t.points)-1]
	passed := int64((ref.Ticks + clockModulus - t.clock) % clockModulus)
	t.clock = ref.Ticks
	if ref.Discontinuity || passed > maxGap {
		t.jumps++
		passed = t.estimate(offset - last.offset)
	} else {
		t.bytes += offset - last.offset
		t.ticks += passed
	}
	t.points = append(t.points, point{offset, last.tick + passed})
}

// estimate is how long n bytes take at the average rate.
func (t *Timeline) estimate(n int64) int64 {
	rate := t.fallback
	if t.ticks > 0 && t.bytes > 0 {
		rate = float64(t.bytes) / float64(t.ticks)
	}
	return int64(float64(n) / rate)
}

// Known says whether the time of the byte at offset is measured, not estimated:
// whether a clock reference behind it has been seen.
func (t *Timeline) Known(offset int64) bool {
	return t.started && offset <= t.points[len(t.points)-1].offset
}

// Started says whether there was any clock reference.
func (t *Timeline) Started() bool { return t.started }

// Jumps returns how often the clock did not simply go on.
func (t *Timeline) Jumps() uint64 { return t.jumps }

// At returns when the byte at offset is due. Offsets must not descend.
func (t *Timeline) At(offset int64) time.Duration {
	if !t.started {
		t.guessed = offset
		return duration(t.estimate(offset))
	}
	t.forget(offset)
	from := t.points[0]
	if offset <= from.offset {
		return duration(from.tick)
	}
	if len(t.points) == 1 {
		return duration(from.tick + t.estimate(offset-from.offset))
	}
	to := t.points[1]
	share := float64(offset-from.offset) / float64(to.offset-from.offset)
	return duration(from.tick + int64(share*float64(to.tick-from.tick)))
}

// forget drops the points that no offset from here on needs.
func (t *Timeline) forget(offset int64) {
	n := 0
	for n+1 < len(t.points) && t.points[n+1].offset <= offset {
		n++
	}
	t.points = append(t.points[:0], t.points[n:]...)
}

func duration(ticks int64) time.Duration { return time.Duration(ticks * 1000 / 27) }
