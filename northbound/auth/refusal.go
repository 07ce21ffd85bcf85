package auth

import (
	"fmt"
	"net/http"
)

// Reason is why a request was refused, as it is counted.
type Reason string

// The reasons.
const (
	reasonNone        Reason = "no-credentials"
	reasonWrong       Reason = "wrong-credentials"
	reasonUnavailable Reason = "issuer-unavailable"
	reasonFailures    Reason = "too-many-failures"
	reasonRate        Reason = "rate"
	// ReasonRole is that somebody may not do what they ask for.
	ReasonRole Reason = "role"
	// ReasonHost is a request to another host, ReasonOrigin one of a page of
	// another, which a browser makes.
	ReasonHost   Reason = "host"
	ReasonOrigin Reason = "cross-origin"
	// ReasonURL is a secret in a URL.
	ReasonURL Reason = "secret-in-url"
	// ReasonPath is a path or query that proxies and servers may understand
	// differently.
	ReasonPath Reason = "path"
	// ReasonChunked is a body in chunks.
	ReasonChunked Reason = "chunked"
	// ReasonMalformed is a request that is none of HTTP, ReasonLarge one whose
	// body is beyond the limit, ReasonSlow a client that takes too long to send or
	// to read, ReasonTLS a connection that did not get to a request.
	ReasonMalformed Reason = "malformed"
	ReasonLarge     Reason = "too-large"
	ReasonSlow      Reason = "slow"
	ReasonTLS       Reason = "tls"
)

// Reasons are all of them.
func Reasons() []Reason {
	return []Reason{reasonNone, reasonWrong, reasonUnavailable, reasonFailures, reasonRate,
		ReasonRole, ReasonHost, ReasonOrigin, ReasonURL, ReasonPath, ReasonChunked, ReasonMalformed, ReasonLarge, ReasonSlow, ReasonTLS}
}

// Refusal is why a request is not let in, and the status to answer with.
type Refusal struct {
	Status int
	Reason Reason
	Detail string // what is wrong and what would be right; no secret is in it
}

func (r *Refusal) Error() string { return r.Detail }

// refuse is a refusal of credentials.
func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// tooMany is a refusal of who asks too often.
func tooMany(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusTooManyRequests, Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
