package p4rt

import (
	"context"
	"errors"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
)

// Version returns the version of P4Runtime that the switch speaks, "" if it
// does not say.
func (s *Session) Version(ctx context.Context) (string, error) {
	rpc, _ := s.client()
	resp, err := rpc.Capabilities(ctx, &p4v1.CapabilitiesRequest{})
	if err != nil {
		if err = reason("read capabilities", err); errors.Is(err, ErrUnimplemented) {
			return "", nil // before P4Runtime 1.1
		}
		return "", err
	}
	return resp.GetP4RuntimeApiVersion(), nil
}
