package client

import (
	"crypto/tls"
	"net"
	"net/http"
)

// Option says how a Client shows who it is, and whom it believes.
type Option func(*Client)

// WithToken shows a token, or a JWT.
func WithToken(token string) Option { return func(c *Client) { c.token = token } }

// WithTLS believes and shows the certificates of cfg.
func WithTLS(cfg *tls.Config) Option {
	return func(c *Client) { c.http.Transport = &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true} }
}

// authorize shows who asks.
func (c *Client) authorize(r *http.Request) {
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
}

// stay follows nobody elsewhere, least of all with a token.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// isLoopback reports whether a name is of this host alone.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
