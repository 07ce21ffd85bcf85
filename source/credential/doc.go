// Package credential checks what others show to prove who they are, and signs
// what they are sent: JSON Web Tokens of an issuer whose keys are published, and
// bodies with a shared secret.
//
// It owns the keys that it fetches. It promises that
//   - only signatures with public keys are believed, of an issuer and for an
//     audience that were named;
//   - an issuer that hangs, lies or floods costs a bounded time and memory, and
//     does not hold up those whose keys are known;
//   - reasons say what would be right, and never contain a secret.
package credential

import (
	"errors"
	"net/http"
)

// Why something is not believed. Errors wrap these with the reason.
var (
	// ErrInvalid: there are no credentials, or they are not valid (any more).
	ErrInvalid = errors.New("no valid credentials")
	// ErrUnavailable: nobody can tell at the moment.
	ErrUnavailable = errors.New("cannot be checked at the moment")
)

// NewClient is a client for servers that may be slow or hostile: it follows
// nobody elsewhere.
func NewClient() *http.Client {
	return &http.Client{
		Timeout: fetchTime,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}
