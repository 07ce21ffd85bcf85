package northbound

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/api"
)

var configPackage = reflect.TypeFor[config.Config]().PkgPath()

// schemaName names the type of what the configuration and REST have in common
// ("SiteSpec"), to tell it from what REST says of the object ("Site").
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() == configPackage && !strings.HasSuffix(name, "Spec") {
		name += "Spec"
	}
	return name
}

// mendSchemas says what the types cannot: that a YesNo is a truth value, and that
// every error is an api.Error.
func mendSchemas(doc *huma.OpenAPI) {
	schemas := doc.Components.Schemas
	failed := schemas.Schema(reflect.TypeFor[api.Error](), true, "")
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
	for _, path := range doc.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Put, path.Post, path.Patch, path.Delete} {
			if op == nil {
				continue
			}
			if op.RequestBody != nil { // huma takes a RawBody for any bytes
				delete(op.RequestBody.Content, "application/octet-stream")
			}
			if op.Responses["422"] == nil { // of parameters that are unknown
				op.Responses["422"] = &huma.Response{Description: http.StatusText(http.StatusUnprocessableEntity),
					Content: map[string]*huma.MediaType{"application/problem+json": {}}}
			}
			for status, r := range op.Responses {
				if status == "204" {
					r.Content, r.Headers = nil, nil
				}
				if m := r.Content["application/problem+json"]; m != nil {
					m.Schema = failed
				}
			}
		}
	}
	if lists := schemas.Map()["ChannelSpec"].Properties["lists"]; lists != nil {
		lists.Type = huma.TypeBoolean
	}
}
