package northbound

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/northbound/auth"
	"github.com/danielgtaylor/huma/v2"
)

// optional is a query parameter that may be left out.
type optional[T any] struct {
	Value T // exported for reflect
	given bool
}

// Schema implements huma.SchemaProvider.
func (optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}

// Receiver implements huma.ParamWrapper.
func (o *optional[T]) Receiver() reflect.Value { return reflect.ValueOf(o).Elem().Field(0) }

// OnParamSet implements huma.ParamReactor.
func (o *optional[T]) OnParamSet(given bool, _ any) { o.given = given }

// refuseUnknown answers requests with a query parameter that the operation does
// not have: a filter that is misspelt would select everything.
func (s *Server) refuseUnknown(ctx huma.Context, next func(huma.Context)) {
	var known []string
	for _, p := range ctx.Operation().Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	u := ctx.URL()
	for name, values := range u.Query() {
		if slices.Contains(known, name) {
			continue
		}
		fix := "this takes no parameters"
		if len(known) > 0 {
			fix = config.DidYouMean(name, known)
		}
		s.answer(ctx, fail(http.StatusUnprocessableEntity, fmt.Sprintf("there is no parameter %q: %s", name, fix),
			field("query."+name, values[0], "unknown parameter", fix)))
		return
	}
	next(ctx)
}

// answer answers with a failure.
func (s *Server) answer(ctx huma.Context, f *failure) {
	ctx.SetHeader("Content-Type", f.ContentType(""))
	ctx.SetStatus(f.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(f) // the client may be gone
}

// parseEID reads an EID or an EID-prefix.
func parseEID(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, wrong("query.eid", text, "is not an EID", "give an address or a prefix, such as 10.1.0.7 or 10.1.0.0/16")
	}
	if p != p.Masked() {
		return netip.Prefix{}, wrong("query.eid", text, "has host bits set", "give "+p.Masked().String()+" or "+p.Addr().String())
	}
	return p, nil
}

// A cursor is the last EID of a page. It is opaque to clients, so that it can
// become something else.
func encodeCursor(e lisp.EID) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", e.InstanceID, e.Prefix))
}

func decodeCursor(text string) (lisp.EID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		instance, prefix, _ := strings.Cut(string(raw), " ")
		id, err1 := strconv.ParseUint(instance, 10, 24)
		p, err2 := netip.ParsePrefix(prefix)
		if err1 == nil && err2 == nil && p == p.Masked() {
			return lisp.EID{InstanceID: uint32(id), Prefix: p}, nil
		}
	}
	return lisp.EID{}, wrong("query.cursor", text, "is not a cursor of this list", "leave it out to start from the first, or give the next_cursor of the page before")
}

// operation describes a GET, for whoever may read.
func operation(id, path, summary string, errors ...int) huma.Operation {
	return auth.Needs(auth.Viewer, huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Errors: errors})
}
