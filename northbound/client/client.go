// Package client asks a controller's REST API. It owns nothing; its errors say
// what to do when nobody answers, or what the controller says is wrong.
package client

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/corecast/corecast/northbound/api"
)

// DefaultServer is where a controller listens unless it is told otherwise.
const DefaultServer = "http://127.0.0.1:8080"

const (
	timeout   = 30 * time.Second
	maxAnswer = 64 << 20
	pageSize  = 1000
)

// Client asks one controller. Any number of goroutines may use it.
type Client struct {
	base  *url.URL
	token string // empty for none
	http  *http.Client
}

// New makes a Client of the controller at a URL.
func New(server string, options ...Option) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of a controller: write it like %s", server, DefaultServer)
	}
	c := &Client{base: u, http: &http.Client{Timeout: timeout, CheckRedirect: stay}}
	for _, set := range options {
		set(c)
	}
	if c.token != "" && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("a token would go to %s in the clear: use https://", u.Host)
	}
	return c, nil
}

// UnreachableError is that nobody answered.
type UnreachableError struct {
	Server string
	Err    error
}

func (e *UnreachableError) Error() string {
	why := e.Err.Error()
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		why = "nothing listens there"
	case errors.As(e.Err, &unknown):
		return fmt.Sprintf("%s shows a certificate of an authority that this host does not know: name its file with --ca FILE", e.Server)
	case strings.Contains(why, "server gave HTTP response to HTTPS client"):
		return fmt.Sprintf("%s does not speak TLS: name it with --server http://…", e.Server)
	}
	return fmt.Sprintf("no controller answers at %s: %s; start it with `corecast controller --config FILE`, "+
		"whose listen.http says where, or name another with --server URL", e.Server, why)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// ProblemError is what a controller answered instead of what it was asked for.
type ProblemError struct {
	Status int
	Detail string
	Fields []api.FieldError // what is wrong with each field, if that is it
}

func (e *ProblemError) Error() string { return e.Detail }

// Status asks what works and what does not.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return get[api.Status](ctx, c, "/api/v1/status", nil)
}

// Metrics asks for the metrics, in the text format of Prometheus.
func (c *Client) Metrics(ctx context.Context) ([]byte, error) {
	resp, err := c.send(ctx, http.MethodGet, "/metrics", nil, nil, http.Header{"Accept": {"text/plain"}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
}

// Switches asks for all switches.
func (c *Client) Switches(ctx context.Context) (api.Switches, error) {
	items, err := all(pages(ctx, c, "/api/v1/switches", url.Values{}, func(p api.Switches) ([]api.Switch, string) { return p.Items, p.NextCursor }))
	return api.Switches{Items: items}, err
}

// Export asks for all that a switch is to hold, or if held that it holds.
func (c *Client) Export(ctx context.Context, switchName string, held bool) (api.Export, error) {
	return get[api.Export](ctx, c, "/api/v1/switches/"+url.PathEscape(switchName)+"/export", url.Values{"held": {strconv.FormatBool(held)}})
}

// Sites asks for all sites.
func (c *Client) Sites(ctx context.Context) (api.Sites, error) {
	items, err := all(pages(ctx, c, "/api/v1/sites", url.Values{}, func(p api.Sites) ([]api.SiteSummary, string) { return p.Items, p.NextCursor }))
	return api.Sites{Items: items}, err
}

// Site asks for one site.
func (c *Client) Site(ctx context.Context, name string) (api.Site, error) {
	return get[api.Site](ctx, c, "/api/v1/sites/"+url.PathEscape(name), nil)
}

// MappingFilter selects mappings; the zero value selects those in use.
type MappingFilter struct {
	EID        string // the mappings that cover it or are within it
	Site       string
	InstanceID *uint32
	All        bool // also EID-prefixes that nobody has registered
}

// Mappings yields mappings, page by page. An error is the last thing it yields.
func (c *Client) Mappings(ctx context.Context, f MappingFilter) iter.Seq2[api.Mapping, error] {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	set("eid", f.EID)
	set("site", f.Site)
	if f.InstanceID != nil {
		set("instance_id", strconv.FormatUint(uint64(*f.InstanceID), 10))
	}
	if f.All {
		set("all", "true")
	}
	return pages(ctx, c, "/api/v1/mappings", query, func(p api.Mappings) ([]api.Mapping, string) { return p.Items, p.NextCursor })
}

// pages yields what is on the pages of a list. An error is the last thing it
// yields.
func pages[P, T any](ctx context.Context, c *Client, path string, query url.Values, open func(P) (items []T, next string)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := maps.Clone(query) // it may be ranged over again
		for {
			page, err := get[P](ctx, c, path, query)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			items, next := open(page)
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			query.Set("cursor", next)
		}
	}
}

// all collects a list.
func all[T any](list iter.Seq2[T, error]) ([]T, error) {
	items := []T{}
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// get asks for a T.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (answer T, err error) {
	resp, err := c.send(ctx, http.MethodGet, path, query, nil, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return answer, err
	}
	return decoded[T](c, resp)
}

// send sends a request. An answer that is none of 2xx is an error; the body of
// any other is the caller's.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body []byte, header http.Header) (*http.Response, error) {
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	c.authorize(req)
	client := c.http
	if header.Get("Accept") == eventStream { // it has no end
		endless := *c.http
		endless.Timeout = 0
		client = &endless
	}
	resp, err := client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, &UnreachableError{c.base.String(), err}
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, &UnreachableError{c.base.String(), err}
	}
	return nil, problemOf(c.base.String(), resp, text)
}

// decoded reads the T that an answer has.
func decoded[T any](c *Client, resp *http.Response) (answer T, err error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer, &UnreachableError{c.base.String(), err}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, fmt.Errorf("%s answers, but is no CoreCast controller of this version: %w", c.base, err)
	}
	return answer, nil
}

func problemOf(server string, resp *http.Response, body []byte) error {
	var p api.Error
	if strings.Contains(string(body), "HTTP request to an HTTPS server") {
		return fmt.Errorf("%s speaks TLS: name it with --server https://…", server)
	}
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return fmt.Errorf("%s answers %s, but is no CoreCast controller: name another with --server URL", server, resp.Status)
	}
	return &ProblemError{resp.StatusCode, p.Detail, p.Errors}
}
