package controller

import (
	"fmt"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// Program returns the schema and the pipeline of the CoreCast program for
// v1model targets.
func Program() (*p4rt.Schema, *p4rt.Pipeline, error) {
	info := build.P4Info()
	schema, err := p4rt.NewSchema(info)
	if err != nil {
		return nil, nil, fmt.Errorf("the CoreCast program: %w", err)
	}
	pipeline, err := p4rt.NewPipeline(info, build.DeviceConfig())
	if err != nil {
		return nil, nil, fmt.Errorf("the CoreCast program: %w", err)
	}
	return schema, pipeline, nil
}
