package northbound

import (
	"context"
	"reflect"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/api"
	"github.com/danielgtaylor/huma/v2"
)

type switchesInput struct {
	PageInput
	Site string `query:"site" doc:"the switches of this site"`
}

type switchesOutput struct{ Body api.Switches }

func (s *Server) registerSwitches() {
	huma.Register(s.api, operation("list-switches", "/api/v1/switches", "Switches, and whether each holds what is wanted", 422),
		func(_ context.Context, in *switchesInput) (*switchesOutput, error) {
			objects, next, err := s.page(inventory.Switch, &in.PageInput, func(o *inventory.Object) bool {
				return in.Site == "" || o.Spec.(config.Switch).Site == in.Site
			})
			list := api.Switches{Items: make([]api.Switch, 0, len(objects)), NextCursor: next}
			states := s.switchStates()
			for i := range objects {
				list.Items = append(list.Items, switchOf(&objects[i], states))
			}
			return &switchesOutput{list}, err
		})
	tell := func(o inventory.Object) api.Switch { return switchOf(&o, s.switchStates()) }
	registerWritable(s, writable[api.Switch]{inventory.Switch, "switches", reflect.TypeFor[api.SwitchSpec](), tell, tell})
}

// switchStates are the states of all switches that the controller knows.
func (s *Server) switchStates() map[string]controller.SwitchStatus {
	states := map[string]controller.SwitchStatus{}
	for _, sw := range s.opts.Controller.Status().Switches {
		states[sw.Name] = sw
	}
	return states
}

// switchOf is what is told of a switch.
func switchOf(o *inventory.Object, states map[string]controller.SwitchStatus) api.Switch {
	spec := o.Spec.(config.Switch)
	sw, known := states[o.Name]
	switch {
	case o.Unused != "":
		sw = controller.SwitchStatus{Phase: controller.Failing, Reason: o.Unused}
	case !known:
		sw = controller.SwitchStatus{Phase: controller.Connecting, Reason: "the controller was not told of it yet"}
	}
	out := api.Switch{
		Name: o.Name, Meta: metaOf(o), Spec: spec,
		Address: spec.Address, Master: sw.Master, Phase: string(sw.Phase), Reason: sw.Reason, Since: sw.Since,
		Wanted: sw.Wanted, Installed: sw.Installed, Problems: append([]string{}, sw.Problems...),
		Updates: sw.Updates, Pipelines: sw.Pipelines, Retries: sw.Retries, Punts: sw.Punts, PuntsDropped: sw.PuntsDropped,
	}
	if out.Punts == nil {
		out.Punts = map[string]uint64{}
	}
	return out
}
