package northbound

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/p4/build"
)

// exportTime is how long a switch may take to tell what it holds.
const exportTime = 20 * time.Second

type exportInput struct {
	Name string `path:"name" doc:"name of the switch" example:"itr1"`
	Held bool   `query:"held" doc:"what the switch holds in fact, read from it, instead of what it is to hold"`
}

type exportOutput struct{ Body api.Export }

func (s *Server) registerExport() {
	huma.Register(s.api, operation("export-switch", "/api/v1/switches/{name}/export", "All that a switch is to hold, as P4Runtime writes",
		http.StatusNotFound, http.StatusConflict), s.export)
}

func (s *Server) export(ctx context.Context, in *exportInput) (*exportOutput, error) {
	sw := s.opts.Config().FindSwitch(in.Name)
	if sw == nil {
		return nil, huma.Error404NotFound(fmt.Sprintf("there is no switch %q: `corecast switch list` lists them", in.Name))
	}
	writes, err := s.writesOf(ctx, in)
	if err != nil {
		return nil, fail(http.StatusConflict, fmt.Sprintf("switch %s cannot be asked: %v; see corecast switch show %[1]s", sw.Name, err))
	}
	schema, _, err := controller.Program()
	if err != nil {
		return nil, err
	}
	out := api.Export{Switch: sw.Name, DeviceID: sw.DeviceID, Held: in.Held, P4Info: prototext.Format(build.P4Info()), WriteRequests: []string{}}
	for _, set := range writes {
		w, err := schema.WriteRequest(set)
		if err != nil {
			return nil, err
		}
		out.WriteRequests = append(out.WriteRequests, prototext.Format(w))
		out.Updates += len(set)
	}
	return &exportOutput{out}, nil
}

func (s *Server) writesOf(ctx context.Context, in *exportInput) (controller.Writes, error) {
	if in.Held {
		ctx, cancel := context.WithTimeout(ctx, exportTime)
		defer cancel()
		return s.opts.Controller.ExportHeld(ctx, in.Name)
	}
	return s.opts.Controller.Export(in.Name)
}
