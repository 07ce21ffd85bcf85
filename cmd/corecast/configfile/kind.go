package configfile

import (
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/source/station"
)

// Kind is whose configuration a file is.
type Kind string

// Kinds of files.
const (
	Unclear      Kind = ""
	OfController Kind = "controller"
	OfSource     Kind = "source"
)

// KindOf tells whose configuration a text is, right or wrong, by what more of it
// fits. It is Unclear if that is neither.
func KindOf(text []byte) Kind {
	text, err := config.Text("", text)
	var file map[string]any
	if err != nil || yaml.Unmarshal(text, &file) != nil {
		return Unclear
	}
	asController, asSource := misfits(file, reflect.TypeFor[config.Config]()), misfits(file, reflect.TypeFor[station.Config]())
	switch {
	case asController < asSource:
		return OfController
	case asSource < asController:
		return OfSource
	}
	return Unclear
}

// misfits counts the keys of a value that a type does not know, and the values
// that are of another shape than it wants.
func misfits(value any, t reflect.Type) (n int) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := value.(type) {
	case []any:
		if t.Kind() != reflect.Slice {
			return 1
		}
		for _, item := range v {
			n += misfits(item, t.Elem())
		}
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return 1
		}
		fields := fieldsOf(t)
		for key, inner := range v {
			if field, known := fields[key]; known {
				n += misfits(inner, field)
			} else {
				n++
			}
		}
	default:
		if written := t.Kind() != reflect.Struct && t.Kind() != reflect.Slice || isText(t); !written && value != nil {
			return 1
		}
	}
	return n
}

// isText reports whether a type is written as one word, whatever it is in Go.
func isText(t reflect.Type) bool {
	_, text := reflect.PointerTo(t).MethodByName("UnmarshalText")
	return text
}

// fieldsOf are the types of a struct's fields by their names in YAML.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" && name != "-" {
			fields[name] = f.Type
		}
	}
	return fields
}
