package p4rt

import (
	"context"
	"fmt"
)

// Found is what a switch says to somebody who only looks.
type Found struct {
	Version string // of P4Runtime; "" if it does not say
	Running bool   // it runs a program
	Cookie  uint64 // of that
}

// Probe asks a switch what it runs. It opens no stream, so it takes part in no
// election: bmv2 would make whoever waits the primary when that goes.
func Probe(ctx context.Context, opts Options) (Found, error) {
	conn, err := connect(opts)
	if err != nil {
		return Found{}, err
	}
	defer conn.Close()
	s := &Session{opts: opts, conn: conn}
	s.setElection(ElectionID{})
	var found Found
	if found.Version, err = s.Version(ctx); err == nil {
		found.Cookie, found.Running, err = s.PipelineCookie(ctx)
	}
	if err != nil {
		return Found{}, fmt.Errorf("switch at %s: %w", opts.Address, err)
	}
	return found, nil
}
