package demo

import (
	"fmt"

	"github.com/corecast/corecast/demo/clip"
	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/input"
)

// An InputError is an input that gives no media: not there, empty, not MPEG-TS.
type InputError struct{ error }

func (e *InputError) Unwrap() error { return e.error }

// openInput opens what Options.Input names, or the built-in clip, which loops.
func openInput(o Options) (input.Input, error) {
	if o.Input == "" {
		return input.FromReadSeeker(clip.Name, clip.Open(), input.Options{Loop: true}), nil
	}
	in, err := input.Open(o.Input, input.Options{Silence: o.SilentAfter, Loop: o.Loop})
	if err != nil {
		return nil, &InputError{err}
	}
	return in, nil
}

// inputError tells an input that never gave media from a failure later on.
func inputError(in input.Input, sent source.Report, err error) error {
	if sent.Payloads == 0 {
		return &InputError{err}
	}
	return fmt.Errorf("after %d payloads of %s: %w", sent.Payloads, in.Name(), err)
}
