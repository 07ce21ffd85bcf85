package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mutant is a body that differs from a valid one in one place.
type mutant struct {
	what string
	body any
}

// mutants are all bodies that are wrong in one of the ways that a schema tells
// of: another type, a field that there is not, a required one left out, beyond a
// limit, not of an enumeration.
func (d *document) mutants(schema map[string]any, valid any) []mutant {
	var all []mutant
	d.each(d.resolve(schema), valid, "", 0, func(what string, value any) {
		all = append(all, mutant{what, value})
	})
	return all
}

// each calls yield with each mutated form of valid.
func (d *document) each(schema map[string]any, valid any, at string, depth int, yield func(string, any)) {
	schema = d.resolve(schema)
	if depth > maxDepth {
		return
	}
	for _, wrong := range wrongTypes {
		if kind := typeOf(schema); kind != "" && !is(kind, wrong) {
			yield(fmt.Sprintf("%s as %s", or(at, "the body"), short(wrong)), wrong)
		}
	}
	if low, ok := number(schema["minimum"]); ok {
		yield(at+" below its minimum", low-1)
	}
	if high, ok := number(schema["maximum"]); ok {
		yield(at+" above its maximum", high+1)
	}
	if most, ok := number(schema["maxLength"]); ok {
		yield(at+" too long", strings.Repeat("x", int(most)+1))
	}
	if len(list(schema["enum"])) > 0 {
		yield(at+" not of its enumeration", "none of these")
	}
	switch v := valid.(type) {
	case map[string]any:
		d.eachField(schema, v, at, depth, yield)
	case []any:
		if len(v) > 0 {
			d.each(object(schema["items"]), v[0], at+"[0]", depth+1, func(what string, item any) {
				yield(what, append([]any{item}, v[1:]...))
			})
		}
	}
}

func (d *document) eachField(schema, valid map[string]any, at string, depth int, yield func(string, any)) {
	with := func(name string, value any) map[string]any {
		changed := maps.Clone(valid)
		changed[name] = value
		return changed
	}
	yield("a field that there is not in "+or(at, "the body"), with("no_such_field", 1))
	properties := object(schema["properties"])
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if _, there := valid[name]; there && isRequired(schema, name) {
			less := maps.Clone(valid)
			delete(less, name)
			yield(join(at, name)+" left out", less)
		}
		d.each(object(properties[name]), valid[name], join(at, name), depth+1, func(what string, value any) {
			yield(what, with(name, value))
		})
	}
}

// wrongTypes are one value of each type.
var wrongTypes = []any{"text", json.Number("7"), json.Number("0.5"), json.Number("-1"), true, []any{}, []any{"text", 7}, map[string]any{}, map[string]any{"a": 1}}

// is reports whether a value is of a type of JSON Schema.
func is(kind string, v any) bool {
	switch v := v.(type) {
	case string:
		return kind == "string"
	case json.Number:
		return kind == "number" || kind == "integer" && !strings.Contains(v.String(), ".")
	case bool:
		return kind == "boolean"
	case []any:
		return kind == "array"
	}
	return kind == "object"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func short(v any) string {
	text, _ := json.Marshal(v) // plain values
	return fmt.Sprintf("%.40s", text)
}

func or(text, none string) string {
	if text == "" {
		return none
	}
	return text
}
