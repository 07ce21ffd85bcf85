package live

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// events are counts by the event's name.
type events = map[string]p4rt.Count

// channelSeries are the readings of one channel. The subject's lock guards it.
type channelSeries struct {
	base    reading   // where totals start
	latest  []reading // of the last longWindow, oldest first
	history []Point
	answer  Channel
}

// reading is one reading of all counters of a channel.
type reading struct {
	at time.Time
	controller.ChannelLoad
}

func newChannelSeries() *channelSeries { return &channelSeries{} }

// add takes a reading and answers from all there are. It reports whether rates
// are known.
func (c *channelSeries) add(name string, load controller.ChannelLoad, err error, now time.Time) (steady bool, answer Channel) {
	if err != nil {
		c.answer.Name, c.answer.Err = name, err
		if !c.answer.Steady {
			c.answer.ITR, c.answer.Links = load.ITR, idle(load.Streams)
		}
		return c.answer.Steady, c.answer
	}
	r := reading{now, load}
	if n := len(c.latest); n > 0 && now.Sub(c.latest[n-1].at) > forgetAfter {
		c.latest = []reading{r} // what was since is no rate of now
		c.answer = c.compute(name)
		return false, c.answer
	}
	if len(c.latest) == 0 || r.restarted(&c.latest[len(c.latest)-1]) {
		c.base, c.latest, c.history = r, nil, nil
	}
	for len(c.latest) > 1 && now.Sub(c.latest[0].at) > longWindow {
		c.latest = c.latest[1:]
	}
	c.latest = append(c.latest, r)
	c.answer = c.compute(name)
	return c.answer.Steady, c.answer
}

// restarted reports whether what counts is not what counted before.
func (r *reading) restarted(before *reading) bool {
	if r.ITR != before.ITR || len(r.Pairs) != len(before.Pairs) {
		return true
	}
	for i := range r.Pairs {
		if r.Pairs[i].Pair != before.Pairs[i].Pair || less(r.Pairs[i].Events, before.Pairs[i].Events) {
			return true
		}
	}
	for i := range r.Streams {
		old := before.stream(r.Streams[i].Switch)
		if old != nil && old.Err == nil && r.Streams[i].Err == nil && less(r.Streams[i].Events, old.Events) {
			return true
		}
	}
	return false
}

func less(a, b events) bool {
	for name := range b {
		if a[name].Packets < b[name].Packets {
			return true
		}
	}
	return false
}

// stream is what an ETR said, or nil.
func (r *reading) stream(switchName string) *controller.StreamLoad {
	for i := range r.Streams {
		if r.Streams[i].Switch == switchName {
			return &r.Streams[i]
		}
	}
	return nil
}

// since is the oldest reading within d of the last, or else that before it: nobody
// may have looked for a while.
func (c *channelSeries) since(d time.Duration) *reading {
	n := len(c.latest)
	for i := range n - 1 {
		if c.latest[n-1].at.Sub(c.latest[i].at) <= d {
			return &c.latest[i]
		}
	}
	return &c.latest[max(0, n-2)]
}

// compute answers from the readings.
func (c *channelSeries) compute(name string) Channel {
	last := &c.latest[len(c.latest)-1]
	out := Channel{Name: name, ITR: last.ITR, At: last.at, Since: c.base.at, Steady: len(c.latest) > 1}
	recent, total := between(c.since(window), last), between(&c.base, last)
	rate := func(of func(*interval) float64) Rate {
		return Rate{ratio(of(&recent), recent.seconds), of(&total)}
	}
	out.Payloads = rate((*interval).payloads)
	out.Headers = rate((*interval).headers)
	out.Copies = rate((*interval).copies)
	out.Media = rate((*interval).media)
	out.Transit = rate(func(i *interval) float64 { return i.transit })
	out.Unicast = rate(func(i *interval) float64 { return i.unicast })
	for i := range build.SlotEvents {
		e := &build.SlotEvents[i]
		if r := rate(func(i *interval) float64 { return i.events(e.Name) }); r.Total > 0 || last.counted(e.Name) {
			out.Events = append(out.Events, Event{e.Name, e.Doc, r})
		}
	}
	long := between(c.since(longWindow), last)
	out.Links = links(&recent, &long, &total)
	c.remember(last)
	out.History = slices.Clone(c.history)
	return out
}

// counted reports whether an event ever happened at the ITR.
func (r *reading) counted(event string) bool {
	return slices.ContainsFunc(r.Pairs, func(p controller.PairLoad) bool { return p.Events[event].Packets > 0 })
}

// remember adds a point to the history, of what was since the reading before.
func (c *channelSeries) remember(last *reading) {
	if len(c.latest) < 2 {
		return
	}
	i := between(&c.latest[len(c.latest)-2], last)
	if len(c.history) == MaxHistory {
		c.history = c.history[1:]
	}
	c.history = append(c.history, Point{
		At: last.at, Payloads: ratio(i.payloads(), i.seconds), Headers: ratio(i.headers(), i.seconds),
		Transit: ratio(i.transit, i.seconds), Unicast: ratio(i.unicast, i.seconds),
	})
}

// links are the links of a channel, in the order of their sites and RLOCs.
func links(recent, long, total *interval) []Link {
	var out []Link
	told := map[string]bool{} // ETRs
	for _, rloc := range slices.SortedFunc(maps.Keys(total.rlocs), netip.Addr.Compare) {
		r, t := recent.rlocs[rloc], total.rlocs[rloc]
		l := Link{
			RLOC: rloc, Copies: Rate{ratio(r.copies, recent.seconds), t.copies}, Headers: Rate{ratio(r.headers, recent.seconds), t.headers},
			Transit: Rate{ratio(r.transit, recent.seconds), t.transit}, PerPayload: ratio(long.rlocs[rloc].copies, long.payloads()),
		}
		if st := total.etrOf(rloc); st != nil {
			l.Switch, l.Site, l.Err = st.Switch, st.Site, st.Err
			if st.Err == nil && !told[st.Switch] {
				l.tell(st, recent, long, total)
			}
			told[st.Switch] = true
		}
		out = append(out, l)
	}
	out = append(out, idle(slices.DeleteFunc(slices.Clone(total.to.Streams), func(st controller.StreamLoad) bool { return told[st.Switch] }))...)
	slices.SortStableFunc(out, func(a, b Link) int { return cmp.Compare(a.Switch, b.Switch) })
	return out
}

// idle are links to ETRs that nothing went to yet.
func idle(streams []controller.StreamLoad) []Link {
	var out []Link
	for i := range streams {
		if st := &streams[i]; len(st.RLOCs) > 0 {
			out = append(out, Link{RLOC: st.RLOCs[0], Switch: st.Switch, Site: st.Site, Err: st.Err})
		}
	}
	return out
}

// tell adds what the ETR of the link counted.
func (l *Link) tell(st *controller.StreamLoad, recent, long, total *interval) {
	rate := func(names ...string) (r Rate) {
		for _, name := range names {
			r.PerSecond += ratio(recent.stream(st.Switch, name), recent.seconds)
			r.Total += total.stream(st.Switch, name)
		}
		return r
	}
	l.Arrived = rate("payload", "payload_repeated")
	l.Made = rate("expanded")
	l.Unknown = rate("header_unknown")
	l.Refused = rate("payload_rejected", "entry_not_local", "refused")
	l.Multicast = total.stream(st.Switch, "multicast") > 0
	l.Viewers = viewers(long.stream(st.Switch, "expanded"), long.stream(st.Switch, "payload"))
	if lost := total.lost(st); lost > slack(l.Copies.PerSecond+l.Headers.PerSecond) {
		l.Lost = Rate{max(0, ratio(recent.lost(st), recent.seconds)), lost}
	}
}

// slack is how many packets two switches may seem to differ by, since they are
// not read at the same moment.
func slack(perSecond float64) float64 { return 5 + 0.02*perSecond }
