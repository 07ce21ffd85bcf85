package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// algorithms are the signatures that are believed: those with public keys.
var algorithms = []jose.SignatureAlgorithm{
	jose.EdDSA, jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
}

const (
	// maxToken is longer than tokens are.
	maxToken = 8 << 10
	// leeway is how far the clocks of issuer and checker may differ. It is not
	// granted to the end of a token.
	leeway = 30 * time.Second
)

// Verifier believes JSON Web Tokens (RFC 7519) that are signed with a key of a
// set and have not ended.
type Verifier struct {
	// Keys finds the issuer's keys.
	Keys *KeySet
	// Issuer and Audience are what the claims iss and aud must have; empty for
	// anything.
	Issuer, Audience string
}

// Verify returns the registered claims of a token that is believed, and decodes
// its claims into each of others.
func (v *Verifier) Verify(ctx context.Context, text string, others ...any) (public jwt.Claims, err error) {
	switch {
	case text == "":
		return public, fmt.Errorf("%w: give a token, as Authorization: Bearer …", ErrInvalid)
	case len(text) > maxToken:
		return public, fmt.Errorf("%w: the token has %d bytes: want at most %d", ErrInvalid, len(text), maxToken)
	}
	token, err := jwt.ParseSigned(text, algorithms)
	if err != nil {
		return public, fmt.Errorf("%w: the token is no JWT signed with one of %v", ErrInvalid, algorithms)
	}
	key, err := v.Keys.find(ctx, token.Headers[0].KeyID)
	if err != nil {
		return public, err
	}
	if err := token.Claims(key, append([]any{&public}, others...)...); err != nil {
		return public, fmt.Errorf("%w: the token's signature is wrong, or its claims are not readable", ErrInvalid)
	}
	return public, v.check(public)
}

// check says why the claims of a signed token are not to be believed.
func (v *Verifier) check(public jwt.Claims) error {
	if public.Expiry == nil {
		return fmt.Errorf("%w: the token never ends: want a claim exp", ErrInvalid)
	}
	until := public.Expiry.Time()
	want := jwt.Expected{Issuer: v.Issuer, Time: time.Now()}
	if v.Audience != "" {
		want.AnyAudience = jwt.Audience{v.Audience}
	}
	switch err := public.ValidateWithLeeway(want, leeway); {
	case !until.After(time.Now()) || errors.Is(err, jwt.ErrExpired):
		return fmt.Errorf("%w: the token ended at %s", ErrInvalid, until.UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return fmt.Errorf("%w: the token's issuer is not %q", ErrInvalid, v.Issuer)
	case errors.Is(err, jwt.ErrInvalidAudience):
		return fmt.Errorf("%w: the token is not for the audience %q", ErrInvalid, v.Audience)
	case err != nil:
		return fmt.Errorf("%w: the token is not valid yet", ErrInvalid)
	}
	return nil
}
