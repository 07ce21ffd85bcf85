package northbound

import (
	"context"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/northbound/api"
	"github.com/danielgtaylor/huma/v2"
)

type switchesOutput struct{ Body api.Switches }

func (s *Server) registerSwitches() {
	huma.Register(s.api, operation("list-switches", "/api/v1/switches", "All switches, and whether each holds what is wanted"),
		func(context.Context, *struct{}) (*switchesOutput, error) {
			list := api.Switches{Items: []api.Switch{}}
			for _, sw := range s.opts.Controller.Status().Switches {
				list.Items = append(list.Items, s.switchOf(sw))
			}
			return &switchesOutput{list}, nil
		})
}

func (s *Server) switchOf(sw controller.SwitchStatus) api.Switch {
	out := api.Switch{
		Name: sw.Name, Address: sw.Address, Master: sw.Master, Phase: string(sw.Phase), Reason: sw.Reason, Since: sw.Since,
		Wanted: sw.Wanted, Installed: sw.Installed, Problems: append([]string{}, sw.Problems...),
		Updates: sw.Updates, Pipelines: sw.Pipelines, Retries: sw.Retries, Punts: sw.Punts, PuntsDropped: sw.PuntsDropped,
	}
	for i, spec := range s.opts.Config().Switches {
		if spec.Name == sw.Name {
			out.Meta, out.Spec = s.fileMeta("switches", i), spec
		}
	}
	if out.Punts == nil {
		out.Punts = map[string]uint64{}
	}
	return out
}
