package northbound

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/corecast/corecast/controller/config"
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

// mendSchemas says what the types cannot: that a YesNo is a truth value.
func mendSchemas(schemas map[string]*huma.Schema) {
	for _, s := range schemas {
		for name, p := range s.Properties {
			if s.Title == "" && name == "lists" && p.Type == huma.TypeString {
				p.Type = huma.TypeBoolean
			}
		}
	}
}
