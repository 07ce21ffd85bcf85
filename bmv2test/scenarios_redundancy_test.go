package bmv2test

import (
	"fmt"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

func redundancyScenarios() []Scenario {
	var list []Scenario
	for _, n := range []int{0, 1, 2, 4} {
		list = append(list, Scenario{fmt.Sprintf("redundancy %d", n), func(t *T) { redundancy(t, n) }})
	}
	return append(list, Scenario{"redundancy in a burst", redundancyBurst})
}

// setRedundancy changes the channel's entry for the rest of the scenario.
func (t *T) setRedundancy(n int) {
	t.Helper()
	t.setChannel(build.ParamChannel4Redundancy, n)
}

// setChannel changes a parameter of the channel at the ITR for the rest of the
// scenario.
func (t *T) setChannel(param string, n int) {
	t.Helper()
	table := build.TableChannels4
	if t.six {
		table = build.TableChannels6
	}
	t.setParam(0, table, param, n)
}

// setStream likewise changes its stream at ETR d.
func (t *T) setStream(d int, param string, n int) {
	t.Helper()
	table := build.TableStreams4
	if t.six {
		table = build.TableStreams6
	}
	t.setParam(d, table, param, n)
}

// setParam changes a parameter in all entries of a table that have it.
func (t *T) setParam(d int, table, param string, n int) {
	t.Helper()
	c := t.controls[d]
	for _, e := range c.entries(t.ctx, t.T, table) {
		if paramOf(e, param) >= 0 {
			c.write(t, p4rt.Update{Op: p4rt.Modify, Object: withParam(e, param, p4rt.Uint(n))})
		}
	}
}

// domainViewers returns the viewers of a domain, over and over, up to count.
func (t *T) domainViewers(d, count int) []Viewer {
	var of, list []Viewer
	for _, v := range t.fig.Viewers {
		if v.Domain == d {
			of = append(of, v)
		}
	}
	for i := range count {
		list = append(list, of[i%len(of)])
	}
	return list
}

// redundancy sends headers one at a time and checks where copies are: before
// the first header and again after every n, so v headers carry ⌊(v−1)/n⌋
// repeats.
func redundancy(t *T, n int) {
	const headers, d = 10, 2
	t.setRedundancy(n)
	m := t.media(1316)
	viewers := t.domainViewers(d, headers)
	var copyBefore []bool
	repeats := 0
	for i := range headers {
		copies := i == 0 || n > 0 && i%n == 0
		copyBefore = append(copyBefore, copies)
		if i > 0 && copies {
			repeats++
		}
	}
	if n > 0 && repeats != (headers-1)/n {
		t.Fatalf("the scenario expects %d repeats, the rule says %d", repeats, (headers-1)/n)
	}
	got := t.observe(expect{
		transit: headers + 1 + repeats, arrived: headers, counted: t.redundancyCounts(d, headers, repeats),
	}, func() {
		t.send(SourceName, t.payload(m))
		sent := 0
		for i, v := range viewers {
			if sent++; copyBefore[i] {
				sent++
			}
			t.send(SourceName, t.header(m, t.at(v)))
			t.arrive(expect{transit: sent})
		}
	})
	t.checkSequence(got, m, viewers, copyBefore)
}

func (t *T) redundancyCounts(d, headers, repeats int) counts {
	c := counts{
		t.event(0, build.EventPayload):  1,
		t.event(0, build.EventHeader):   uint64(headers),
		t.event(0, build.EventCopy):     1,
		t.event(d, build.EventPayload):  1,
		t.event(d, build.EventHeader):   uint64(headers),
		t.event(d, build.EventExpanded): uint64(headers),
	}
	if repeats > 0 {
		c[t.event(0, build.EventCopyRedundant)] = uint64(repeats)
		c[t.event(d, build.EventPayloadRepeated)] = uint64(repeats)
		c[drop(d, build.DropPayloadRepeated)] = uint64(repeats)
	}
	return c
}

// checkSequence checks the transit frames of one domain, one by one, and what
// its viewers got of them.
func (t *T) checkSequence(got seen, m media, viewers []Viewer, copyBefore []bool) {
	t.Helper()
	next := 0
	for i, v := range viewers {
		if copyBefore[i] {
			t.checkCopy(got.transit[next], m)
			next++
		}
		t.checkHeader(got.transit[next], m, t.at(v))
		next++
		t.checkViewerGot(got.arrived[i], m, v)
	}
}

// redundancyBurst sends the headers back to back once the first has gone
// through, in an order that must be kept.
func redundancyBurst(t *T) {
	const headers, n, d = 24, 4, 2
	t.setRedundancy(n)
	m := t.media(400) // within the growth of one pass on any target
	viewers := t.domainViewers(d, headers)
	var copyBefore []bool
	for i := range headers {
		copyBefore = append(copyBefore, i%n == 0)
	}
	repeats := (headers - 1) / n
	got := t.observe(expect{
		transit: headers + 1 + repeats, arrived: headers, counted: t.redundancyCounts(d, headers, repeats),
	}, func() {
		frames := [][]byte{t.payload(m)}
		for _, v := range viewers {
			frames = append(frames, t.header(m, t.at(v)))
		}
		t.burst(SourceName, frames...)
	})
	t.checkSequence(got, m, viewers, copyBefore)
}
