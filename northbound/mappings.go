package northbound

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/northbound/api"
	"github.com/danielgtaylor/huma/v2"
)

const maxInstanceID = 1<<24 - 1

// mappingsInput selects mappings.
type mappingsInput struct {
	EID        string           `query:"eid" doc:"an EID or EID-prefix: the mappings that cover it or are within it" example:"10.1.0.7"`
	Site       string           `query:"site" doc:"the mappings of this site"`
	InstanceID optional[uint32] `query:"instance_id" doc:"the mappings of this instance-id, 0 to 16777215"`
	All        bool             `query:"all" doc:"also EID-prefixes of sites that nobody has registered"`
	Cursor     string           `query:"cursor" doc:"next_cursor of the page before"`
	Limit      int              `query:"limit" doc:"how many to give at most" minimum:"1" maximum:"1000" default:"100"`
}

type mappingsOutput struct{ Body api.Mappings }

func (s *Server) registerMappings() {
	op := operation("list-mappings", "/api/v1/mappings", "Mappings of the Map-Server", 404, 422)
	huma.Register(s.api, op, func(_ context.Context, in *mappingsInput) (*mappingsOutput, error) {
		filter, err := s.mappingFilter(in)
		if err != nil {
			return nil, err
		}
		return &mappingsOutput{s.mappings(filter)}, nil
	})
}

func (s *Server) mappingFilter(in *mappingsInput) (f mapserver.MappingFilter, err error) {
	f = mapserver.MappingFilter{Site: in.Site, All: in.All, Limit: in.Limit}
	if in.EID != "" {
		if f.Within, err = parseEID(in.EID); err != nil {
			return f, err
		}
	}
	if _, ok := s.opts.Inventory.Get(inventory.Ref{Kind: inventory.Site, Name: in.Site}); in.Site != "" && !ok {
		return f, s.missing(inventory.Site, in.Site)
	}
	if in.InstanceID.given {
		if in.InstanceID.Value > maxInstanceID {
			return f, wrong("query.instance_id", fmt.Sprint(in.InstanceID.Value), "does not fit 24 bits", fmt.Sprintf("use 0 to %d", maxInstanceID))
		}
		f.InstanceID = &in.InstanceID.Value
	}
	if in.Cursor != "" {
		after, err := decodeCursor(in.Cursor)
		if err != nil {
			return f, err
		}
		f.After = &after
	}
	return f, nil
}

// mappings returns a page.
func (s *Server) mappings(f mapserver.MappingFilter) api.Mappings {
	limit := f.Limit
	f.Limit++ // to know whether there are more
	found := s.opts.MapServer.Mappings(f)
	page := api.Mappings{Items: make([]api.Mapping, 0, len(found))}
	for i := range found[:min(limit, len(found))] {
		page.Items = append(page.Items, mapping(&found[i]))
	}
	if len(found) > limit {
		page.NextCursor = encodeCursor(found[limit-1].EID)
	}
	return page
}

func mapping(m *mapserver.Mapping) api.Mapping {
	out := api.Mapping{
		EIDPrefix: m.EID.Prefix, InstanceID: m.EID.InstanceID, Site: m.Site, Origin: string(m.Origin),
		Locators: locators(m.Locators), TTL: int(m.TTL / time.Second), ProxyReply: m.Proxy, CoreCast: m.CoreCast,
		Registrations: make([]api.Registration, 0, len(m.Registrations)),
	}
	if len(m.Locators) == 0 {
		out.Action = m.Action.String()
	}
	for i := range m.Registrations {
		out.Registrations = append(out.Registrations, registration(&m.Registrations[i]))
	}
	return out
}

func registration(r *mapserver.Registration) api.Registration {
	out := api.Registration{
		From: r.From, KeyID: r.KeyID, Since: r.Since, Refreshed: r.Refreshed, Expires: r.Expires,
		Merge: r.Merge, ProxyReply: r.ProxyReply, Locators: locators(r.Locators),
	}
	out.XTRID, out.SiteID = xtrNames(r.XTR)
	return out
}

// xtrNames are xTR-ID and Site-ID in hex; empty if an xTR sent none.
func xtrNames(x lisp.XTR) (xtrID, siteID string) {
	if x == (lisp.XTR{}) {
		return "", ""
	}
	return hex.EncodeToString(x.ID[:]), hex.EncodeToString(x.Site[:])
}

func locators(ls []lisp.Locator) []api.Locator {
	out := make([]api.Locator, 0, len(ls))
	for i := range ls {
		l := &ls[i]
		out = append(out, api.Locator{
			Address: l.Address.String(), Priority: l.Priority, Weight: l.Weight, MPriority: l.MPriority, MWeight: l.MWeight,
			Local: l.Local, Reachable: l.Reachable,
		})
	}
	return out
}

// known names who sent something.
func known(a netip.AddrPort) string {
	if !a.IsValid() {
		return "an unknown source"
	}
	return a.String()
}
