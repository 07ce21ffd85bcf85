package contract

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// Check asks every operation of an API in all ways that the document tells of.
func Check(t *testing.T, o Options) {
	a := open(t, o)
	for _, path := range o.Order {
		a.create(t, path)
	}
	for _, op := range a.operations {
		t.Run(op.method+op.path, func(t *testing.T) {
			c := &checker{a, t, op}
			c.strangers()
			c.queries()
			c.reads()
			c.bodies()
			c.conditions()
		})
	}
	for _, path := range slices.Backward(o.Order) {
		a.remove(t, path)
	}
	for _, op := range a.operations {
		t.Logf("%v: %s", op, a.seen.summary(op))
		for _, status := range a.seen.missing(op, o.Unreachable) {
			t.Errorf("%v: no request was answered %s, of which the document tells", op, status)
		}
	}
}

// open reads the document of an API.
func open(t *testing.T, o Options) *api {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	a := &api{opts: o, client: &http.Client{Transport: transport}, seen: newSeen()}
	req, err := http.NewRequest(http.MethodGet, o.URL+"/openapi.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+o.Tokens["viewer"])
	resp, err := a.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		a.document, err = read(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(a.operations) < 5 {
		t.Fatalf("the document has %d operations", len(a.operations))
	}
	return a
}

// find returns the operation of a path and method, or nil.
func (a *api) find(method, path string) *operation {
	for _, op := range a.operations {
		if op.method == method && op.path == path {
			return op
		}
	}
	return nil
}

// create makes the object of an example.
func (a *api) create(t *testing.T, path string) {
	t.Helper()
	put, good := a.find(http.MethodPut, path), a.opts.Good[path]
	if put == nil {
		t.Fatalf("the document has no PUT %s", path)
	}
	r, err := a.ask(&request{op: put, name: good.Name, body: []byte(good.Body), header: map[string]string{"If-None-Match": "*"}})
	if err != nil || r.status != http.StatusCreated {
		t.Fatalf("PUT %s of what is good: %+v, %v", path, r, err)
	}
}

// remove deletes the object of an example, and sees that it is gone.
func (a *api) remove(t *testing.T, path string) {
	t.Helper()
	del, get, name := a.find(http.MethodDelete, path), a.find(http.MethodGet, path), a.opts.Good[path].Name
	if del == nil || get == nil {
		t.Fatalf("the document has no DELETE or no GET %s", path)
	}
	for _, step := range []struct {
		request
		want int
	}{
		{request{op: del, name: name, query: url.Values{"dry_run": {"true"}}}, http.StatusOK},
		{request{op: get, name: name}, http.StatusOK},
		{request{op: del, name: name, header: map[string]string{"If-Match": "*"}}, http.StatusNoContent},
		{request{op: get, name: name}, http.StatusNotFound},
		{request{op: del, name: name}, http.StatusNotFound},
	} {
		if r, err := a.ask(&step.request); err != nil || r.status != step.want {
			t.Errorf("%s %s: %+v, %v; want %d", step.op.method, path, r, err, step.want)
		}
	}
}
