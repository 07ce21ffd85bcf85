package northbound

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/northbound/api"
	"github.com/danielgtaylor/huma/v2"
)

// siteMappings is how many registered mappings a site's page shows.
const siteMappings = 100

type (
	sitesOutput struct{ Body api.Sites }
	siteInput   struct {
		Name string `path:"name" example:"studio"`
	}
	siteOutput struct{ Body api.Site }
)

func (s *Server) registerSites() {
	huma.Register(s.api, operation("list-sites", "/api/v1/sites", "All sites"),
		func(context.Context, *struct{}) (*sitesOutput, error) { return &sitesOutput{s.sites()}, nil })
	huma.Register(s.api, operation("get-site", "/api/v1/sites/{name}", "A site: its registrations, and what was refused and why", 404),
		func(_ context.Context, in *siteInput) (*siteOutput, error) {
			site, ok := s.site(in.Name)
			if !ok {
				return nil, s.noSite(in.Name)
			}
			return &siteOutput{site}, nil
		})
}

func (s *Server) noSite(name string) error {
	var names []string
	for _, site := range s.opts.Config().Sites {
		names = append(names, site.Name)
	}
	return huma.Error404NotFound(fmt.Sprintf("no site %q: %s", name, config.DidYouMean(name, names)))
}

func (s *Server) sites() api.Sites {
	list := api.Sites{Items: []api.SiteSummary{}}
	for _, st := range s.opts.MapServer.Sites() {
		list.Items = append(list.Items, s.summary(&st))
	}
	slices.SortFunc(list.Items, func(a, b api.SiteSummary) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (s *Server) summary(st *mapserver.SiteStatus) api.SiteSummary {
	sum := api.SiteSummary{
		Name: st.Name, InstanceID: st.InstanceID, EIDPrefixes: []api.EIDPrefix{}, Mappings: st.Mappings,
		Registers: st.Registers, LastRegister: timeOrNil(st.LastRegister),
	}
	for i := range s.opts.Config().Sites {
		if site := &s.opts.Config().Sites[i]; site.Name == st.Name {
			sum.CoreCast, sum.Meta = site.CoreCast, s.fileMeta("sites", i)
		}
	}
	for _, p := range st.EIDPrefixes {
		sum.EIDPrefixes = append(sum.EIDPrefixes, api.EIDPrefix{Prefix: p.Prefix, Registered: p.Registered, MoreSpecifics: p.MoreSpecifics})
	}
	for _, n := range st.Rejected {
		sum.Rejects += n
	}
	if len(st.LastRejects) > 0 {
		last := reject(&st.LastRejects[0])
		sum.LastReject = &last
	}
	return sum
}

func (s *Server) site(name string) (api.Site, bool) {
	st, ok := s.opts.MapServer.Site(name)
	cfg := s.opts.Config().FindSite(name)
	if !ok || cfg == nil {
		return api.Site{}, false
	}
	site := api.Site{
		SiteSummary: s.summary(&st), Spec: cfg.WithoutSecrets(), RLOCs: configuredRLOCs(cfg), Policy: policy(cfg),
		Records: st.Records, Withdrawals: st.Withdrawals, Notifies: st.Notifies, Requests: st.Requests,
		Forwarded: st.Forwarded, Changes: st.Changes, Subscriptions: st.Subscriptions,
		Rejected: rejectCounts(st.Rejected), LastRejects: rejects(st.LastRejects), XTRs: []api.XTR{},
	}
	for _, x := range st.XTRs {
		out := api.XTR{From: x.From, KeyID: x.KeyID, Last: x.Last}
		out.XTRID, out.SiteID = xtrNames(x.XTR)
		site.XTRs = append(site.XTRs, out)
	}
	site.Registered, site.MoreRegistered = s.registeredOf(cfg)
	return site, true
}

// registeredOf returns the first registered mappings of a site; static ones,
// which the filter selects too, are left out.
func (s *Server) registeredOf(cfg *config.Site) (found []api.Mapping, more bool) {
	found = []api.Mapping{}
	static := len(cfg.EIDPrefixes)
	for _, m := range s.opts.MapServer.Mappings(mapserver.MappingFilter{Site: cfg.Name, Limit: siteMappings + static + 1}) {
		if m.Origin != mapserver.OriginRegistered {
			continue
		}
		if len(found) == siteMappings {
			return found, true
		}
		found = append(found, mapping(&m))
	}
	return found, false
}

func configuredRLOCs(cfg *config.Site) []api.Locator {
	out := make([]api.Locator, 0, len(cfg.RLOCs))
	for _, r := range cfg.RLOCs {
		out = append(out, api.Locator{Address: r.Address.String(), Priority: r.Priority, Weight: r.Weight, Reachable: true})
	}
	return out
}

// registrationTimeout is the Map-Server's unless the site has its own.
const registrationTimeout = 3 * time.Minute

func policy(cfg *config.Site) api.SitePolicy {
	p := api.SitePolicy{
		AcceptMoreSpecifics: cfg.AcceptMoreSpecifics, ProxyReply: cfg.ProxyReply, Replay: string(cfg.Replay),
		AllowedRLOCs:        append([]netip.Prefix{}, cfg.AllowedRLOCs...),
		RegistrationTimeout: int(cmp.Or(time.Duration(cfg.RegistrationTimeout), registrationTimeout) / time.Second),
		AuthKeys:            []api.AuthKey{},
	}
	for _, k := range cfg.AuthKeys {
		p.AuthKeys = append(p.AuthKeys, api.AuthKey{ID: k.ID, Algorithm: k.Algorithm})
	}
	return p
}

// rejectCounts are the causes that occurred, in the order of their names.
func rejectCounts(counts map[string]uint64) []api.RejectCount {
	out, meanings := []api.RejectCount{}, mapserver.Causes()
	for _, cause := range slices.Sorted(maps.Keys(counts)) {
		if counts[cause] > 0 {
			out = append(out, api.RejectCount{Cause: cause, Count: counts[cause], Meaning: meanings[cause]})
		}
	}
	return out
}

func rejects(rs []mapserver.Reject) []api.Reject {
	out := make([]api.Reject, 0, len(rs))
	for i := range rs {
		out = append(out, reject(&rs[i]))
	}
	return out
}

func reject(r *mapserver.Reject) api.Reject {
	return api.Reject{Time: r.Time, From: r.From, EIDPrefix: r.EID, Cause: r.Cause, Count: r.Count, Reason: r.Reason}
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
