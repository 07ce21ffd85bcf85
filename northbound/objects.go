package northbound

import (
	"context"
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/auth"
)

// Inventory is what is asked of an *inventory.Inventory.
type Inventory interface {
	Get(inventory.Ref) (inventory.Object, bool)
	List(kind inventory.Kind, after string, limit int, keep func(*inventory.Object) bool) ([]inventory.Object, bool)
	Unused(kind inventory.Kind, limit int) []inventory.Object
	Names(inventory.Kind) []string
	Config() *config.Config
	Do(context.Context, inventory.Change) (inventory.Result, error)
	Preview(context.Context, inventory.Change) (inventory.Result, error)
	Flush(context.Context) error
	Warnings() []string
	Unread() []inventory.Object
	Problem() error
	Failure() error
}

// maxWrite bounds the body of a write: with what it omits filled in it must fit
// the store.
const maxWrite = 512 << 10

// NameInput names an object.
type NameInput struct {
	Name string `path:"name" maxLength:"63" doc:"of the object" example:"news"`
}

// writeInput is that of PUT and PATCH.
type writeInput struct {
	NameInput
	Conditions
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte
}

// Conditions are what a write may depend on.
type Conditions struct {
	IfMatch     string `header:"If-Match" doc:"the ETag that the object must have, so that nobody's change is lost; * is any" example:"\"1834\""`
	IfNoneMatch string `header:"If-None-Match" doc:"*: the object must not exist yet"`
	DryRun      bool   `query:"dry_run" doc:"change nothing: answer what would be written to each switch, and how full its tables would be"`
}

type deleteInput struct {
	NameInput
	Conditions
}

// writeOutput is the answer to a write: the object, or with dry_run what would
// happen.
type writeOutput struct {
	Status int
	ETag   string `header:"ETag"`
	Body   any
}

// objectOutput is an object with its ETag.
type objectOutput[T any] struct {
	ETag string `header:"ETag" doc:"the version of the object's spec, for If-Match"`
	Body T
}

// writable is a kind of object that can be written; T is what is told of it.
type writable[T any] struct {
	kind   inventory.Kind
	plural string
	spec   reflect.Type
	tell   func(inventory.Object) T
	// written is tell of what was just written: switches are not asked, since they
	// cannot know.
	written func(inventory.Object) T
}

// registerWritable registers how objects of a kind are read one by one, and
// written.
func registerWritable[T any](s *Server, w writable[T]) {
	path, kind := "/api/v1/"+w.plural+"/{name}", string(w.kind)
	huma.Register(s.api, operation("get-"+kind, path, "A "+kind+", and how it is", 404),
		func(_ context.Context, in *NameInput) (*objectOutput[T], error) {
			o, ok := s.opts.Inventory.Get(inventory.Ref{Kind: w.kind, Name: in.Name})
			if !ok {
				return nil, s.missing(w.kind, in.Name)
			}
			return &objectOutput[T]{etag(o.Version), w.tell(o)}, nil
		})
	write := func(ctx context.Context, op inventory.Op, in *writeInput) (*writeOutput, error) {
		if err := isJSON(in.ContentType, op); err != nil {
			return nil, err
		}
		return change(ctx, s, w, inventory.Change{Ref: inventory.Ref{Kind: w.kind, Name: in.Name}, Op: op, Body: in.RawBody}, in.Conditions)
	}
	huma.Register(s.api, s.writeOperation(http.MethodPut, path, kind, "Create or replace a "+kind, w.spec, reflect.TypeFor[T]()),
		func(ctx context.Context, in *writeInput) (*writeOutput, error) { return write(ctx, inventory.Put, in) })
	huma.Register(s.api, s.writeOperation(http.MethodPatch, path, kind, "Change a part of a "+kind+": a merge patch (RFC 7396) of its spec", w.spec, reflect.TypeFor[T]()),
		func(ctx context.Context, in *writeInput) (*writeOutput, error) {
			return write(ctx, inventory.Patch, in)
		})
	huma.Register(s.api, s.writeOperation(http.MethodDelete, path, kind, "Delete a "+kind, nil, nil),
		func(ctx context.Context, in *deleteInput) (*writeOutput, error) {
			return change(ctx, s, w, inventory.Change{Ref: inventory.Ref{Kind: w.kind, Name: in.Name}, Op: inventory.Delete}, in.Conditions)
		})
}

// change does what was asked for, or says what it would do.
func change[T any](ctx context.Context, s *Server, w writable[T], c inventory.Change, cond Conditions) (out *writeOutput, err error) {
	if c.IfMatch, err = versions("header.If-Match", cond.IfMatch); err != nil {
		return nil, err
	}
	if c.IfNoneMatch, err = versions("header.If-None-Match", cond.IfNoneMatch); err != nil {
		return nil, err
	}
	c.Who = auth.PrincipalFrom(ctx).ID()
	if cond.DryRun {
		return s.dryRun(ctx, c)
	}
	r, err := s.opts.Inventory.Do(ctx, c)
	if err != nil {
		return nil, refusal(err, c.Body)
	}
	if r.After == nil {
		return &writeOutput{Status: http.StatusNoContent}, nil
	}
	out = &writeOutput{Status: http.StatusOK, ETag: etag(r.After.Version), Body: w.written(*r.After)}
	if r.Did == inventory.Created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

// writeOperation describes a write: its body is a spec, its answers are an
// object or what would happen. Without a spec it deletes.
func (s *Server) writeOperation(method, path, kind, summary string, spec, object reflect.Type) huma.Operation {
	schemas := s.api.OpenAPI().Components.Schemas
	answer := func(description string, types ...reflect.Type) *huma.Response {
		var all []*huma.Schema
		for _, t := range types {
			all = append(all, schemas.Schema(t, true, ""))
		}
		schema := &huma.Schema{OneOf: all}
		if len(all) == 1 {
			schema = all[0]
		}
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
	op := huma.Operation{
		OperationID: strings.ToLower(method) + "-" + kind, Method: method, Path: path, Summary: summary, MaxBodyBytes: maxWrite,
		Errors: []int{409, 412, 422, 503}, Responses: map[string]*huma.Response{}, SkipValidateBody: true,
	}
	if method != http.MethodPut {
		op.Errors = append(op.Errors, 404)
	}
	dry := reflect.TypeFor[api.DryRun]()
	if spec == nil {
		op.DefaultStatus = http.StatusNoContent
		op.Responses["200"] = answer("What would happen, with dry_run", dry)
		op.Responses["204"] = &huma.Response{Description: "Deleted"}
		return auth.Needs(auth.Operator, op)
	}
	op.Responses["200"] = answer("The object as it is now; or, with dry_run, what would happen", object, dry)
	op.Errors = append(op.Errors, 408, 413, 415)
	body := schemas.Schema(spec, true, "")
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: body}}}
	if method == http.MethodPut {
		op.Responses["201"] = answer("Created", object)
	} else {
		op.RequestBody.Content = map[string]*huma.MediaType{
			"application/merge-patch+json": {Schema: &huma.Schema{Type: huma.TypeObject, Description: "what of the spec is to change; null takes a field out"}},
		}
	}
	return auth.Needs(auth.Operator, op)
}

// isJSON wants a body to be called JSON: a form of a web page never is.
func isJSON(contentType string, op inventory.Op) error {
	want := "application/json"
	if op == inventory.Patch {
		want = "application/merge-patch+json"
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err == nil && (media == want || media == "application/json") {
		return nil
	}
	return fail(http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type %.80q is not taken: send Content-Type: %s", contentType, want),
		field("header.Content-Type", fmt.Sprintf("%.80s", contentType), "is not taken", "send "+want))
}

func (s *Server) missing(kind inventory.Kind, name string) error {
	fix := config.DidYouMean(name, s.opts.Inventory.Names(kind))
	return fail(http.StatusNotFound, fmt.Sprintf("no %s %q: %s", kind, name, fix), field("path.name", name, fmt.Sprintf("no %s has that name", kind), fix))
}

// etag is the ETag of a version.
func etag(version string) string { return `"` + version + `"` }

// versions reads a list of ETags; nil if there is none.
func versions(location, text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		inner, quoted := strings.CutPrefix(part, `"`)
		inner, closed := strings.CutSuffix(inner, `"`)
		switch {
		case part == "*":
			list = append(list, "*")
		case quoted && closed && inner != "" && inner != "*" && !strings.Contains(inner, `"`):
			list = append(list, inner)
		case strings.HasPrefix(part, `W/"`): // weak: never the same for certain (RFC 9110, section 13.1.1)
			list = append(list, part)
		default:
			return nil, wrong(location, text, "is no ETag", `give the ETag of the object with its quotes, such as "1834", or *`)
		}
	}
	return list, nil
}

// metaOf is what is told of every object.
func metaOf(o *inventory.Object) api.Meta {
	m := api.Meta{Version: o.Version, Origin: api.FromREST, At: o.File, Unused: o.Unused, By: o.By, Changed: timeOrNil(o.Changed)}
	if o.Changed.IsZero() {
		m.Origin = api.FromFile
	}
	return m
}

// PageInput is that of lists of objects.
type PageInput struct {
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" doc:"how many to give at most" minimum:"1" maximum:"1000" default:"1000"`
}

// after is the name that a page comes after.
func (p *PageInput) after() (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	name, ok := strings.CutPrefix(string(raw), "after ")
	if p.Cursor != "" && (err != nil || !ok || len(name) > 1000) {
		return "", wrong("query.cursor", p.Cursor, "is not a cursor of this list", "leave it out to start from the first, or give the next_cursor of the page before")
	}
	return name, nil
}

// cursorAfter is the cursor of what comes after a name.
func cursorAfter(name string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("after " + name))
}

// page lists objects of a kind.
func (s *Server) page(kind inventory.Kind, in *PageInput, keep func(*inventory.Object) bool) (objects []inventory.Object, next string, err error) {
	after, err := in.after()
	if err != nil {
		return nil, "", err
	}
	objects, more := s.opts.Inventory.List(kind, after, in.Limit, keep)
	if more {
		next = cursorAfter(objects[len(objects)-1].Name)
	}
	return objects, next, nil
}
