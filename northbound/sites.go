package northbound

import (
	"cmp"
	"context"
	"maps"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/northbound/api"
	"github.com/danielgtaylor/huma/v2"
)

// siteMappings is how many registered mappings a site's page shows.
const siteMappings = 100

type sitesOutput struct{ Body api.Sites }

func (s *Server) registerSites() {
	huma.Register(s.api, operation("list-sites", "/api/v1/sites", "Sites, and whether their xTRs have registered", 422),
		func(_ context.Context, in *PageInput) (*sitesOutput, error) {
			objects, next, err := s.page(inventory.Site, in, nil)
			return &sitesOutput{api.Sites{Items: s.summaries(objects), NextCursor: next}}, err
		})
	registerWritable(s, writable[api.Site]{inventory.Site, "sites", reflect.TypeFor[api.SiteSpec](), s.siteOf, s.siteOf})
}

// sites are all of them.
func (s *Server) sites() []api.SiteSummary {
	objects, _ := s.opts.Inventory.List(inventory.Site, "", math.MaxInt, nil)
	return s.summaries(objects)
}

func (s *Server) summaries(objects []inventory.Object) []api.SiteSummary {
	states := map[string]*mapserver.SiteStatus{}
	all := s.opts.MapServer.Sites()
	for i := range all {
		states[all[i].Name] = &all[i]
	}
	list := make([]api.SiteSummary, 0, len(objects))
	for i := range objects {
		o := &objects[i]
		st := states[o.Name]
		if st == nil {
			st = unknownSite(o)
		}
		list = append(list, summary(o, st))
	}
	return list
}

// unknownSite is the state of a site that the Map-Server does not have.
func unknownSite(o *inventory.Object) *mapserver.SiteStatus {
	spec := o.Spec.(config.Site)
	st := &mapserver.SiteStatus{Name: o.Name, InstanceID: spec.InstanceID}
	for _, p := range spec.EIDPrefixes {
		st.EIDPrefixes = append(st.EIDPrefixes, mapserver.PrefixStatus{Prefix: p})
	}
	return st
}

func summary(o *inventory.Object, st *mapserver.SiteStatus) api.SiteSummary {
	sum := api.SiteSummary{
		Name: o.Name, Meta: metaOf(o), InstanceID: st.InstanceID, EIDPrefixes: []api.EIDPrefix{}, Mappings: st.Mappings,
		CoreCast: o.Spec.(config.Site).CoreCast, Registers: st.Registers, LastRegister: timeOrNil(st.LastRegister),
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

// siteOf is what is told of a site.
func (s *Server) siteOf(o inventory.Object) api.Site {
	cfg := o.Spec.(config.Site)
	st, ok := s.opts.MapServer.Site(o.Name)
	if !ok {
		st = *unknownSite(&o)
	}
	site := api.Site{
		SiteSummary: summary(&o, &st), Spec: cfg, RLOCs: configuredRLOCs(&cfg), Policy: policy(&cfg),
		Records: st.Records, Withdrawals: st.Withdrawals, Notifies: st.Notifies, Requests: st.Requests,
		Forwarded: st.Forwarded, Changes: st.Changes, Subscriptions: st.Subscriptions,
		Rejected: rejectCounts(st.Rejected), LastRejects: rejects(st.LastRejects), XTRs: []api.XTR{},
	}
	for _, x := range st.XTRs {
		out := api.XTR{From: x.From, KeyID: x.KeyID, Last: x.Last}
		out.XTRID, out.SiteID = xtrNames(x.XTR)
		site.XTRs = append(site.XTRs, out)
	}
	site.Registered, site.MoreRegistered = s.registeredOf(&cfg)
	return site
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
