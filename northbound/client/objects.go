package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/corecast/corecast/northbound/api"
)

// Condition is what a write depends on; the zero value is nothing.
type Condition struct {
	// Version, unless empty, is that which the object must have.
	Version string
	// New: the object must not exist yet.
	New bool
}

// Written is what came of a write.
type Written[T any] struct {
	Object  T
	Created bool
}

func path(ref api.Ref) string {
	list := map[api.Kind]string{api.KindSwitch: "switches", api.KindSite: "sites", api.KindChannel: "channels"}[ref.Kind]
	return "/api/v1/" + list + "/" + url.PathEscape(ref.Name)
}

// Switch asks for one switch.
func (c *Client) Switch(ctx context.Context, name string) (api.Switch, error) {
	return get[api.Switch](ctx, c, path(api.Ref{Kind: api.KindSwitch, Name: name}), nil)
}

// Channel asks for one channel.
func (c *Client) Channel(ctx context.Context, name string) (api.Channel, error) {
	return get[api.Channel](ctx, c, path(api.Ref{Kind: api.KindChannel, Name: name}), nil)
}

// ChannelFilter selects channels; the zero value selects all.
type ChannelFilter struct {
	Site   string
	Switch string // by which they enter
	State  api.State
}

// Channels yields channels by name, page by page. An error is the last thing it
// yields.
func (c *Client) Channels(ctx context.Context, f ChannelFilter) iter.Seq2[api.Channel, error] {
	query := url.Values{}
	setUnlessEmpty(query, "site", f.Site, "switch", f.Switch, "state", string(f.State))
	return pages(ctx, c, "/api/v1/channels", query, func(p api.Channels) ([]api.Channel, string) { return p.Items, p.NextCursor })
}

func setUnlessEmpty(query url.Values, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
}

// PutSwitch creates or replaces the switch of the spec's name.
func (c *Client) PutSwitch(ctx context.Context, spec api.SwitchSpec, cond Condition) (Written[api.Switch], error) {
	return put[api.Switch](ctx, c, api.Ref{Kind: api.KindSwitch, Name: spec.Name}, spec, cond)
}

// PutSite creates or replaces the site of the spec's name.
func (c *Client) PutSite(ctx context.Context, spec api.SiteSpec, cond Condition) (Written[api.Site], error) {
	return put[api.Site](ctx, c, api.Ref{Kind: api.KindSite, Name: spec.Name}, spec, cond)
}

// PutChannel creates or replaces the channel of the spec's name.
func (c *Client) PutChannel(ctx context.Context, spec api.ChannelSpec, cond Condition) (Written[api.Channel], error) {
	return put[api.Channel](ctx, c, api.Ref{Kind: api.KindChannel, Name: spec.Name}, spec, cond)
}

func put[T any](ctx context.Context, c *Client, ref api.Ref, spec any, cond Condition) (out Written[T], err error) {
	body, err := json.Marshal(spec)
	if err != nil {
		return out, fmt.Errorf("%s %s: %w", ref.Kind, ref.Name, err)
	}
	answer, created, err := c.Put(ctx, ref, body, cond)
	if err != nil {
		return out, err
	}
	out.Created = created
	return out, json.Unmarshal(answer, &out.Object)
}

// Put creates or replaces an object by the JSON of its spec, and returns that of
// the object.
func (c *Client) Put(ctx context.Context, ref api.Ref, spec []byte, cond Condition) (object json.RawMessage, created bool, err error) {
	return c.write(ctx, http.MethodPut, ref, spec, cond)
}

// Patch changes a part of an object by a merge patch (RFC 7396) of its spec, and
// returns the JSON of the object.
func (c *Client) Patch(ctx context.Context, ref api.Ref, patch []byte, cond Condition) (object json.RawMessage, err error) {
	object, _, err = c.write(ctx, http.MethodPatch, ref, patch, cond)
	return object, err
}

// Delete deletes an object.
func (c *Client) Delete(ctx context.Context, ref api.Ref, cond Condition) error {
	resp, err := c.send(ctx, http.MethodDelete, path(ref), nil, nil, cond.header(""))
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (c *Client) write(ctx context.Context, method string, ref api.Ref, body []byte, cond Condition) (json.RawMessage, bool, error) {
	resp, err := c.send(ctx, method, path(ref), nil, body, cond.header(mediaOf(method)))
	if err != nil {
		return nil, false, err
	}
	object, err := decoded[json.RawMessage](c, resp)
	return object, resp.StatusCode == http.StatusCreated, err
}

// DryRun asks what a write would do; method is that of Put, Patch or Delete.
func (c *Client) DryRun(ctx context.Context, method string, ref api.Ref, body []byte, cond Condition) (api.DryRun, error) {
	resp, err := c.send(ctx, method, path(ref), url.Values{"dry_run": {"true"}}, body, cond.header(mediaOf(method)))
	if err != nil {
		return api.DryRun{}, err
	}
	return decoded[api.DryRun](c, resp)
}

func mediaOf(method string) string {
	switch method {
	case http.MethodPut:
		return "application/json"
	case http.MethodPatch:
		return "application/merge-patch+json"
	}
	return ""
}

func (cond Condition) header(media string) http.Header {
	h := http.Header{"Accept": {"application/json"}}
	if media != "" {
		h.Set("Content-Type", media)
	}
	if cond.Version != "" {
		h.Set("If-Match", strconv.Quote(cond.Version))
	}
	if cond.New {
		h.Set("If-None-Match", "*")
	}
	return h
}

// StreamFilter selects streams; the zero value selects all.
type StreamFilter struct{ Channel, Switch string }

// Streams yields the streams that ETRs take. An error is the last thing it
// yields.
func (c *Client) Streams(ctx context.Context, f StreamFilter) iter.Seq2[api.Stream, error] {
	query := url.Values{}
	setUnlessEmpty(query, "channel", f.Channel, "switch", f.Switch)
	return pages(ctx, c, "/api/v1/streams", query, func(p api.Streams) ([]api.Stream, string) { return p.Items, p.NextCursor })
}

// Drops asks what a switch has dropped, or with an empty name all.
func (c *Client) Drops(ctx context.Context, switchName string) (api.Drops, error) {
	query := url.Values{}
	setUnlessEmpty(query, "switch", switchName)
	return get[api.Drops](ctx, c, "/api/v1/drops", query)
}

// ViewerFilter selects viewers; the zero value selects all.
type ViewerFilter struct{ Channel, Site, Source string }

// Viewers yields the viewers that sources have reported. An error is the last
// thing it yields.
func (c *Client) Viewers(ctx context.Context, f ViewerFilter) iter.Seq2[api.Viewer, error] {
	query := url.Values{}
	setUnlessEmpty(query, "channel", f.Channel, "site", f.Site, "source", f.Source)
	return pages(ctx, c, "/api/v1/viewers", query, func(p api.Viewers) ([]api.Viewer, string) { return p.Items, p.NextCursor })
}

// Sources asks for the sources that report.
func (c *Client) Sources(ctx context.Context) (api.Sources, error) {
	return get[api.Sources](ctx, c, "/api/v1/sources", nil)
}

// Report tells what a source has to say.
func (c *Client) Report(ctx context.Context, source string, report api.SourceReport) error {
	body, err := json.Marshal(report)
	if err != nil {
		return err
	}
	resp, err := c.send(ctx, http.MethodPut, "/api/v1/sources/"+url.PathEscape(source)+"/report", nil, body, Condition{}.header("application/json"))
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
