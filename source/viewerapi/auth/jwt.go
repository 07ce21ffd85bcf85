package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	// leeway is how far the clocks of issuer and source may differ. It is not
	// granted to the end of a token.
	leeway = 30 * time.Second
)

// JWT believes JSON Web Tokens (RFC 7519) that are signed with a key of a set,
// have not ended, and name the channel in the claim "channels": a list of
// names, or "*" for all.
type JWT struct {
	// Keys finds the issuer's keys.
	Keys *KeySet
	// Issuer and Audience are what the claims iss and aud must have; empty for
	// anything.
	Issuer, Audience string
}

// claims are the private claims of a viewer's token.
type claims struct {
	Channels oneOrMore `json:"channels"`
}

// oneOrMore is a string or a list of them.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	var all []string
	err := json.Unmarshal(b, &all)
	*o = all
	return err
}

// Authorize implements Authorizer.
func (j *JWT) Authorize(ctx context.Context, r *Request) (Grant, error) {
	switch {
	case r.Token == "":
		return Grant{}, fmt.Errorf("%w: give a token, as Authorization: Bearer …", ErrCredentials)
	case len(r.Token) > maxToken:
		return Grant{}, fmt.Errorf("%w: the token has %d bytes: want at most %d", ErrCredentials, len(r.Token), maxToken)
	}
	token, err := jwt.ParseSigned(r.Token, algorithms)
	if err != nil {
		return Grant{}, fmt.Errorf("%w: the token is no JWT signed with one of %v", ErrCredentials, algorithms)
	}
	key, err := j.Keys.find(ctx, token.Headers[0].KeyID)
	if err != nil {
		return Grant{}, err
	}
	var public jwt.Claims
	var private claims
	if err := token.Claims(key, &public, &private); err != nil {
		return Grant{}, fmt.Errorf("%w: the token's signature is wrong, or its claims are not readable", ErrCredentials)
	}
	return j.grant(r.Channel, public, private)
}

// grant is what the claims of a believed token allow.
func (j *JWT) grant(channel string, public jwt.Claims, private claims) (Grant, error) {
	if public.Expiry == nil {
		return Grant{}, fmt.Errorf("%w: the token never ends: want a claim exp", ErrCredentials)
	}
	until := public.Expiry.Time()
	want := jwt.Expected{Issuer: j.Issuer, Time: time.Now()}
	if j.Audience != "" {
		want.AnyAudience = jwt.Audience{j.Audience}
	}
	switch err := public.ValidateWithLeeway(want, leeway); {
	case !until.After(time.Now()) || errors.Is(err, jwt.ErrExpired):
		return Grant{}, fmt.Errorf("%w: the token ended at %s", ErrCredentials, until.UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return Grant{}, fmt.Errorf("%w: the token's issuer is not %q", ErrCredentials, j.Issuer)
	case errors.Is(err, jwt.ErrInvalidAudience):
		return Grant{}, fmt.Errorf("%w: the token is not for the audience %q", ErrCredentials, j.Audience)
	case err != nil:
		return Grant{}, fmt.Errorf("%w: the token is not valid yet", ErrCredentials)
	}
	if !slices.Contains(private.Channels, channel) && !slices.Contains(private.Channels, "*") {
		return Grant{}, fmt.Errorf("%w: the token's claim channels does not name %q", ErrForbidden, channel)
	}
	return Grant{Subject: public.Subject, Until: until}, nil
}
