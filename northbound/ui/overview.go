package ui

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/live"
)

// maxFollowed is how many channels a page reads the counters of.
const maxFollowed = 24

// overview is what the first page shows.
type overview struct {
	Status   api.Status
	Traffic  traffic
	Topology *topology // nil if there is nothing to draw
	Channels []flow
	More     int         // channels that are not among them
	Steps    []beginning // of a network that is not yet one; none: it is
}

// beginning is a step on the way to the first channel.
type beginning struct {
	maker
	What string
	Done bool
}

// beginnings are the steps to the first channel; nil if there is one.
func (u *UI) beginnings(r *http.Request, cfg *config.Config) []beginning {
	if len(cfg.Channels) > 0 {
		return nil
	}
	step := func(kind inventory.Kind, done bool, what string) beginning {
		return beginning{u.makerOf(r, u.kindOf(kind)), what, done}
	}
	return []beginning{
		step(inventory.Site, len(cfg.Sites) > 0, "Make a site, for the source and for each domain of viewers: its EID-prefixes and RLOCs"),
		step(inventory.Switch, len(cfg.Switches) > 0, "Make the switch at the border of each site: where its P4Runtime server is, and its ports"),
		step(inventory.Channel, false, "Make a channel: the source’s EID, and the port by which it comes"),
	}
}

// traffic adds channels up.
type traffic struct {
	Known                      bool // rates are known
	Channels, Active, Viewers  int
	Payloads, Headers, Copies  float64 // a second
	Transit, Unicast, Media    float64 // bytes a second
	TransitTotal, UnicastTotal float64 // bytes
	Lost                       float64
	Unread                     int // channels whose counters could not be read
	Others                     int // channels that other nodes count
	Followed                   int // all that were looked at
}

// Here reports whether any channel is counted by this node.
func (t traffic) Here() bool { return t.Others == 0 || t.Followed > t.Others }

// Factor is how many times as much unicast would cost.
func (t traffic) Factor() float64 {
	if t.Transit == 0 {
		return 0
	}
	return t.Unicast / t.Transit
}

func sum(channels []flow) traffic {
	t := traffic{Channels: len(channels), Followed: len(channels)}
	for i := range channels {
		c := &channels[i]
		t.Viewers += c.Viewers()
		switch {
		case c.Master != nil:
			t.Others++
			continue
		case c.Err != nil:
			t.Unread++
			continue
		}
		t.Known = t.Known || c.Steady
		if c.Payloads.PerSecond > 0 {
			t.Active++
		}
		t.Payloads, t.Headers, t.Copies = t.Payloads+c.Payloads.PerSecond, t.Headers+c.Headers.PerSecond, t.Copies+c.Copies.PerSecond
		t.Transit, t.Unicast, t.Media = t.Transit+c.Transit.PerSecond, t.Unicast+c.Unicast.PerSecond, t.Media+c.Media.PerSecond
		t.TransitTotal, t.UnicastTotal = t.TransitTotal+c.Transit.Total, t.UnicastTotal+c.Unicast.Total
		for j := range c.Links {
			t.Lost += c.Links[j].Lost.Total
		}
	}
	return t
}

func (u *UI) overview(r *http.Request) (view, error) {
	cfg := u.opts.Source.Config()
	names := channelNames(cfg)
	followed := u.flows(r.Context(), cfg, names[:min(len(names), maxFollowed)])
	o := overview{
		Status: u.opts.Source.Status(), Channels: followed, More: len(names) - len(followed), Traffic: sum(followed),
		Steps: u.beginnings(r, cfg),
	}
	o.Traffic.Channels = len(names)
	o.Topology = newTopology(cfg, u.opts.Source.Switches(), followed)
	v := view{Title: "Overview", Data: o}
	v.Past = history(followed)
	if len(v.Past) > 0 {
		v.Point = &v.Past[len(v.Past)-1]
	}
	return v, nil
}

// channelNames are those of all channels, sorted.
func channelNames(cfg *config.Config) []string {
	names := make([]string, 0, len(cfg.Channels))
	for i := range cfg.Channels {
		names = append(names, cfg.Channels[i].Name)
	}
	slices.Sort(names)
	return names
}

// history adds the histories of channels up, by seconds: all are read once in
// each. The last second, which some may lack, is left out.
func history(channels []flow) []moment {
	if len(channels) == 1 {
		return momentsOf(channels[0].History)
	}
	bySecond := map[int64]moment{}
	for i := range channels {
		for _, p := range momentsOf(channels[i].History) {
			second := p.At / 1000
			m := bySecond[second]
			bySecond[second] = moment{second * 1000, m.Payloads + p.Payloads, m.Headers + p.Headers, m.Transit + p.Transit, m.Unicast + p.Unicast}
		}
	}
	all := make([]moment, 0, len(bySecond))
	for _, m := range bySecond {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b moment) int { return cmp.Compare(a.At, b.At) })
	return all[:max(0, len(all)-1)]
}

func momentsOf(points []live.Point) []moment {
	all := make([]moment, 0, len(points))
	for i := range points {
		all = append(all, momentOf(&points[i]))
	}
	return all
}
