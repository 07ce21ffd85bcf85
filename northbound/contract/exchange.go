package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Options say what is checked.
type Options struct {
	// URL is that of the API.
	URL string
	// Tokens are one of each role.
	Tokens map[string]string
	// Good are specs that can be created, by the path of their objects: its
	// name, and a body. They are created in order of the paths of Order.
	Good map[string]Example
	// Order are paths of Good: each after those that it needs.
	Order []string
	// FromFile are the names of objects of the configuration file, by the path
	// of their kind; writing them must be refused.
	FromFile map[string]string
	// Unreachable are answers of the document that this server cannot give, as
	// "GET /path 409", and why not.
	Unreachable map[string]string
}

// Example is an object that can be made.
type Example struct{ Name, Body string }

// request is one that is derived from an operation.
type request struct {
	op      *operation
	name    string // of the object in the path
	query   url.Values
	header  map[string]string
	body    []byte
	chunked bool // sent in chunks, without a Content-Length
	noToken bool
	token   string // else the role's that the operation needs
}

// reply is an answer that the document allows.
type reply struct {
	status int
	etag   string
	text   []byte
}

// api is what is checked.
type api struct {
	*document
	opts   Options
	client *http.Client
	seen   *seen
}

const (
	askTime   = 30 * time.Second
	maxAnswer = 64 << 20
	// streamText is the content type of answers that do not end.
	streamText = "text/event-stream"
)

// ask sends a request. An error is that the answer is not as the document says,
// or a failure of the server.
func (a *api) ask(r *request) (*reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	u := a.opts.URL + strings.Replace(r.op.path, "{name}", url.PathEscape(r.name), 1)
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.op.method, u, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	if r.chunked {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader([]byte("{}"))), -1
	}
	if r.op.body != nil {
		req.Header.Set("Content-Type", r.op.bodyType)
	}
	if _, ok := r.op.answers["200"]["application/json"]; ok {
		req.Header.Set("Accept", "application/json")
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	if token := or(r.token, a.opts.Tokens[r.op.role]); !r.noToken {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil && resp.StatusCode != http.StatusNoContent {
		return nil, fmt.Errorf("%s with Content-Type %q", resp.Status, resp.Header.Get("Content-Type"))
	}
	got := &reply{status: resp.StatusCode, etag: resp.Header.Get("ETag")}
	a.seen.add(r.op, got.status)
	if kind == streamText {
		return got, r.op.allows(got, kind) // it does not end
	}
	if got.text, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return nil, err
	}
	return got, r.op.allows(got, kind)
}

// allows says what of an answer is not as the document says.
func (o *operation) allows(r *reply, kind string) error {
	if r.status >= 500 { // also where the document tells of it: nothing is broken here
		return fmt.Errorf("%d: %.500s", r.status, r.text)
	}
	contents, ok := o.answers[fmt.Sprint(r.status)]
	if !ok {
		return fmt.Errorf("%d, which the document does not tell of: %.500s", r.status, r.text)
	}
	if len(contents) == 0 {
		if len(r.text) > 0 {
			return fmt.Errorf("%d with a body, which the document has none of: %.500s", r.status, r.text)
		}
		return nil
	}
	a, ok := contents[kind]
	if !ok {
		return fmt.Errorf("%d with Content-Type %q, which the document does not tell of: %.500s", r.status, kind, r.text)
	}
	if a.check == nil || !strings.HasSuffix(kind, "json") { // a stream, or a file
		return nil
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.text))
	if err != nil {
		return fmt.Errorf("%d with a body that is no JSON: %w: %.500s", r.status, err, r.text)
	}
	if err := a.check.Validate(v); err != nil {
		return fmt.Errorf("%d with a body that is not as the document says: %w\n%.1000s", r.status, err, r.text)
	}
	return nil
}
