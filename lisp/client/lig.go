package client

import (
	"context"

	"github.com/corecast/corecast/lisp"
)

// Lig asks a Map-Resolver for the mapping of one EID or EID-prefix, as the lig
// tool does (RFC 6835), and tells how many packets came that were no answer.
func Lig(ctx context.Context, config ResolverConfig, eid lisp.EID) (Answer, Ignored, error) {
	r, err := NewResolver(config)
	if err != nil {
		return Answer{}, Ignored{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	answer, err := r.Request(ctx, eid)
	cancel()
	if ended := <-done; err != nil && ended != nil {
		err = ended // why nobody could answer
	}
	return answer, r.Ignored(), err
}
