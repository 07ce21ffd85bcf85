package northbound

import (
	"fmt"
	"net/http"

	"github.com/corecast/corecast/northbound/auth"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// authorize lets those use an operation who have its role.
func (s *Server) authorize(ctx huma.Context, next func(huma.Context)) {
	op, who := ctx.Operation(), auth.PrincipalFrom(ctx.Context())
	need, err := auth.RoleOf(op)
	no := &auth.Refusal{Status: http.StatusForbidden, Reason: auth.ReasonRole}
	switch {
	case err != nil:
		no.Detail = "nobody may do this: " + err.Error()
	case who.Role < need:
		no.Detail = fmt.Sprintf("%s has the role %s, and %s needs %s: ask who runs the controller for it", who.Name, who.Role, op.OperationID, need)
	default:
		next(ctx)
		return
	}
	r, w := humago.Unwrap(ctx)
	s.refused(w, r, no)
}
