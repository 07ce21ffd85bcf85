//go:build !linux

package bmv2test

import (
	"context"
	"errors"
)

var errNotLinux = errors.New("this target needs Linux; target softswitch runs anywhere")

func newBMv2(context.Context, SwitchSpec) (device, error) { return nil, errNotLinux }
func newSoftswitchLinux(SwitchSpec) (device, error)       { return nil, errNotLinux }
