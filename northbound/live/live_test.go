package live

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network counts as the switches of Fig. 2 would: one ITR, two ETRs of ours with
// 3 and 4 viewers, and somebody else's with as many as lists are long.
type network struct {
	mu       sync.Mutex
	payloads uint64
	lost     uint64 // copies to etr-1
	lists    uint64 // viewers that headers to somebody else's RLOC name
	etrErr   error
	err      error
	reads    atomic.Int64
}

const mediaBytes = 1316

var (
	rloc1 = netip.MustParseAddr("192.0.2.21")
	rloc2 = netip.MustParseAddr("192.0.2.22")
	other = netip.MustParseAddr("198.51.100.7")
	pair  = config.Pair{Source: netip.MustParseAddr("10.0.0.10"), Reserved: netip.MustParseAddr("10.0.255.1")}
)

func (n *network) stream(payloads uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.payloads += payloads
}

func count(packets, size uint64) p4rt.Count {
	return p4rt.Count{Packets: packets, Bytes: packets * size}
}

func (n *network) ChannelLoad(context.Context, string) (controller.ChannelLoad, error) {
	n.reads.Add(1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return controller.ChannelLoad{}, n.err
	}
	p := n.payloads
	headers := p4rt.Count{Packets: 8 * p, Bytes: p * (7*60 + 60 + 6*n.lists)}
	stream := func(name string, rloc netip.Addr, viewers, lost uint64) controller.StreamLoad {
		return controller.StreamLoad{Switch: name, Site: "site of " + name, RLOCs: []netip.Addr{rloc}, Events: events{
			"payload": count(p-lost, 1370), "header": count((p-lost)*viewers, 60), "header_unknown": count(lost*viewers, 60), "expanded": count((p-lost)*viewers, 60),
		}}
	}
	load := controller.ChannelLoad{ITR: "itr", Pairs: []controller.PairLoad{{
		Pair:   pair,
		Events: events{"payload": count(p, 14+20+8+12+mediaBytes), "header": headers, "copy": count(3*p, 60)},
		RLOCs:  map[netip.Addr]controller.Sent{rloc1: {Headers: 3 * p, Copies: p}, rloc2: {Headers: 4 * p, Copies: p}, other: {Headers: p, Copies: p}},
	}}, Streams: []controller.StreamLoad{stream("etr-1", rloc1, 3, n.lost), stream("etr-2", rloc2, 4, 0)}}
	if n.etrErr != nil {
		load.Streams[0] = controller.StreamLoad{Switch: "etr-1", RLOCs: []netip.Addr{rloc1}, Err: n.etrErr}
	}
	return load, nil
}

func (n *network) Drops(context.Context, string) (map[string]p4rt.Count, error) {
	n.reads.Add(1)
	n.mu.Lock()
	defer n.mu.Unlock()
	return events{"unknown_payload": count(n.payloads, 60)}, n.err
}

func (n *network) Punts(context.Context, string) (map[string]p4rt.Count, error) {
	return events{}, nil
}

// newSampler is one whose clock a test sets.
func newSampler(n *network) (*Sampler, *time.Time) {
	s, now := New(n), time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	s.now = func() time.Time { return now }
	return s, &now
}

func channel(t testing.TB, s *Sampler) Channel {
	t.Helper()
	return s.Channels(t.Context(), "news")[0]
}

func near(a, b float64) bool { return math.Abs(a-b) < 0.001*max(1, math.Abs(b)) }

func TestChannel(t *testing.T) {
	n := &network{}
	n.stream(1000)
	s, now := newSampler(n)
	if c := channel(t, s); c.Err != nil || c.Steady || c.Payloads.PerSecond != 0 {
		t.Errorf("after one reading: %+v", c)
	}
	for range 5 {
		n.stream(400)
		*now = now.Add(time.Second)
		channel(t, s)
	}
	c := channel(t, s)
	if !c.Steady || !near(c.Payloads.PerSecond, 400) || !near(c.Headers.PerSecond, 3200) || !near(c.Copies.PerSecond, 1200) || c.Payloads.Total != 2000 {
		t.Errorf("%+v", c)
	}
	// What Fig. 2 costs on the wire: copies of 76 bytes and the media, headers of
	// 82 bytes; and for unicast 64 bytes with the media of each of 8 viewers.
	if perPayload := c.Transit.PerSecond / 400; !near(perPayload, 3*(mediaBytes+76)+8*82) {
		t.Errorf("%.1f bytes of transit a payload", perPayload)
	}
	if perPayload := c.Unicast.PerSecond / 400; !near(perPayload, 8*(mediaBytes+64)) {
		t.Errorf("%.1f bytes of unicast a payload", perPayload)
	}
	if !near(c.Media.PerSecond, 400*(mediaBytes+28)) {
		t.Errorf("%.1f bytes of media a second", c.Media.PerSecond)
	}
	if len(c.Links) != 3 || c.Links[0].Switch != "" || c.Links[1].Viewers != 3 || c.Links[2].Viewers != 4 || c.Viewers() != 7 {
		t.Errorf("links %+v", c.Links)
	}
	for _, l := range c.Links {
		if !near(l.PerPayload, 1) || l.Lost.Total != 0 {
			t.Errorf("%+v", l)
		}
	}
	if len(c.History) != 5 || !near(c.History[4].Payloads, 400) {
		t.Errorf("history %+v", c.History)
	}
}

// TestLists: the lists of ETRs of ours are known exactly, those of others on
// average.
// TestSeldomLookedAt: whoever looks again after a while sees the rate since, and
// after a long while what is after a second reading.
func TestSeldomLookedAt(t *testing.T) {
	n := &network{}
	s, now := newSampler(n)
	channel(t, s)
	for range 3 {
		*now = now.Add(longWindow + time.Second)
		n.stream(220)
		if c := channel(t, s); !c.Steady || !near(c.Payloads.PerSecond, 20) || c.Links[0].PerPayload != 1 {
			t.Errorf("after a while: %+v", c)
		}
	}
	*now = now.Add(forgetAfter + time.Second)
	n.stream(100_000)
	if c := channel(t, s); c.Steady || c.Payloads.PerSecond != 0 || c.Payloads.Total != 100_660 {
		t.Errorf("after a long while: %+v", c)
	}
	*now = now.Add(firstPeriod)
	n.stream(10)
	if c := channel(t, s); !c.Steady || !near(c.Payloads.PerSecond, 40) {
		t.Errorf("then: %+v", c)
	}
}

func TestLists(t *testing.T) {
	n := &network{lists: 7}
	s, now := newSampler(n)
	channel(t, s)
	n.stream(400)
	*now = now.Add(time.Second)
	c := channel(t, s)
	average := 1 + 7.0/8
	if unicast := c.Unicast.PerSecond / 400 / (mediaBytes + 64); !near(unicast, 7+average) {
		t.Errorf("unicast to %v viewers, want %v", unicast, 7+average)
	}
}

func TestLossIsToldWhereItIs(t *testing.T) {
	n := &network{}
	s, now := newSampler(n)
	channel(t, s)
	n.stream(4000)
	n.lost = 400
	*now = now.Add(time.Second)
	c := channel(t, s)
	if l := c.Links[1]; l.Lost.Total != 400 || l.Unknown.Total != 1200 || l.Viewers != 3 {
		t.Errorf("%+v", l)
	}
	if l := c.Links[2]; l.Lost.Total != 0 || l.Unknown.Total != 0 {
		t.Errorf("%+v", l)
	}
}

// TestETRAlone: an ETR that cannot be read takes nothing else with it.
func TestETRAlone(t *testing.T) {
	n := &network{etrErr: errors.New("not connected")}
	s, now := newSampler(n)
	channel(t, s)
	n.stream(400)
	*now = now.Add(time.Second)
	c := channel(t, s)
	if c.Err != nil || !near(c.Payloads.PerSecond, 400) || c.Links[1].Err == nil || c.Links[2].Viewers != 4 {
		t.Errorf("%+v", c)
	}
	n.etrErr = nil
	for range 12 { // until the reading without it is forgotten
		n.stream(400)
		*now = now.Add(time.Second)
		c = channel(t, s)
	}
	if c.Links[1].Err != nil || c.Links[1].Viewers != 3 || c.Links[1].Lost.Total != 0 {
		t.Errorf("%+v", c.Links[1])
	}
}

func TestErrorKeepsTheLastReading(t *testing.T) {
	n := &network{}
	s, now := newSampler(n)
	channel(t, s)
	n.stream(400)
	*now = now.Add(time.Second)
	channel(t, s)
	n.err = errors.New("switch itr: not connected")
	*now = now.Add(time.Second)
	if c := channel(t, s); c.Err == nil || !near(c.Payloads.PerSecond, 400) || c.Name != "news" {
		t.Errorf("%+v", c)
	}
}

// TestIdleETRs are there before anything is sent, and if nothing can be read.
func TestIdleETRs(t *testing.T) {
	streams := []controller.StreamLoad{{Switch: "etr-1", Site: "viewers", RLOCs: []netip.Addr{rloc1}}, {Switch: "etr-2", RLOCs: []netip.Addr{rloc2}}}
	for _, err := range []error{nil, errors.New("not connected")} {
		load := controller.ChannelLoad{ITR: "itr", Pairs: []controller.PairLoad{{Pair: pair}}, Streams: streams}
		_, c := newChannelSeries().add("news", load, err, time.Now())
		if c.ITR != "itr" || len(c.Links) != 2 || c.Links[0].Switch != "etr-1" || c.Links[0].RLOC != rloc1 || !errors.Is(c.Err, err) {
			t.Errorf("%+v", c)
		}
	}
}

// TestRestart: a switch that counts from zero again starts totals anew, and no
// rate is negative.
func TestRestart(t *testing.T) {
	n := &network{}
	s, now := newSampler(n)
	for range 3 {
		n.stream(400)
		channel(t, s)
		*now = now.Add(time.Second)
	}
	n.payloads = 10
	c := channel(t, s)
	if c.Steady || c.Payloads.Total != 0 || !c.Since.Equal(*now) || len(c.History) != 0 {
		t.Errorf("%+v", c)
	}
}

// TestOneReadingASecond however many ask.
func TestOneReadingASecond(t *testing.T) {
	n := &network{}
	s, now := newSampler(n)
	ask := func() {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { channel(t, s) })
		}
		wg.Wait()
	}
	ask()
	*now = now.Add(firstPeriod)
	ask()
	*now = now.Add(Period / 2)
	ask()
	if got := n.reads.Load(); got != 2 {
		t.Errorf("%d readings, want 2", got)
	}
}

func TestBounded(t *testing.T) {
	n := &network{}
	s, now := newSampler(n)
	for i := range maxSubjects {
		s.Channels(t.Context(), fmt.Sprint(i))
	}
	if c := channel(t, s); !errors.Is(c.Err, ErrTooMany) {
		t.Errorf("%v", c.Err)
	}
	*now = now.Add(forgetAfter + time.Second)
	if c := channel(t, s); c.Err != nil || len(s.channels) != 1 {
		t.Errorf("%v, %d followed", c.Err, len(s.channels))
	}
	for range MaxHistory + 20 {
		*now = now.Add(time.Second)
		channel(t, s)
	}
	series := s.channels["news"].series
	if len(series.history) != MaxHistory || len(series.latest) > 12 {
		t.Errorf("%d points, %d readings", len(series.history), len(series.latest))
	}
}

func TestSwitch(t *testing.T) {
	n := &network{}
	s, now := newSampler(n)
	n.stream(100)
	s.Switches(t.Context(), "itr")
	n.stream(50)
	*now = now.Add(time.Second)
	sw := s.Switches(t.Context(), "itr")[0]
	if len(sw.Drops) != 1 || sw.Drops[0].Name != "unknown_payload" || sw.Drops[0].Rate != (Rate{50, 150}) || sw.Drops[0].Meaning == "" || len(sw.Punts) != 0 {
		t.Errorf("%+v", sw)
	}
	n.err = errors.New("not connected")
	*now = now.Add(time.Second)
	if sw := s.Switches(t.Context(), "itr")[0]; sw.Err == nil || len(sw.Drops) != 1 {
		t.Errorf("%+v", sw)
	}
}

// TestAnyCounters: whatever is counted, nothing shown is negative or no number.
func TestAnyCounters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		series, now := newChannelSeries(), time.Unix(0, 0)
		for range rapid.IntRange(1, 6).Draw(t, "readings") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "later")))
			_, c := series.add("news", anyLoad(t), nil, now)
			values := []float64{c.Payloads.PerSecond, c.Headers.Total, c.Transit.PerSecond, c.Transit.Total, c.Unicast.PerSecond, c.Media.Total}
			for _, l := range c.Links {
				values = append(values, l.PerPayload, l.Copies.PerSecond, l.Lost.PerSecond, l.Lost.Total, float64(l.Viewers), l.Transit.Total)
			}
			for _, v := range values {
				if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
					t.Fatalf("%v in %+v", v, c)
				}
			}
		}
	})
}

func anyLoad(t *rapid.T) controller.ChannelLoad {
	any := func(names ...string) events {
		e := events{}
		for _, name := range names {
			e[name] = p4rt.Count{Packets: rapid.Uint64Range(0, 1000).Draw(t, name), Bytes: rapid.Uint64Range(0, 1<<20).Draw(t, name+" bytes")}
		}
		return e
	}
	load := controller.ChannelLoad{ITR: "itr", Pairs: []controller.PairLoad{{
		Pair: pair, Events: any("payload", "header", "copy", "copy_redundant"),
		RLOCs: map[netip.Addr]controller.Sent{rloc1: {Headers: rapid.Uint64Range(0, 1000).Draw(t, "h"), Copies: rapid.Uint64Range(0, 1000).Draw(t, "c")}},
	}}}
	if rapid.Bool().Draw(t, "etr") {
		load.Streams = []controller.StreamLoad{{Switch: "etr-1", RLOCs: []netip.Addr{rloc1}, Events: any("payload", "header", "expanded", "header_unknown")}}
	}
	return load
}
