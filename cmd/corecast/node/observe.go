package node

import (
	"context"
	"fmt"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/mapserver"
)

const (
	// lookInterval is how often sites and streams are looked at.
	lookInterval = time.Second
	// settleTime is how long what happens to switches gathers.
	settleTime = 100 * time.Millisecond
	// maxNews bounds the events of one look: a log of nothing else helps nobody.
	maxNews = 50
)

// observer tells the log what becomes of switches, sites and streams. Only run
// uses it.
type observer struct {
	record  func(eventlog.Event) bool
	phases  map[string]controller.Phase // that were told
	sites   map[string]siteState
	streams map[[2]string]bool // switches and names of those that came by themselves
	news    int                // events of this look
}

// siteState is what of a site is news.
type siteState struct{ registered, rejecting bool }

func newObserver(record func(eventlog.Event) bool) *observer {
	return &observer{record: record, phases: map[string]controller.Phase{}}
}

// observe looks until ctx ends.
func (n *Node) observe(ctx context.Context) error {
	o := newObserver(n.events.Record)
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		status, changed := n.controller.Watch()
		o.lookAtSwitches(status)
		select {
		case <-changed:
			select {
			case <-time.After(settleTime):
			case <-ctx.Done():
			}
		case <-tick.C:
			o.lookAtSites(n.mapServer.Sites())
			o.lookAtStreams(n.controller.Received())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell puts an event into the log, if there were not too many.
func (o *observer) tell(kind, objectKind, name, text string) {
	o.news++
	switch {
	case o.news < maxNews:
		o.record(eventlog.Event{Kind: kind, Object: &eventlog.Object{Kind: objectKind, Name: name}, Text: text})
	case o.news == maxNews:
		o.record(eventlog.Event{Kind: kind, Text: "more of the same happens than is told one by one"})
	}
}

// lookAtSwitches tells which switches of ours came to another phase. That one is
// being written to is no news.
func (o *observer) lookAtSwitches(status controller.Status) {
	o.news = 0
	now := map[string]controller.Phase{}
	for i := range status.Switches {
		sw := &status.Switches[i]
		switch {
		case sw.Phase == controller.Standby: // another controller tells of it
			continue
		case sw.Phase == controller.Syncing:
			now[sw.Name] = o.phases[sw.Name]
			continue
		}
		now[sw.Name] = sw.Phase
		if o.phases[sw.Name] == sw.Phase {
			continue
		}
		text := fmt.Sprintf("switch %s is %s", sw.Name, sw.Phase)
		if sw.Reason != "" {
			text += ": " + sw.Reason
		}
		o.tell("switch.phase", "switch", sw.Name, text)
	}
	o.phases = now
}

// lookAtSites tells which sites have registered, or no longer are, and which try
// in vain. What the first look finds is no news.
func (o *observer) lookAtSites(sites []mapserver.SiteStatus) {
	o.news = 0
	now := make(map[string]siteState, len(sites))
	for i := range sites {
		st := &sites[i]
		s := siteState{registered: st.Mappings > 0, rejecting: len(st.LastRejects) > 0 && st.LastRejects[0].Time.After(st.LastRegister)}
		now[st.Name] = s
		was := o.sites[st.Name]
		if o.sites == nil {
			continue
		}
		switch {
		case s.registered && !was.registered:
			o.tell("site.registered", "site", st.Name, fmt.Sprintf("site %s has registered", st.Name))
		case was.registered && !s.registered:
			o.tell("site.unregistered", "site", st.Name, fmt.Sprintf("site %s has no registered mapping any more", st.Name))
		}
		if s.rejecting && !was.rejecting {
			r := &st.LastRejects[0]
			o.tell("site.rejecting", "site", st.Name, fmt.Sprintf("a Map-Register of %s for site %s was refused: %s", r.From, st.Name, r.Reason))
		}
	}
	o.sites = now
}

// lookAtStreams tells which streams came by themselves, and which of them are
// gone.
func (o *observer) lookAtStreams(all []controller.Received) {
	o.news = 0
	now := map[[2]string]bool{}
	for i := range all {
		r := &all[i]
		if !r.Learned {
			continue
		}
		key := [2]string{r.Switch, r.Name}
		now[key] = true
		if !o.streams[key] {
			o.tell("stream.appeared", "stream", r.Name, fmt.Sprintf("switch %s takes stream %s", r.Switch, r.Name))
		}
	}
	for key := range o.streams {
		if !now[key] {
			o.tell("stream.aged", "stream", key[1], fmt.Sprintf("switch %s has forgotten stream %s: nothing came of it", key[0], key[1]))
		}
	}
	o.streams = now
}
