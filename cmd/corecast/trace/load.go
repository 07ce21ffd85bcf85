package trace

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/encoding/prototext"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/northbound/client"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
)

// Wanted is what switches would hold for a complete configuration.
func Wanted(cfg *config.Config) ([]Switch, error) {
	schema, _, err := controller.Program()
	if err != nil {
		return nil, err
	}
	all, _, err := controller.Desired(controller.State{Schema: schema, Config: cfg, Mappings: controller.StaticMappings(cfg)})
	if err != nil {
		return nil, err
	}
	var switches []Switch
	for _, sw := range cfg.Switches {
		switches = append(switches, Switch{Spec: sw, Writes: all[sw.Name].Writes()})
	}
	return switches, nil
}

// Ask asks a controller what its switches are to hold, or if held what they
// hold.
func Ask(ctx context.Context, c *client.Client, held bool) ([]Switch, error) {
	schema, _, err := controller.Program()
	if err != nil {
		return nil, err
	}
	list, err := c.Switches(ctx)
	if err != nil {
		return nil, err
	}
	var switches []Switch
	for _, sw := range list.Items {
		export, err := c.Export(ctx, sw.Name, held)
		if err != nil {
			return nil, err
		}
		writes, err := parse(schema, export.WriteRequests)
		if err != nil {
			return nil, fmt.Errorf("switch %s: %w", sw.Name, err)
		}
		switches = append(switches, Switch{Spec: sw.Spec, Writes: writes})
	}
	return switches, nil
}

func parse(schema *p4rt.Schema, requests []string) (controller.Writes, error) {
	var writes controller.Writes
	for _, text := range requests {
		var w p4v1.WriteRequest
		if err := prototext.Unmarshal([]byte(text), &w); err != nil {
			return nil, err
		}
		set, err := schema.ParseWriteRequest(&w)
		if err != nil {
			return nil, err
		}
		writes = append(writes, set)
	}
	return writes, nil
}
