// Package auth decides whether a client may view a channel, and until when: for
// everybody, by a JSON Web Token, or by asking an HTTP hook.
//
// It promises that
//   - what is not clearly allowed is refused, and the reason says what would be
//     right without giving away secrets;
//   - a server that hangs, lies or floods costs a bounded time and memory, and
//     is ErrUnavailable;
//   - an answer never lasts longer than the token or the hook says.
package auth

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/corecast/corecast/source/credential"
)

// Why a client may not view. Errors wrap these with the reason.
var (
	// ErrCredentials: there are none, or they are not valid (any more).
	ErrCredentials = credential.ErrInvalid
	// ErrForbidden: they are valid, and not for this.
	ErrForbidden = errors.New("not allowed")
	// ErrUnavailable: nobody can tell at the moment.
	ErrUnavailable = credential.ErrUnavailable
)

// Request is what a client wants, and what it shows for it.
type Request struct {
	Channel string
	Renew   bool           // it views the channel already
	Client  netip.Addr     // who asks
	Viewer  netip.AddrPort // where the media is to go
	// Credentials: a bearer token, or a user and a password; empty for none.
	Token, User, Password string
	Query                 string // of the request's URL, without the token
	UserAgent             string
}

// HasCredentials says whether the client shows anything.
func (r *Request) HasCredentials() bool { return r.Token != "" || r.User != "" || r.Password != "" }

// Grant is the permission to view.
type Grant struct {
	Subject string    // who views, if that is known
	Until   time.Time // when the permission ends; zero for never
}

// Authorizer decides. It may be called by any number of goroutines.
type Authorizer interface {
	Authorize(ctx context.Context, r *Request) (Grant, error)
}

// Open lets everybody view.
type Open struct{}

// Authorize implements Authorizer.
func (Open) Authorize(context.Context, *Request) (Grant, error) { return Grant{}, nil }
