package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/corecast/corecast/source/credential"
)

const (
	// maxAnswer is more than a hook has to say.
	maxAnswer = 64 << 10
	// maxAsking is how many clients may be asked about at once.
	maxAsking = 256
)

// Hook asks an HTTP server about each client: a POST as users of mediamtx know
// it. Any status of 200 to 299 allows.
//
//	{"user":"…","password":"…","token":"…","ip":"…","action":"read","path":"news",
//	 "protocol":"corecast","query":"…","userAgent":"…","eid":"…","port":5004,"renew":false}
//
// The answer may have a JSON body: {"lifetime": 3600} makes the permission end
// after so many seconds, {"subject": "…"} names who views. With a secret,
// requests are signed (see credential.Sign).
type Hook struct {
	url    string
	secret []byte
	client *http.Client
	asking chan struct{} // a place for each request under way
}

// NewHook returns the hook at a URL. An empty secret leaves requests unsigned.
func NewHook(url, secret string) *Hook {
	client := credential.NewClient()
	client.Transport = &http.Transport{MaxIdleConnsPerHost: maxAsking, MaxConnsPerHost: maxAsking, IdleConnTimeout: time.Minute}
	return &Hook{url: url, secret: []byte(secret), client: client, asking: make(chan struct{}, maxAsking)}
}

// question is the body of a hook's request.
type question struct {
	User      string `json:"user"`
	Password  string `json:"password"`
	Token     string `json:"token"`
	IP        string `json:"ip"`
	Action    string `json:"action"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	Query     string `json:"query"`
	UserAgent string `json:"userAgent"`
	EID       string `json:"eid"`
	Port      uint16 `json:"port"`
	Renew     bool   `json:"renew"`
}

// answer is the body of a hook's answer, if it has one.
type answer struct {
	Lifetime float64 `json:"lifetime"` // seconds
	Subject  string  `json:"subject"`
}

// maxLifetime is the longest lifetime that is believed, in seconds.
const maxLifetime = 366 * 24 * 3600

// Authorize implements Authorizer.
func (h *Hook) Authorize(ctx context.Context, r *Request) (Grant, error) {
	select {
	case h.asking <- struct{}{}:
		defer func() { <-h.asking }()
	default:
		return Grant{}, fmt.Errorf("%w: the hook is being asked about %d clients", ErrUnavailable, maxAsking)
	}
	body, err := json.Marshal(question{
		User: r.User, Password: r.Password, Token: r.Token, IP: r.Client.String(), Action: "read", Path: r.Channel,
		Protocol: "corecast", Query: r.Query, UserAgent: r.UserAgent,
		EID: r.Viewer.Addr().String(), Port: r.Viewer.Port(), Renew: r.Renew,
	})
	if err != nil {
		return Grant{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return Grant{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	post.Header.Set("Content-Type", "application/json")
	if len(h.secret) > 0 {
		post.Header.Set(credential.SignatureHeader, credential.Sign(h.secret, time.Now(), body))
	}
	asked := time.Now()
	reply, err := h.client.Do(post)
	if err != nil {
		return Grant{}, fmt.Errorf("%w: the hook does not answer", ErrUnavailable)
	}
	defer func() { _ = reply.Body.Close() }()
	switch status := reply.StatusCode; {
	case status == http.StatusUnauthorized:
		return Grant{}, fmt.Errorf("%w: the hook says so", ErrCredentials)
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests:
		return Grant{}, fmt.Errorf("%w: the hook says so", ErrForbidden)
	case status < 200 || status > 299:
		return Grant{}, fmt.Errorf("%w: the hook answers %s", ErrUnavailable, reply.Status)
	}
	return readAnswer(reply.Body, asked)
}

// readAnswer reads the body of a hook that allows. One that cannot be read is
// no permission: it may say how long.
func readAnswer(body io.Reader, asked time.Time) (Grant, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil || len(b) > maxAnswer {
		return Grant{}, fmt.Errorf("%w: the hook's answer cannot be read, or is longer than %d bytes", ErrUnavailable, maxAnswer)
	}
	var a answer
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &a); err != nil {
			return Grant{}, fmt.Errorf("%w: the hook's answer is no JSON object with lifetime and subject", ErrUnavailable)
		}
	}
	if a.Lifetime < 0 || a.Lifetime > maxLifetime {
		return Grant{}, fmt.Errorf("%w: the hook gives a lifetime of %v s: want 0 to %d", ErrUnavailable, a.Lifetime, maxLifetime)
	}
	g := Grant{Subject: a.Subject}
	if a.Lifetime > 0 {
		g.Until = asked.Add(time.Duration(a.Lifetime * float64(time.Second)))
	}
	return g, nil
}

// Close ends idle connections.
func (h *Hook) Close() { h.client.CloseIdleConnections() }
