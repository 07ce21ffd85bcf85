package engine

import (
	"errors"
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// ErrUnsupported is wrapped by what Compile answers to a valid program that
// uses something the engine does not implement.
var ErrUnsupported = errors.New("not supported by the softswitch")

func unsupported(what string, src *bmv2json.Source) error {
	if s := src.String(); s != "" {
		return fmt.Errorf("%s: %s: %w", s, what, ErrUnsupported)
	}
	return fmt.Errorf("%s: %w", what, ErrUnsupported)
}

// at adds a source position to an error.
func at(src *bmv2json.Source, err error) error {
	if err == nil {
		return nil
	}
	if s := src.String(); s != "" {
		return fmt.Errorf("%s: %w", s, err)
	}
	return err
}
