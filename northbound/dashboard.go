package northbound

import (
	"context"
	"slices"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/live"
	"github.com/corecast/corecast/northbound/ui"
)

// dashboard tells the pages what REST tells programs.
type dashboard struct {
	*Server
	audiences *audiences
}

func newDashboard(s *Server) *ui.UI {
	return ui.New(ui.Options{
		Source: dashboard{s, &audiences{server: s}}, Sampler: live.New(s.opts.Controller), Version: s.opts.Version, Logger: s.log,
	})
}

// Config implements ui.Source.
func (d dashboard) Config() *config.Config { return d.opts.Inventory.Config() }

// Status implements ui.Source.
func (d dashboard) Status() api.Status { return d.status() }

// Switches implements ui.Source.
func (d dashboard) Switches() []controller.SwitchStatus {
	return slices.Clone(d.opts.Controller.Status().Switches)
}

// Tables implements ui.Source.
func (d dashboard) Tables(name string) []controller.TableUse { return d.opts.Controller.Tables(name) }

// Objects implements ui.Source.
func (d dashboard) Objects(kind controller.Kind, name string) []controller.ObjectStatus {
	return d.opts.Controller.Objects(kind, name)
}

// Sites implements ui.Source.
func (d dashboard) Sites() []api.SiteSummary { return d.sites() }

// Site implements ui.Source.
func (d dashboard) Site(name string) (api.Site, bool) {
	o, ok := d.opts.Inventory.Get(inventory.Ref{Kind: inventory.Site, Name: name})
	if !ok {
		return api.Site{}, false
	}
	return d.siteOf(o), true
}

// Mappings implements ui.Source.
func (d dashboard) Mappings(q ui.MappingQuery) (api.Mappings, error) {
	filter, err := d.mappingFilter(&mappingsInput{EID: q.EID, Site: q.Site, All: q.All, Cursor: q.Cursor, Limit: q.Limit})
	if err != nil {
		return api.Mappings{}, err
	}
	return d.mappings(filter), nil
}

// Events implements ui.Source.
func (d dashboard) Events(n int) (events []eventlog.Entry, more bool) {
	events = d.opts.Events.Tail(n + 1)
	return events[max(0, len(events)-n):], len(events) > n
}

// Nodes implements ui.Source.
func (d dashboard) Nodes() []api.Node { return d.nodes() }

// Audiences implements ui.Source.
func (d dashboard) Audiences() map[string]*ui.Audience { return d.audiences.of(time.Now()) }

// Durable implements ui.Source.
func (d dashboard) Durable() bool { return d.opts.Store != nil }

// Object implements ui.Source.
func (d dashboard) Object(ref inventory.Ref) (inventory.Object, bool) {
	return d.opts.Inventory.Get(ref)
}

// Do implements ui.Source.
func (d dashboard) Do(ctx context.Context, c inventory.Change) (inventory.Result, error) {
	return d.opts.Inventory.Do(ctx, c)
}

// Preview implements ui.Source.
func (d dashboard) Preview(ctx context.Context, c inventory.Change) (inventory.Result, error) {
	return d.opts.Inventory.Preview(ctx, c)
}

// Difference implements ui.Source.
func (d dashboard) Difference(cfg *config.Config) ([]controller.Preview, error) {
	return d.opts.Controller.Preview(cfg)
}
