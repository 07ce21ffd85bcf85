package northbound

import (
	"errors"
	"slices"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/live"
	"github.com/corecast/corecast/northbound/ui"
	"github.com/danielgtaylor/huma/v2"
)

// dashboard tells the pages what REST tells programs.
type dashboard struct{ *Server }

func newDashboard(s *Server) *ui.UI {
	return ui.New(ui.Options{
		Source: dashboard{s}, Sampler: live.New(s.opts.Controller), Version: s.opts.Version, Logger: s.log,
	})
}

// Config implements ui.Source.
func (d dashboard) Config() *config.Config { return d.opts.Config() }

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
func (d dashboard) Sites() []api.SiteSummary { return d.sites().Items }

// Site implements ui.Source.
func (d dashboard) Site(name string) (api.Site, bool) { return d.site(name) }

// Mappings implements ui.Source.
func (d dashboard) Mappings(q ui.MappingQuery) (api.Mappings, error) {
	filter, err := d.mappingFilter(&mappingsInput{EID: q.EID, Site: q.Site, All: q.All, Cursor: q.Cursor, Limit: q.Limit})
	var problem *huma.ErrorModel
	if errors.As(err, &problem) {
		return api.Mappings{}, errors.New(problem.Detail)
	}
	if err != nil {
		return api.Mappings{}, err
	}
	return d.mappings(filter), nil
}
