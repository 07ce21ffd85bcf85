package ui

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/live"
)

// channelList is a page of the list of channels.
type channelList struct {
	Rows   []channelRow
	Search string
	Total  int // that match
	Maker  maker
	Pager
}

// Pager leads to the pages before and after.
type Pager struct {
	Page, Pages    int // from 1
	Previous, Next int // 0: there is none
}

// channelRow is one channel in the list.
type channelRow struct {
	*config.Channel
	Live  flow
	State state
}

// state is how far a channel is on the switches.
type state struct {
	State string // ready, pending, failing
	Why   string
}

func (u *UI) channels(r *http.Request) (view, error) {
	cfg := u.opts.Source.Config()
	search := strings.TrimSpace(r.FormValue("q"))
	names := slices.DeleteFunc(channelNames(cfg), func(name string) bool { return !strings.Contains(name, search) })
	l := channelList{Search: search, Total: len(names), Maker: u.makerOf(r, u.kindOf(inventory.Channel))}
	var shown []string
	l.Pager, shown = pageOf(names, r.FormValue("page"))
	states := u.channelStates("")
	for _, c := range u.flows(r.Context(), cfg, shown) {
		l.Rows = append(l.Rows, channelRow{cfg.FindChannel(c.Name), c, states[c.Name]})
	}
	return view{Title: "Channels", Data: l}, nil
}

// pageOf is the page of a list with a number as it came in a URL.
func pageOf(names []string, number string) (Pager, []string) {
	p := Pager{Page: 1, Pages: max(1, (len(names)+maxFollowed-1)/maxFollowed)}
	if n, err := strconv.Atoi(number); err == nil {
		p.Page = min(max(n, 1), p.Pages)
	}
	if p.Page > 1 {
		p.Previous = p.Page - 1
	}
	if p.Page < p.Pages {
		p.Next = p.Page + 1
	}
	return p, names[(p.Page-1)*maxFollowed : min(p.Page*maxFollowed, len(names))]
}

// channelStates are the states of channels at their ITRs, by name; of one
// channel, if named.
func (u *UI) channelStates(name string) map[string]state {
	states := map[string]state{}
	for _, o := range u.opts.Source.Objects(controller.KindChannel, name) {
		s := state{State: "ready"}
		switch o.State {
		case controller.Wanted:
			s = state{"pending", "switch " + o.Switch + " has not been told of all of it yet"}
		case controller.Refused:
			s = state{"failing", "switch " + o.Switch + ": " + o.Why}
		}
		states[o.Name] = s
	}
	return states
}

// channelPage is what the page of a channel shows.
type channelPage struct {
	*config.Channel
	Live     flow
	Traffic  traffic
	State    state
	On       []controller.ObjectStatus
	Away     []awaySwitch // where it is on switches that other nodes master
	Origin   origin
	Switches []live.Switch // those that drop something, or do not tell
}

func (u *UI) channel(r *http.Request) (view, error) {
	cfg, name := u.opts.Source.Config(), r.PathValue("name")
	ch := cfg.FindChannel(name)
	kind := u.kindOf(inventory.Channel)
	object, _ := u.opts.Source.Object(kind.ref(name))
	if spec, ok := object.Spec.(config.Channel); ch == nil && ok {
		ch = &spec
	}
	if ch == nil {
		return view{}, u.missing(kind.Kind, name)
	}
	c := u.flows(r.Context(), cfg, []string{name})
	p := channelPage{Channel: ch, Live: c[0], Traffic: sum(c), State: u.channelStates(name)[name]}
	p.On = append(u.opts.Source.Objects(controller.KindChannel, name), u.opts.Source.Objects(controller.KindStream, name)...)
	p.Away = awayOf(&c[0])
	p.Switches = u.dropping(r.Context(), ch, &c[0])
	p.Origin = u.originOf(r, kind, &object, name)
	v := view{Title: "Channel " + name, Data: p, Past: momentsOf(c[0].History)}
	if len(v.Past) > 0 {
		v.Point = &v.Past[len(v.Past)-1]
	}
	return v, nil
}

// awaySwitch is a switch of a channel that another node masters.
type awaySwitch struct {
	Switch, Role string
	*master
}

func awayOf(c *flow) []awaySwitch {
	var away []awaySwitch
	if c.Master != nil {
		away = append(away, awaySwitch{c.ITR, "ITR", c.Master})
	}
	for i := range c.Links {
		if l := &c.Links[i]; l.Master != nil && !slices.ContainsFunc(away, func(a awaySwitch) bool { return a.Switch == l.Switch }) {
			away = append(away, awaySwitch{l.Switch, "ETR", l.Master})
		}
	}
	return away
}

// dropping are the switches of a channel that have dropped something, or cannot be
// read.
func (u *UI) dropping(ctx context.Context, ch *config.Channel, c *flow) []live.Switch {
	var names []string
	if c.Master == nil {
		names = append(names, ch.Ingress.Switch)
	}
	for i := range c.Links {
		if sw := c.Links[i].Switch; sw != "" && c.Links[i].Master == nil && !slices.Contains(names, sw) && len(names) < maxFollowed {
			names = append(names, sw)
		}
	}
	return slices.DeleteFunc(u.opts.Sampler.Switches(ctx, names...), func(sw live.Switch) bool { return len(sw.Drops) == 0 && sw.Err == nil })
}
