package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// checker checks one operation.
type checker struct {
	*api
	*testing.T
	op *operation
}

// name is that of an object which exists, if the path has one.
func (c *checker) name() string {
	for path, good := range c.opts.Good {
		if strings.HasPrefix(c.op.path, path) {
			return good.Name
		}
	}
	return ""
}

// good is a body that succeeds; nil if there is none to be had.
func (c *checker) good() []byte {
	if c.op.body == nil {
		return nil
	}
	return []byte(c.opts.Good[c.op.path].Body)
}

// wants sends a request, and fails unless the answer is one of these and as the
// document says.
func (c *checker) wants(what string, r *request, statuses ...int) *reply {
	c.Helper()
	if r.op == nil {
		r.op = c.op
	}
	if r.name == "" {
		r.name = c.name()
	}
	got, err := c.ask(r)
	if err != nil {
		c.Errorf("%s: %v\nrequest: %.500s", what, err, r.body)
		return &reply{}
	}
	if len(statuses) > 0 && !slices.Contains(statuses, got.status) {
		c.Errorf("%s: %d, want %v: %.500s\nrequest: %.500s", what, got.status, statuses, got.text, r.body)
	}
	return got
}

// strangers are nobody, somebody with a wrong token, and those with less than
// the role.
func (c *checker) strangers() {
	c.wants("nobody", &request{noToken: true, body: c.good()}, http.StatusUnauthorized)
	c.wants("a wrong token", &request{token: "cct_wrong", body: c.good()}, http.StatusUnauthorized)
	if _, ok := c.opts.Tokens[c.op.role]; !ok {
		c.Errorf("the document gives it the role %q", c.op.role)
	}
	for _, less := range []string{"viewer", "operator"} {
		if less == c.op.role {
			break
		}
		c.wants("a "+less, &request{token: c.opts.Tokens[less], body: c.good()}, http.StatusForbidden)
	}
}

// queries are parameters that there are not, and those with values that they
// cannot have.
func (c *checker) queries() {
	c.wants("an unknown parameter", &request{query: url.Values{"no_such": {"1"}}, body: c.good()}, http.StatusUnprocessableEntity)
	c.wants("a body in chunks", &request{chunked: true}, http.StatusLengthRequired)
	c.wants("a secret in the URL", &request{query: url.Values{"access_token": {c.opts.Tokens["admin"]}}, body: c.good()}, http.StatusBadRequest)
	for _, p := range c.op.parameters {
		if p.in != "query" {
			continue
		}
		c.wants(p.name+": garbage", &request{query: url.Values{p.name: {"\x00\xff%/"}}, body: c.good()})
		c.values(&p)
		if kind := typeOf(c.resolve(p.schema)); kind == "string" && p.schema["enum"] == nil {
			continue // any value is one
		}
		for _, m := range c.mutants(p.schema, nil) {
			text, plain := m.body.(string)
			if kind := typeOf(c.resolve(p.schema)); is(kind, m.body) && p.check.Validate(m.body) == nil || m.body == true && kind == "boolean" {
				continue
			}
			if n, ok := m.body.(json.Number); ok {
				text, plain = n.String(), true
			} else if n, ok := m.body.(int64); ok {
				text, plain = fmt.Sprint(n), true
			}
			if plain {
				c.wants(p.name+": "+m.what, &request{query: url.Values{p.name: {text}}, body: c.good()}, http.StatusUnprocessableEntity)
			}
		}
	}
}

// values are those that a parameter can have.
func (c *checker) values(p *parameter) {
	if c.op.method != http.MethodGet {
		return // what they do is not undone
	}
	var all []string
	for _, v := range list(p.schema["enum"]) {
		all = append(all, fmt.Sprint(v))
	}
	if typeOf(p.schema) == "boolean" {
		all = append(all, "true", "false")
	}
	for _, key := range []string{"minimum", "maximum"} {
		if n, ok := number(p.schema[key]); ok {
			all = append(all, fmt.Sprint(n))
		}
	}
	for _, v := range all {
		c.wants(p.name+"="+v, &request{query: url.Values{p.name: {v}}}, http.StatusOK, http.StatusConflict)
	}
}

// unless2xx are the statuses of refusals that are the asker's fault.
func (c *checker) unless2xx() []int { return []int{400, 404, 409, 412, 413, 415, 422} }

// reads are a good request, and one for what is not there.
func (c *checker) reads() {
	if c.op.method != http.MethodGet {
		return
	}
	r := c.wants("a good request", &request{}, http.StatusOK)
	if strings.Contains(c.op.path, "{name}") {
		c.wants("what is not there", &request{name: "no-such-name"}, http.StatusNotFound)
		c.wants("a name that cannot be", &request{name: "\x00/../é"}, 400, 404, 422)
		c.wants("an endless name", &request{name: strings.Repeat("x", 5000)}, 400)
	}
	for _, p := range c.op.parameters {
		if p.in == "query" && p.name == "cursor" {
			c.pages(r)
		}
	}
}

// pages reads a list one by one, which must be the same as at once.
func (c *checker) pages(whole *reply) {
	items := func(r *reply) (all []any, next string) {
		var page struct {
			Items []any  `json:"items"`
			Next  string `json:"next_cursor"`
		}
		if err := json.Unmarshal(r.text, &page); err != nil {
			c.Errorf("a page: %v", err)
		}
		return page.Items, page.Next
	}
	all, _ := items(whole)
	query, one := url.Values{"limit": {"1"}}, 0
	for range len(all) + 1 {
		page, next := items(c.wants("a page of one", &request{query: query}, http.StatusOK))
		one += len(page)
		if next == "" {
			break
		}
		query.Set("cursor", next)
	}
	if one < len(all) {
		c.Errorf("%d items one by one, %d at once", one, len(all))
	}
}

// bodies are wrong in all ways that the schema tells of, and no JSON at all.
func (c *checker) bodies() {
	if c.op.body == nil {
		return
	}
	schema, check := c.op.body, c.op.bodyCheck
	if put := c.find(http.MethodPut, c.op.path); put != nil {
		schema, check = put.body, put.bodyCheck
	}
	for _, text := range []string{"", "{", "[]", "null", "7", `"text"`, "\xff\xfe", `{"a":1}{"b":2}`, strings.Repeat("[", 100_000), `{"a":` + strings.Repeat("9", 100_000) + "}"} {
		c.wants(fmt.Sprintf("the body %.20q", text), &request{body: []byte(text)}, c.unless2xx()...)
	}
	c.wants("a body over the limit", &request{body: bytes.Repeat([]byte(" "), 2<<20)}, http.StatusRequestEntityTooLarge)
	c.wants("a form", &request{body: []byte("a=1"), header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, http.StatusUnsupportedMediaType)
	valid, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.good()))
	if err != nil {
		c.Fatalf("there is no good body for %s: %v", c.op.path, err)
	}
	mutants, wrong := c.mutants(schema, valid), 0
	for _, m := range mutants {
		text, err := json.Marshal(m.body)
		if err != nil {
			c.Fatal(err)
		}
		again, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			c.Fatal(err)
		}
		var want []int
		if merges := c.op.method == http.MethodPatch && strings.HasSuffix(m.what, "left out"); check.Validate(again) != nil && !merges {
			want = []int{http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity}
			wrong++
		}
		c.wants(m.what, &request{body: text}, want...)
	}
	if wrong < 20 {
		c.Errorf("only %d of %d bodies are wrong", wrong, len(mutants))
	}
	if put := c.find(http.MethodPut, c.op.path); put != nil { // some may have been taken
		c.wants("the good body again", &request{op: put, body: c.good()}, http.StatusOK, http.StatusNoContent)
	}
}

// conditions are writes that depend on an ETag, and writes of what is the
// configuration file's.
func (c *checker) conditions() {
	if !slices.ContainsFunc(c.op.parameters, func(p parameter) bool { return p.name == "If-Match" }) {
		return
	}
	with := func(name, value string) *request {
		return &request{body: c.good(), header: map[string]string{name: value}}
	}
	c.wants("a stale ETag", with("If-Match", `"0"`), http.StatusPreconditionFailed)
	c.wants("a weak ETag", with("If-Match", `W/"0"`), http.StatusPreconditionFailed)
	c.wants("no ETag", with("If-Match", `garbage`), http.StatusUnprocessableEntity, http.StatusBadRequest)
	c.wants("only if it is new", with("If-None-Match", "*"), http.StatusPreconditionFailed)
	if c.op.method != http.MethodDelete {
		get := c.find(http.MethodGet, c.op.path)
		now := c.wants("the ETag", &request{op: get}, http.StatusOK)
		if now.etag == "" {
			c.Error("GET gives no ETag")
		}
		c.wants("the ETag of now", with("If-Match", now.etag), http.StatusOK)
		if c.op.method == http.MethodPut {
			r := &request{body: c.good(), query: url.Values{"dry_run": {"true"}}}
			c.wants("a dry run", r, http.StatusOK)
		}
	}
	for path, name := range c.opts.FromFile {
		if c.op.path == path {
			c.wants("an object of the file", &request{name: name, body: c.good()}, http.StatusConflict)
		}
	}
	if c.op.method != http.MethodPut {
		c.wants("what is not there", &request{name: "no-such-name", body: c.good()}, http.StatusNotFound)
	}
	c.wants("a name that cannot be", &request{name: "Ä /", body: c.good()}, 400, 404, 422)
}
