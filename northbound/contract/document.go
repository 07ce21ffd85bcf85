package contract

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is an OpenAPI document as far as it is needed here.
type document struct {
	root       map[string]any
	operations []*operation // by path and method
}

// operation is one method of one path.
type operation struct {
	id, method, path string
	role             string
	parameters       []parameter
	body             map[string]any                // schema; nil if there is none
	bodyType         string                        // its content type
	bodyCheck        *jsonschema.Schema            // of body
	answers          map[string]map[string]*answer // by status and content type
}

// String is the operation as people write it.
func (o *operation) String() string { return o.method + " " + o.path }

// parameter is one of a query, a path or the headers.
type parameter struct {
	name, in string
	required bool
	schema   map[string]any
	check    *jsonschema.Schema
}

// answer is what a body must be; nil check is anything.
type answer struct{ check *jsonschema.Schema }

const resource = "openapi.json"

// read makes a document of its text.
func read(text []byte) (*document, error) {
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	root, ok := raw.(map[string]any)
	if !ok || root["openapi"] != "3.1.0" {
		return nil, fmt.Errorf("no OpenAPI document of version 3.1.0")
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(resource, raw); err != nil {
		return nil, err
	}
	d := &document{root: root}
	for path, item := range object(root["paths"]) {
		for method, op := range object(item) {
			o, err := d.operation(compiler, path, method, object(op))
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			d.operations = append(d.operations, o)
		}
	}
	slices.SortFunc(d.operations, func(a, b *operation) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.method, b.method))
	})
	return d, nil
}

func (d *document) operation(compiler *jsonschema.Compiler, path, method string, raw map[string]any) (*operation, error) {
	o := &operation{method: strings.ToUpper(method), path: path, answers: map[string]map[string]*answer{}}
	o.id, _ = raw["operationId"].(string)
	o.role, _ = raw["x-corecast-role"].(string)
	at := func(parts ...string) (*jsonschema.Schema, error) {
		return compiler.Compile(resource + "#/paths/" + pointer(append([]string{path, method}, parts...)...))
	}
	var err error
	for i, p := range list(raw["parameters"]) {
		p := object(p)
		param := parameter{schema: d.resolve(object(p["schema"]))}
		param.name, _ = p["name"].(string)
		param.in, _ = p["in"].(string)
		param.required, _ = p["required"].(bool)
		if param.check, err = at("parameters", fmt.Sprint(i), "schema"); err != nil {
			return nil, err
		}
		o.parameters = append(o.parameters, param)
	}
	for kind, content := range object(object(raw["requestBody"])["content"]) {
		o.bodyType, o.body = kind, d.resolve(object(object(content)["schema"]))
		if o.bodyCheck, err = at("requestBody", "content", kind, "schema"); err != nil {
			return nil, err
		}
	}
	for status, response := range object(raw["responses"]) {
		o.answers[status] = map[string]*answer{}
		for kind, content := range object(object(response)["content"]) {
			a := &answer{}
			if object(content)["schema"] != nil {
				if a.check, err = at("responses", status, "content", kind, "schema"); err != nil {
					return nil, err
				}
			}
			o.answers[status][kind] = a
		}
	}
	return o, nil
}

// resolve follows a reference to its schema.
func (d *document) resolve(schema map[string]any) map[string]any {
	for range 10 {
		ref, ok := schema["$ref"].(string)
		if !ok {
			return schema
		}
		schema = object(object(object(d.root["components"])["schemas"])[strings.TrimPrefix(ref, "#/components/schemas/")])
	}
	return schema
}

// pointer is a JSON pointer in a URL.
func pointer(parts ...string) string {
	for i, p := range parts {
		parts[i] = strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "+", "%2B").Replace(p)
	}
	return strings.Join(parts, "/")
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }
func list(v any) []any            { l, _ := v.([]any); return l }
