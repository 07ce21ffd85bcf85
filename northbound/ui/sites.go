package ui

import (
	"net/http"

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
	Origin origin
}

func (u *UI) site(r *http.Request) (view, error) {
	name, kind := r.PathValue("name"), u.kindOf(inventory.Site)
	site, ok := u.opts.Source.Site(name)
	if !ok {
		return view{}, u.missing(kind.Kind, name)
	}
	object, _ := u.opts.Source.Object(kind.ref(name))
	return view{Title: "Site " + name, Data: sitePage{site, u.originOf(r, kind, &object, name)}}, nil
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
