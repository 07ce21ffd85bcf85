package auth

import "context"

// Method is how somebody has shown who they are.
type Method string

// The methods.
const (
	// ByAddress: they are on this host, and nothing more is asked for.
	ByAddress Method = "address"
	ByToken   Method = "token"
	ByJWT     Method = "jwt"
	ByCert    Method = "certificate"
)

// Principal is who asks.
type Principal struct {
	Name   string // unique within a method
	Role   Role
	Method Method
}

// Local is whoever is on this host, where nobody has to show who they are.
var Local = Principal{Name: "local", Role: Admin, Method: ByAddress}

// ID names the principal among those of all methods, as audit events do.
func (p Principal) ID() string { return string(p.Method) + ":" + p.Name }

type contextKey struct{}

// WithPrincipal returns a context of a request of p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// PrincipalFrom is who made the request of a context; one without a role if
// that is not known.
func PrincipalFrom(ctx context.Context) Principal {
	p, _ := ctx.Value(contextKey{}).(Principal)
	return p
}
