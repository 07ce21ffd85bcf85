package ui

import (
	"cmp"
	"context"
	"net/netip"
	"net/url"
	"slices"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/live"
)

// flow is a channel as pages show it: what its switches count, beside what its
// source reports, and who counts what this node cannot.
type flow struct {
	live.Channel
	Links []link
	// Audience is what sources report; nil if none does now.
	Audience *Audience
	// Elsewhere are viewers that are reported in sites to which no link leads.
	Elsewhere []siteViewers
	// Master is the node that masters the ITR, and so counts; nil: this one does.
	Master *master
}

// link is a live.Link. Its Viewers are those that are reported of its site, if any
// are; the first link to a site has them all.
type link struct {
	live.Link
	Reported bool
	Unicast  int     // of these, that are served by plain unicast
	Counted  int     // viewers by the packets that the ETR makes
	Again    bool    // the viewers are at another link to the site
	Master   *master // of the ETR, if it is not this node
}

// Differs reports whether the source speaks of others than the ETR serves.
func (l link) Differs() bool {
	return l.Reported && l.Switch != "" && l.Err == nil && l.Master == nil && !l.Multicast && l.Counted != l.Viewers-l.Unicast
}

// siteViewers are the viewers in a site.
type siteViewers struct {
	Site string // empty: in none of ours
	Viewers
}

// master is another controller, which masters a switch.
type master struct {
	Node string
	URL  string // of its pages; empty if it has none that are known
}

// At is the same page there.
func (m *master) At(path string) string {
	if m.URL == "" {
		return ""
	}
	return m.URL + path
}

// Viewers is how many viewers the channel has, as far as that is known.
func (f flow) Viewers() int {
	if f.Audience != nil {
		return f.Audience.Total()
	}
	n := 0
	for i := range f.Links {
		n += f.Links[i].Viewers
	}
	return n
}

// Page is that of the channel, as its master has it.
func (f flow) Page() string { return f.Master.At("/channels/" + url.PathEscape(f.Name)) }

// flows reads channels.
func (u *UI) flows(ctx context.Context, cfg *config.Config, names []string) []flow {
	read, audiences, masters := u.opts.Sampler.Channels(ctx, names...), u.opts.Source.Audiences(), u.masters()
	out := make([]flow, len(read))
	for i := range read {
		out[i] = newFlow(cfg, masters, audiences[read[i].Name], read[i])
	}
	return out
}

// masters are the other nodes that master switches, by switch.
func (u *UI) masters() map[string]*master {
	nodes := u.opts.Source.Nodes()
	if len(nodes) == 0 {
		return nil
	}
	byName, self := map[string]*master{}, ""
	for i := range nodes {
		if nodes[i].Self {
			self = nodes[i].Name
		}
		byName[nodes[i].Name] = &master{nodes[i].Name, nodes[i].URL}
	}
	out := map[string]*master{}
	switches := u.opts.Source.Switches()
	for i := range switches {
		if m := masterOf(&switches[i], self, byName); m != nil {
			out[switches[i].Name] = m
		}
	}
	return out
}

// masterOf is the node that masters a switch, unless that is this one, or none.
func masterOf(sw *controller.SwitchStatus, self string, nodes map[string]*master) *master {
	if sw.Master == "" || sw.Master == self {
		return nil
	}
	if m := nodes[sw.Master]; m != nil {
		return m
	}
	return &master{Node: sw.Master} // it has just gone
}

func newFlow(cfg *config.Config, masters map[string]*master, a *Audience, c live.Channel) flow {
	f := flow{Channel: c, Audience: a}
	if ch := cfg.FindChannel(c.Name); ch != nil {
		f.ITR = cmp.Or(c.ITR, ch.Ingress.Switch)
	}
	f.Master = masters[f.ITR]
	told := map[string]bool{} // sites whose viewers are at a link
	for i := range c.Links {
		l := link{Link: c.Links[i], Counted: c.Links[i].Viewers}
		if l.Switch == "" {
			l.Site = siteOfRLOC(cfg, l.RLOC)
			if sw, site := ownerOf(cfg, l.RLOC); masters[sw] != nil {
				l.Switch, l.Site, l.Master = sw, site, masters[sw]
			}
		}
		if a != nil && l.Site != "" {
			l.Reported, l.Again, l.Viewers = true, told[l.Site], 0
			if !l.Again {
				l.Viewers, l.Unicast = a.Sites[l.Site].Total(), a.Sites[l.Site].Unicast
			}
			told[l.Site] = true
		}
		f.Links = append(f.Links, l)
	}
	if a != nil {
		for site, n := range a.Sites {
			if !told[site] && n.Total() > 0 {
				f.Elsewhere = append(f.Elsewhere, siteViewers{site, n})
			}
		}
		slices.SortFunc(f.Elsewhere, func(x, y siteViewers) int { return cmp.Compare(x.Site, y.Site) })
	}
	return f
}

// ownerOf is the switch of the configuration that has an RLOC, and its site; empty
// if none has.
func ownerOf(cfg *config.Config, rloc netip.Addr) (sw, site string) {
	for i := range cfg.Switches {
		s := &cfg.Switches[i]
		for j := range s.Ports {
			p := &s.Ports[j]
			if p.Role == config.Transit && slices.ContainsFunc(p.Prefixes(), func(p netip.Prefix) bool { return p.Addr() == rloc }) {
				return s.Name, s.Site
			}
		}
	}
	return "", ""
}

// siteOfRLOC is the site that has an RLOC, by the configuration.
func siteOfRLOC(cfg *config.Config, rloc netip.Addr) string {
	for i := range cfg.Sites {
		for _, r := range cfg.Sites[i].RLOCs {
			if r.Address == rloc {
				return cfg.Sites[i].Name
			}
		}
	}
	return ""
}
