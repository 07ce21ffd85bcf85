package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/corecast/corecast/source/credential"
)

// JWT lets those view who have a token that is believed, and that names the
// channel in the claim "channels": a list of names, or "*" for all.
type JWT struct{ credential.Verifier }

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
	var private claims
	public, err := j.Verify(ctx, r.Token, &private)
	if err != nil {
		return Grant{}, err
	}
	if !slices.Contains(private.Channels, r.Channel) && !slices.Contains(private.Channels, "*") {
		return Grant{}, fmt.Errorf("%w: the token's claim channels does not name %q", ErrForbidden, r.Channel)
	}
	return Grant{Subject: public.Subject, Until: public.Expiry.Time()}, nil
}
