package bmv2test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

const (
	startLimit  = 2 * time.Minute  // to build and program a network
	arriveLimit = 5 * time.Second  // for what a scenario expects to arrive
	fenceLimit  = 20 * time.Second // for a fence to pass
	// quietRounds is after how many fences in a row without anything new a
	// network is at rest. A packet that grows goes round a switch twice.
	quietRounds = 4
)

// stage is a programmed Fig. 2 network in the tester's hold. The scenarios of
// a target share it: each leaves the tables as they were, and payloads have
// fresh sequence numbers.
type stage struct {
	fig      *Fig2
	options  Fig2Options
	schema   *p4rt.Schema
	controls []*control // 0 is the ITR's, d that of ETR d
	seen     *recorder
	sequence uint32
}

// newStage builds a network, has a controller program it, and takes it over.
func newStage(t *testing.T, o Fig2Options) *stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	s := &stage{options: o, seen: newRecorder(), sequence: 1000}
	s.seen.hook(&o)
	o.Capture = 4096
	var err error
	if s.fig, err = NewFig2(ctx, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close(t) })
	if err := s.fig.Program(ctx); err != nil {
		t.Fatal(errors.Join(err, s.fig.Alive()))
	}
	if s.schema, err = p4rt.NewSchema(build.P4Info()); err != nil {
		t.Fatal(err)
	}
	for d := 0; d <= s.fig.Domains; d++ {
		s.controls = append(s.controls, takeOver(ctx, t, s.fig, d, s.schema))
	}
	for _, c := range s.controls {
		go s.seen.watchPunts(c) // ends with the session
	}
	return s
}

// close checks that every switch is still alive. goleak checks, at the end of
// the package's tests, that nothing else is.
func (s *stage) close(t *testing.T) {
	for _, c := range s.controls {
		c.session.Close()
	}
	if t.Failed() {
		name := strings.ReplaceAll(t.Name(), "/", "-")
		if s.options.NoLoop {
			name += "-no-loop"
		}
		name += ".pcap"
		path := filepath.Join(os.TempDir(), name)
		if f, err := os.Create(path); err == nil {
			err = errors.Join(s.fig.WriteCapture(f), f.Close())
			t.Logf("the last frames are in %s (%v)", path, err)
		}
	}
	if err := s.fig.Close(); err != nil {
		t.Error(err)
	}
}

// T is what a scenario runs with.
type T struct {
	*testing.T
	*stage
	ctx     context.Context
	noLoop  *stage // with the growth limit of stock bmv2 and no loop
	limited *stage // with low rates
	covered *coverage
	six     bool // it is about IPv6 EIDs
	outer6  bool // and about IPv6 RLOCs
}

// ipv6 returns t for the same with IPv6 EIDs.
func (t *T) ipv6() *T {
	other := *t
	other.six = true
	return &other
}

// overIPv6 returns t for the same with IPv6 RLOCs.
func (t *T) overIPv6() *T {
	other := *t
	other.outer6 = true
	return &other
}

// coverage collects the counters that scenarios expected and saw.
type coverage struct {
	mu    sync.Mutex // guards cells
	cells map[cell]bool
}

func (c *coverage) add(seen counts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range seen {
		k.name, k.six = "", false
		c.cells[k] = true
	}
}

// missing returns the numbers of a family of counters that no scenario met.
func (c *coverage) missing(counter string, names []build.Named) []string {
	var missing []string
	for i, n := range names {
		if n.Doc != "" && !c.cells[cell{counter: counter, index: int64(i)}] {
			missing = append(missing, n.Name)
		}
	}
	return missing
}

// check fails the test for every reason and event that no scenario met.
func (c *coverage) check(t *testing.T) {
	for _, family := range []struct {
		counter string
		names   []build.Named
	}{
		{build.CounterDropReasons, build.DropReasons[:]},
		{build.CounterPuntReasons, build.PuntReasons[:]},
		{build.CounterSlotEvents, build.SlotEvents[:]},
	} {
		if missing := c.missing(family.counter, family.names); len(missing) > 0 {
			t.Errorf("no scenario met these of %s: %s", family.counter, strings.Join(missing, ", "))
		}
	}
}

// expect is all that an act may cause: how many frames cross the transit
// segment, reach hosts and are punted, and what is counted.
type expect struct {
	transit, arrived, punted int
	counted                  counts
}

// observe acts, waits until the network is at rest, checks that exactly what
// was expected has happened, and returns the frames.
func (t *T) observe(want expect, act func()) seen {
	t.Helper()
	got, changed := t.watch(func() {
		act()
		t.arrive(want)
	})
	if len(got.transit) != want.transit || len(got.arrived) != want.arrived || len(got.punted) != want.punted {
		t.Errorf("%d frames crossed the transit segment, %d reached hosts, %d were punted; want %d, %d, %d%s",
			len(got.transit), len(got.arrived), len(got.punted), want.transit, want.arrived, want.punted, got)
	}
	if !maps.Equal(changed, want.counted) {
		t.Errorf("counted %v, want %v", changed, want.counted)
	} else {
		t.covered.add(changed)
	}
	if t.Failed() {
		t.FailNow()
	}
	return got
}

// watch acts, waits until the network is at rest, and returns what left the
// switches and what was counted meanwhile.
func (t *T) watch(act func()) (seen, counts) {
	t.Helper()
	before := t.counts()
	t.seen.take()
	act()
	t.settle()
	got, changed := t.seen.take(), t.counts()
	for c, n := range before {
		if changed[c] -= n; changed[c] == 0 {
			delete(changed, c)
		}
	}
	return got, changed
}

// arrive waits for what is expected; observe finds out what is missing.
func (t *T) arrive(want expect) {
	ctx, cancel := context.WithTimeout(t.ctx, arriveLimit)
	defer cancel()
	_ = t.seen.wait(ctx, func(s *seen, _ int) bool {
		return len(s.transit) >= want.transit && len(s.arrived) >= want.arrived && len(s.punted) >= want.punted
	})
}

// settle waits until the network is at rest: fences from and to every host
// pass, several times in a row, without anything else being seen.
func (t *T) settle() {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, fenceLimit)
	defer cancel()
	for quiet := 0; quiet < quietRounds; quiet++ {
		seenBefore, fences := t.seen.progress()
		sent := 0
		source := t.fig.Host(SourceName)
		for d := 1; d <= t.fig.Domains; d++ {
			domain := t.fig.Host(DomainName(d))
			t.send(source.Name, t.datagram(source, discardPort(domain), fenceMark))
			t.send(domain.Name, t.datagram(domain, discardPort(source), fenceMark))
			sent += 2
		}
		if err := t.seen.wait(ctx, func(_ *seen, n int) bool { return n >= fences+sent }); err != nil {
			_, n := t.seen.progress()
			t.Fatalf("%d of %d fences passed: %v\n%v", n-fences, sent, err, t.fig.Alive())
		}
		if total, _ := t.seen.progress(); total != seenBefore {
			quiet = -1
		}
	}
}

func (t *T) counts() counts {
	t.Helper()
	all := make(counts)
	for _, c := range t.controls {
		c.read(t.ctx, t.T, all)
	}
	return all
}

// send sends from a host.
func (t *T) send(host string, frames ...[]byte) {
	t.Helper()
	if err := t.fig.Host(host).Send(frames...); err != nil {
		t.Fatal(err)
	}
}

// burst sends from a host back to back. bmv2 takes about 31 frames so.
func (t *T) burst(host string, frames ...[]byte) {
	t.Helper()
	if n, err := t.fig.Host(host).port.Send(frames); err != nil || n < len(frames) {
		t.Fatalf("host %s: %d of %d frames left: %v", host, n, len(frames), err)
	}
}

// inject sends to a switch on the transit segment.
func (t *T) inject(d int, frames ...[]byte) {
	t.Helper()
	if err := t.fig.Inject(TransitName, SwitchName(d), frames...); err != nil {
		t.Fatal(err)
	}
}

// String lists the frames for a failure, shortened.
func (s seen) String() string {
	var b strings.Builder
	line := func(where string, frame []byte) {
		fmt.Fprintf(&b, "\n  %s: %d bytes %x", where, len(frame), frame[:min(len(frame), 96)])
	}
	for _, c := range s.transit {
		line(c.from+" to "+c.to, c.frame)
	}
	for _, a := range s.arrived {
		line("at "+a.host, a.frame)
	}
	for _, p := range s.punted {
		line(fmt.Sprintf("punted by %s %v", p.from, p.Metadata), p.Payload)
	}
	return b.String()
}

func (c counts) String() string {
	var parts []string
	for k, n := range c {
		parts = append(parts, fmt.Sprintf("%v ×%d", k, int64(n)))
	}
	slices.Sort(parts)
	return "[" + strings.Join(parts, ", ") + "]"
}

// ipOf returns the IP packet in a frame.
func ipOf(frame []byte) []byte { return frame[inet.EthernetSize:] }
