package ui

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/api"
)

// maxSites is how many sites the list shows.
const maxSites = 500

// siteList is the list of sites.
type siteList struct {
	Sites []siteRow
	More  int
	Maker maker
}

type siteRow struct {
	api.SiteSummary
	Static bool // it has RLOCs of its own, and nobody needs to register
}

func (u *UI) sites(r *http.Request) (view, error) {
	all, cfg := u.opts.Source.Sites(), u.opts.Source.Config()
	l := siteList{More: max(0, len(all)-maxSites), Maker: u.makerOf(r, u.kindOf(inventory.Site))}
	for _, s := range all[:min(len(all), maxSites)] {
		site := cfg.FindSite(s.Name)
		l.Sites = append(l.Sites, siteRow{s, site != nil && len(site.RLOCs) > 0})
	}
	return view{Title: "Sites", Data: l}, nil
}

// sitePage is what the page of a site shows.
type sitePage struct {
	api.Site
	Origin  origin
	Viewers []channelViewers // of channels that have any in the site
	Total   int              // of these
	More    int              // channels that were not looked at
}

// channelViewers are the viewers of a channel in a site.
type channelViewers struct {
	Channel string
	Viewers
	Reported bool // by its sources; else counted from the packets of ETRs
}

func (u *UI) site(r *http.Request) (view, error) {
	name, kind := r.PathValue("name"), u.kindOf(inventory.Site)
	site, ok := u.opts.Source.Site(name)
	if !ok {
		return view{}, u.missing(kind.Kind, name)
	}
	object, _ := u.opts.Source.Object(kind.ref(name))
	p := sitePage{Site: site, Origin: u.originOf(r, kind, &object, name)}
	p.Viewers, p.More = u.viewersIn(r.Context(), name)
	for i := range p.Viewers {
		p.Total += p.Viewers[i].Total()
	}
	return view{Title: "Site " + name, Data: p}, nil
}

// viewersIn are the viewers in a site: as sources report them, and of channels that
// none reports as ETRs of ours count them.
func (u *UI) viewersIn(ctx context.Context, site string) (list []channelViewers, more int) {
	cfg, audiences := u.opts.Source.Config(), u.opts.Source.Audiences()
	var silent []string
	for _, name := range channelNames(cfg) {
		if audiences[name] == nil {
			silent = append(silent, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(audiences)) {
		if v := audiences[name].Sites[site]; v.Total() > 0 {
			list = append(list, channelViewers{name, v, true})
		}
	}
	looked := silent[:min(len(silent), maxFollowed)]
	for _, f := range u.flows(ctx, cfg, looked) {
		n := 0
		for i := range f.Links {
			if f.Links[i].Site == site {
				n += f.Links[i].Viewers
			}
		}
		if n > 0 {
			list = append(list, channelViewers{f.Name, Viewers{CoreCast: n}, false})
		}
	}
	return list, len(silent) - len(looked)
}
