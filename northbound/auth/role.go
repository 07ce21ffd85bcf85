package auth

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Role is what somebody may do. Each may do all that those before it may.
type Role uint8

const (
	// Nobody may do nothing.
	Nobody Role = iota
	// Viewer may read everything but secrets, which nobody can.
	Viewer
	// Operator may also create, change and delete what is desired.
	Operator
	// Admin may do everything.
	Admin
)

var roleNames = [...]string{"nobody", "viewer", "operator", "admin"}

// Roles are those that can be given, least first.
func Roles() []Role { return []Role{Viewer, Operator, Admin} }

func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// ParseRole reads the name of a role that can be given.
func ParseRole(name string) (Role, error) {
	for _, r := range Roles() {
		if r.String() == name {
			return r, nil
		}
	}
	return Nobody, fmt.Errorf("%q is no role: want %s", name, strings.Join(roleNames[1:], ", "))
}

// roleExtension tells in the OpenAPI document which role an operation needs.
const roleExtension = "x-corecast-role"

// The ways to show who one is, by their names in the OpenAPI document.
const (
	bearerScheme, basicScheme, certScheme = "token", "password", "certificate"
)

// security is what an operation asks for: one of the schemes, or none where
// nobody has to show who they are.
var security = []map[string][]string{{bearerScheme: {}}, {basicScheme: {}}, {certScheme: {}}, {}}

// Schemes describe how to show who one is.
func Schemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		bearerScheme: {Type: "http", Scheme: "bearer", Description: "a token of auth.tokens_file, or a JWT of auth.oidc"},
		basicScheme:  {Type: "http", Scheme: "basic", Description: "the same as the password, for browsers; any user name"},
		certScheme:   {Type: "mutualTLS", Description: "a certificate of tls.client_ca, with the OU corecast:ROLE"},
	}
}

// Needs declares the least role that may use an operation, and what every
// operation answers to those who have it not, ask too often, or ask for what it
// does not have.
func Needs(role Role, op huma.Operation) huma.Operation {
	op.Extensions = maps.Clone(op.Extensions)
	if op.Extensions == nil {
		op.Extensions = map[string]any{}
	}
	op.Extensions[roleExtension] = role.String()
	op.Errors = append(slices.Clone(op.Errors), http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusLengthRequired,
		http.StatusUnprocessableEntity, http.StatusTooManyRequests)
	op.Security = security
	return op
}

// RoleOf is the least role that may use an operation; an error if it declares
// none.
func RoleOf(op *huma.Operation) (Role, error) {
	name, _ := op.Extensions[roleExtension].(string)
	role, err := ParseRole(name)
	if err != nil {
		return Nobody, fmt.Errorf("operation %s declares no role: wrap it in auth.Needs", op.OperationID)
	}
	return role, nil
}
