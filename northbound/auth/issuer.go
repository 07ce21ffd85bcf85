package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/source/credential"
)

// issuer believes JWTs, and knows which claim of them tells the role.
type issuer struct {
	credential.Verifier
	claim []string // the way to it
	roles map[string]Role
}

// newIssuer returns nil if none is configured.
func newIssuer(cfg *config.OIDC, client *http.Client) *issuer {
	if cfg.Issuer == "" {
		return nil
	}
	i := &issuer{
		Verifier: credential.Verifier{Keys: credential.NewIssuer(cfg.Issuer, client), Issuer: cfg.Issuer, Audience: cfg.Audience},
		claim:    strings.Split(cmp.Or(cfg.RoleClaim, config.DefaultRoleClaim), "."),
		roles:    map[string]Role{},
	}
	for _, r := range Roles() {
		i.roles[r.String()] = r
	}
	for _, r := range cfg.Roles {
		i.roles[r.Claim], _ = ParseRole(string(r.Role)) // config has checked it
	}
	return i
}

// principal is whom a token names, with the greatest of the roles in its claim.
func (i *issuer) principal(ctx context.Context, text string) (Principal, error) {
	var all map[string]json.RawMessage
	public, err := i.Verify(ctx, text, &all)
	switch {
	case errors.Is(err, credential.ErrUnavailable):
		return Principal{}, &Refusal{Status: http.StatusServiceUnavailable, Reason: reasonUnavailable, Detail: err.Error()}
	case err != nil:
		return Principal{}, refuse(reasonWrong, "%v", err)
	case public.Subject == "":
		return Principal{}, refuse(reasonWrong, "the token has no claim sub: nobody can be told from others by it")
	}
	p := Principal{Name: public.Subject, Method: ByJWT}
	for _, value := range valuesAt(all, i.claim) {
		p.Role = max(p.Role, i.roles[value])
	}
	return p, nil
}

// valuesAt are the texts at a path into claims.
func valuesAt(claims map[string]json.RawMessage, path []string) []string {
	raw := claims[path[0]]
	if len(path) > 1 {
		var inner map[string]json.RawMessage
		if json.Unmarshal(raw, &inner) != nil {
			return nil
		}
		return valuesAt(inner, path[1:])
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var several []string
	if json.Unmarshal(raw, &several) != nil {
		return nil
	}
	return several
}
