package controller

import (
	"context"
	"errors"
	"strings"

	"github.com/corecast/corecast/controller/p4rt"
	"google.golang.org/grpc/codes"
)

// Fix says what an operator can do about an error of a switch; "" where the
// error itself says it.
func Fix(err error) string {
	var notPrimary *p4rt.NotPrimaryError
	var lie *p4rt.ProtocolError
	var refused *p4rt.WriteError
	var rpc *p4rt.RPCError
	switch {
	case errors.As(err, &notPrimary):
		return "stop the other controller, or give this one a higher election id"
	case errors.As(err, &lie):
		return "the switch does not keep to P4Runtime or does not run the program it names: restart it; if that does not help, replace its software"
	case errors.As(err, &refused):
		return "see failing: each refused update with who wants it; it is tried again by itself"
	case errors.Is(err, context.DeadlineExceeded):
		return fixSilence
	case errors.As(err, &rpc):
		return fixRPC(rpc)
	}
	return ""
}

const fixSilence = "the switch answers too slowly or not at all: look at its load and the network to it"

func fixRPC(err *p4rt.RPCError) string {
	switch err.Code {
	case codes.Unavailable:
		for _, sign := range []string{"tls:", "x509:", "reading server preface"} {
			if strings.Contains(err.Message, sign) {
				return "check the certificates of controller (p4runtime in its file) and switch, and that both or neither use TLS"
			}
		}
		return "check that the switch runs and listens at its configured address"
	case codes.DeadlineExceeded:
		return fixSilence
	case codes.NotFound:
		return "check device_id: the switch says that it has no such device"
	case codes.Unauthenticated, codes.PermissionDenied:
		return "check who owns the switch (its election id) and the client certificate"
	case codes.Unimplemented:
		return "the target lacks something that CoreCast needs: use a supported switch"
	case codes.ResourceExhausted:
		return "the switch is full or sends messages beyond every limit: look at its log"
	case codes.InvalidArgument, codes.FailedPrecondition:
		return "check device_id and election id, and that the switch can run the v1model program"
	}
	return ""
}
