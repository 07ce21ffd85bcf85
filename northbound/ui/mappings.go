package ui

import (
	"net/http"
	"slices"

	"github.com/corecast/corecast/northbound/api"
)

// mappingList is a page of mappings.
type mappingList struct {
	Query MappingQuery
	Sites []string // to choose from
	api.Mappings
	Err     error // what is wrong with the query
	Refused []refused
}

// refused is a Map-Register, or a record of one, that was not accepted.
type refused struct {
	api.Reject
	Site string // empty: of no site
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
	l.Refused = u.refused()
	return view{Title: "Mappings", Data: l}, nil
}

// maxRefused is how many refusals the page shows.
const maxRefused = 20

// refused are the last refusal of each site and those of no site, newest first.
func (u *UI) refused() []refused {
	var list []refused
	for _, r := range u.opts.Source.Status().MapServer.LastRejects {
		list = append(list, refused{r, ""})
	}
	for _, s := range u.opts.Source.Sites() {
		if s.LastReject != nil {
			list = append(list, refused{*s.LastReject, s.Name})
		}
	}
	slices.SortStableFunc(list, func(a, b refused) int { return b.Time.Compare(a.Time) })
	return list[:min(len(list), maxRefused)]
}
