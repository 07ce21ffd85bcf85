package ui

import (
	"net/http"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/api"
)

// maxSites is how many sites the list shows.
const maxSites = 500

// siteList is the list of sites.
type siteList struct {
	Sites []siteRow
	More  int
}

type siteRow struct {
	api.SiteSummary
	Static bool // it has RLOCs of its own, and nobody needs to register
}

func (u *UI) sites(*http.Request) (view, error) {
	all, cfg := u.opts.Source.Sites(), u.opts.Source.Config()
	l := siteList{More: max(0, len(all)-maxSites)}
	for _, s := range all[:min(len(all), maxSites)] {
		site := cfg.FindSite(s.Name)
		l.Sites = append(l.Sites, siteRow{s, site != nil && len(site.RLOCs) > 0})
	}
	return view{Title: "Sites", Data: l}, nil
}

func (u *UI) site(r *http.Request) (view, error) {
	name := r.PathValue("name")
	site, ok := u.opts.Source.Site(name)
	if !ok {
		var names []string
		for _, s := range u.opts.Source.Config().Sites {
			names = append(names, s.Name)
		}
		return view{}, &notFound{"site", name, config.DidYouMean(name, names)}
	}
	return view{Title: "Site " + name, Data: site}, nil
}

// mappingList is a page of mappings.
type mappingList struct {
	Query MappingQuery
	Sites []string // to choose from
	api.Mappings
	Err error // what is wrong with the query
}

// mappingsPerPage is how many mappings a page shows.
const mappingsPerPage = 100

func (u *UI) mappings(r *http.Request) (view, error) {
	l := mappingList{Query: MappingQuery{
		EID: r.FormValue("eid"), Site: r.FormValue("site"), All: r.FormValue("all") != "",
		Cursor: r.FormValue("cursor"), Limit: mappingsPerPage,
	}}
	for _, s := range u.opts.Source.Config().Sites {
		if len(l.Sites) < maxSites {
			l.Sites = append(l.Sites, s.Name)
		}
	}
	l.Mappings, l.Err = u.opts.Source.Mappings(l.Query)
	return view{Title: "Mappings", Data: l}, nil
}
