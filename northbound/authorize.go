package northbound

import (
	"fmt"
	"net/http"

	"github.com/corecast/corecast/northbound/auth"
	"github.com/danielgtaylor/huma/v2"
)

// authorize lets those use an operation who have its role.
func (s *Server) authorize(ctx huma.Context, next func(huma.Context)) {
	op, who := ctx.Operation(), auth.PrincipalFrom(ctx.Context())
	need, err := auth.RoleOf(op)
	switch {
	case err != nil:
		s.log.Error("operation refused", "error", err)
		_ = huma.WriteErr(s.api, ctx, http.StatusForbidden, "nobody may do this")
	case who.Role < need:
		s.metrics.refused.WithLabelValues(string(auth.ReasonRole)).Inc()
		_ = huma.WriteErr(s.api, ctx, http.StatusForbidden,
			fmt.Sprintf("%s has the role %s, and %s needs %s: ask who runs the controller for it", who.Name, who.Role, op.OperationID, need))
	default:
		next(ctx)
	}
}
