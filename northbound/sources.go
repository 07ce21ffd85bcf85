package northbound

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gaissmai/bart"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/auth"
)

const (
	// maxSources is how many sources may report, maxViewers how many viewers all
	// of them together.
	maxSources = 256
	maxViewers = 200_000
	// lifetime is how many intervals a report lasts.
	lifetime = 3
)

// sources are what sources have reported. They are forgotten when they no longer
// do.
type sources struct {
	mu      sync.Mutex // guards what follows
	by      map[string]*report
	viewers int // of all reports
}

// report is the last one of a source. It is never changed, but replaced.
type report struct {
	api.SourceReport
	at, expires time.Time
	viewers     int
}

func newSources() *sources { return &sources{by: map[string]*report{}} }

// put takes a report.
func (s *sources) put(name string, in api.SourceReport, now time.Time) error {
	r := &report{SourceReport: in, at: now, expires: now.Add(lifetime * time.Duration(in.Interval) * time.Second)}
	for _, ch := range in.Channels {
		r.viewers += len(ch.Viewers)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked(now)
	before := 0
	if old := s.by[name]; old != nil {
		before = old.viewers
	} else if len(s.by) >= maxSources {
		return full(fmt.Sprintf("%d sources report already, which is all that there is room for: one that no longer does is forgotten after %d intervals", maxSources, lifetime))
	}
	if s.viewers-before+r.viewers > maxViewers {
		return full(fmt.Sprintf("there is room for %d viewers of all sources: report fewer, and the others in more", maxViewers))
	}
	s.viewers += r.viewers - before
	s.by[name] = r
	return nil
}

// all returns the reports that last, by source.
func (s *sources) all(now time.Time) map[string]*report {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked(now)
	return maps.Clone(s.by)
}

func (s *sources) expireLocked(now time.Time) {
	for name, r := range s.by {
		if !now.Before(r.expires) {
			s.viewers -= r.viewers
			delete(s.by, name)
		}
	}
}

type reportInput struct {
	Name string `path:"name" pattern:"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$" doc:"of the source" example:"studio-1"`
	Body api.SourceReport
}

type sourcesOutput struct{ Body api.Sources }

type viewersInput struct {
	Channel string `query:"channel" doc:"the viewers of this channel"`
	Site    string `query:"site" doc:"the viewers in this site"`
	Source  string `query:"source" doc:"the viewers that this source reported"`
	PageInput
}

type viewersOutput struct{ Body api.Viewers }

func (s *Server) registerSources() {
	huma.Register(s.api, auth.Needs(auth.Operator, huma.Operation{
		OperationID: "report-source", Method: http.MethodPut, Path: "/api/v1/sources/{name}/report", MaxBodyBytes: maxBodyBytes,
		Summary: "What a source says of its channels and viewers", Errors: []int{408, 413, 415, 422}, DefaultStatus: http.StatusNoContent,
	}), func(_ context.Context, in *reportInput) (*struct{}, error) {
		return nil, s.sources.put(in.Name, in.Body, time.Now())
	})
	huma.Register(s.api, operation("list-sources", "/api/v1/sources", "Sources that report to this controller"),
		func(context.Context, *struct{}) (*sourcesOutput, error) {
			return &sourcesOutput{s.listSources(time.Now())}, nil
		})
	huma.Register(s.api, operation("list-viewers", "/api/v1/viewers", "Viewers, as their sources report them", 422),
		func(_ context.Context, in *viewersInput) (*viewersOutput, error) {
			list, err := s.viewers(in, time.Now())
			return &viewersOutput{list}, err
		})
}

func (s *Server) listSources(now time.Time) api.Sources {
	list := api.Sources{Items: []api.Source{}}
	for name, r := range s.sources.all(now) {
		src := api.Source{Name: name, Reported: r.at, Expires: r.expires, Channels: []api.SourceTotals{}}
		for _, ch := range r.Channels {
			src.Channels = append(src.Channels, api.SourceTotals{
				Name: ch.Name, Payloads: ch.Payloads, Bytes: ch.Bytes, Headers: ch.Headers, Unicast: ch.Unicast, Viewers: len(ch.Viewers) + ch.More,
			})
		}
		list.Items = append(list.Items, src)
	}
	slices.SortFunc(list.Items, func(x, y api.Source) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

// viewers returns a page.
func (s *Server) viewers(in *viewersInput, now time.Time) (api.Viewers, error) {
	after, err := in.after()
	if err != nil {
		return api.Viewers{}, err
	}
	page := api.Viewers{Items: []api.Viewer{}}
	var found []api.Viewer
	sites := s.siteFinder()
	for name, r := range s.sources.all(now) {
		if in.Source != "" && in.Source != name {
			continue
		}
		for i := range r.Channels {
			ch := &r.Channels[i]
			if in.Channel != "" && in.Channel != ch.Name {
				continue
			}
			if in.Site == "" {
				page.Total += ch.More
			}
			for _, v := range ch.Viewers {
				site := sites(ch.Name, v.EID)
				if in.Site == "" || in.Site == site {
					found = append(found, api.Viewer{Channel: ch.Name, SourceViewer: v, Source: name, Site: site, Reported: r.at})
				}
			}
		}
	}
	page.Total += len(found)
	slices.SortFunc(found, byViewer)
	for i := range found {
		if viewerPlace(&found[i]) <= after {
			continue
		}
		if len(page.Items) == in.Limit {
			page.NextCursor = cursorAfter(viewerPlace(&page.Items[in.Limit-1]))
			break
		}
		page.Items = append(page.Items, found[i])
	}
	return page, nil
}

func byViewer(x, y api.Viewer) int { return cmp.Compare(viewerPlace(&x), viewerPlace(&y)) }

// viewerPlace is where a viewer is in the list, as text that is in its order.
func viewerPlace(v *api.Viewer) string {
	eid := v.EID.As16()
	return fmt.Sprintf("%s %x %05d %s", v.Channel, eid, v.Port, v.Source)
}

// siteFinder finds the site of a viewer: that of its EID, in the instance of the
// channel's site. It is for one goroutine.
func (s *Server) siteFinder() func(channel string, eid netip.Addr) string {
	cfg := s.opts.Config()
	instances := map[string]uint32{} // by channel
	tables := map[uint32]*bart.Table[string]{}
	return func(channel string, eid netip.Addr) string {
		instance, known := instances[channel]
		if !known {
			if o, ok := s.opts.Inventory.Get(inventory.Ref{Kind: inventory.Channel, Name: channel}); ok {
				if site := cfg.FindSite(o.Spec.(config.Channel).Site); site != nil {
					instance = site.InstanceID
				}
			}
			instances[channel] = instance
		}
		if tables[instance] == nil {
			tables[instance] = sitesOfInstance(cfg, instance)
		}
		site, _ := tables[instance].Lookup(eid)
		return site
	}
}

// sitesOfInstance are the sites of an instance by their EID-prefixes.
func sitesOfInstance(cfg *config.Config, instance uint32) *bart.Table[string] {
	table := new(bart.Table[string])
	for i := range cfg.Sites {
		if site := &cfg.Sites[i]; site.InstanceID == instance {
			for _, prefix := range site.EIDPrefixes {
				table.Insert(prefix, site.Name)
			}
		}
	}
	return table
}
