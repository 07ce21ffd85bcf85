package node

import (
	"context"

	"github.com/corecast/corecast/controller/slowpath"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
)

// resolver lets the controller's slow path ask the Map-Server: for EIDs that are
// in no mapping it knows, so mostly for what is upstream or no EID at all.
type resolver struct{ of *mapserver.Resolver }

// Resolve implements controller.Resolver.
func (r resolver) Resolve(ctx context.Context, eid lisp.EID, fresh bool) (slowpath.Resolution, error) {
	if fresh {
		r.of.Forget(eid)
	}
	m, err := r.of.Resolve(ctx, eid)
	if err != nil {
		return slowpath.Resolution{}, err
	}
	return slowpath.Resolution{EID: m.EID, RLOCs: rlocsOf(m.Locators), Action: m.Action, TTL: m.TTL}, nil
}
