package bmv2test

import (
	"math"

	"github.com/corecast/corecast/p4/build"
)

func storeScenarios() []Scenario {
	return []Scenario{
		{"two payloads by parity", twoPayloads},
		{"a payload pushes out the one before the last", overwritten},
		{"a repeated payload starts no generation", repeated},
		{"the same sequence with other media starts one", sameSequence},
		{"the sequence wraps", sequenceWraps},
		{"a shorter payload leaves nothing of a longer one", shorter},
	}
}

// once is what one header with its first copy counts, ITR and ETR d.
func (t *T) once(d int) counts {
	return counts{
		t.event(0, build.EventHeader): 1, t.event(0, build.EventCopy): 1,
		t.event(d, build.EventPayload): 1, t.event(d, build.EventHeader): 1, t.event(d, build.EventExpanded): 1,
	}
}

// plus adds to a copy of c.
func (c counts) plus(more counts) counts {
	sum := make(counts)
	for _, part := range []counts{c, more} {
		for k, n := range part {
			sum[k] += n
		}
	}
	return sum
}

// stored is what one payload counts at the ITR.
func (t *T) stored() counts { return counts{t.event(0, build.EventPayload): 1} }

// serve sends a header and checks that v gets m, with a copy before if first.
func (t *T) serve(m media, v Viewer, first bool, before ...[]byte) {
	t.Helper()
	want := expect{transit: 1, arrived: 1, counted: t.once(v.Domain)}
	if first {
		want.transit = 2
	} else {
		delete(want.counted, t.event(0, build.EventCopy))
		delete(want.counted, t.event(v.Domain, build.EventPayload))
	}
	for range before {
		want.counted = want.counted.plus(t.stored())
	}
	got := t.observe(want, func() { t.send(SourceName, append(before, t.header(m, t.at(v)))...) })
	if first {
		t.checkCopy(got.transit[0], m)
	}
	t.checkHeader(got.transit[len(got.transit)-1], m, t.at(v))
	t.checkViewerGot(got.arrived[0], m, v)
}

// twoPayloads serves the previous payload while the next one is there already,
// at the ITR and at the ETR. A stamp remembers the last payload only, so going
// back costs a copy, which the ETR knows.
func twoPayloads(t *T) {
	v := t.fig.Viewers[0]
	a, b := t.media(1316), t.media(1200)
	t.serve(a, v, true, t.payload(a), t.payload(b)) // a after b arrived at the ITR
	t.serve(a, v, false)
	t.serve(b, v, true)
	got := t.observe(expect{transit: 2, arrived: 1, counted: counts{
		t.event(0, build.EventHeader): 1, t.event(0, build.EventCopy): 1,
		drop(v.Domain, build.DropPayloadRepeated): 1, t.event(v.Domain, build.EventPayloadRepeated): 1,
		t.event(v.Domain, build.EventHeader): 1, t.event(v.Domain, build.EventExpanded): 1,
	}}, func() { t.send(SourceName, t.header(a, t.at(v))) })
	t.checkViewerGot(got.arrived[0], a, v)
}

// overwritten asks for a payload whose cell the next but one has taken.
func overwritten(t *T) {
	v := t.fig.Viewers[0]
	a, b, c := t.media(700), t.media(700), t.media(700)
	t.serve(a, v, true, t.payload(a))
	t.serve(b, v, true, t.payload(b))
	t.serve(c, v, true, t.payload(c))
	t.observe(expect{counted: counts{
		drop(0, build.DropUnknownPayload): 1, t.event(0, build.EventHeaderUnknown): 1,
	}}, func() { t.send(SourceName, t.header(a, t.at(v))) })
}

func repeated(t *T) {
	v := t.fig.Viewers[0]
	m := t.media(1316)
	t.serve(m, v, true, t.payload(m))
	t.observe(expect{counted: counts{
		drop(0, build.DropPayloadRepeated): 1, t.event(0, build.EventPayloadRepeated): 1,
	}}, func() { t.send(SourceName, t.payload(m)) })
	t.serve(m, v, false)
}

func sameSequence(t *T) {
	v := t.fig.Viewers[0]
	m := t.media(1316)
	t.serve(m, v, true, t.payload(m))
	other := m
	other.bytes = append([]byte(nil), m.bytes...)
	other.bytes[7]++
	other = mediaFrom(m.id.Sequence, other.bytes)
	t.serve(other, v, true, t.payload(other))
}

func sequenceWraps(t *T) {
	v := t.fig.Viewers[0]
	last, first := mediaOf(math.MaxUint32, 500), mediaOf(0, 500)
	t.serve(last, v, true, t.payload(last))
	t.serve(first, v, true, t.payload(first))
}

func shorter(t *T) {
	v := t.fig.Viewers[0]
	for _, length := range []int{1472, 1, 1280, 255} {
		m := t.media(length)
		t.media(1) // keeps to one parity
		t.serve(m, v, true, t.payload(m))
	}
}
