package ui

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/corecast/corecast/controller/config"
)

// field is a part of a form: how a part of an object's spec is asked for.
type field struct {
	Name  string // in the spec
	Label string
	Hint  string
	Input input
	// Rest is the list that has all of a list but its first, which alone
	// is Name's.
	Rest string
	// Options are what an input of choice takes. Without an empty one among them
	// the first is chosen at first.
	Options func(*config.Config) []option
	// Fields are those of each row, or of the group.
	Fields []field
	// Row is what a row is called.
	Row string
	// Rare fields are shown when they are asked for.
	Rare bool
}

// input is how a field is asked for.
type input int

const (
	textInput   input = iota // as it is typed
	numberInput              // a number; what is none is sent as it is, for the same check as everywhere to say so
	listInput                // texts, with commas or blanks between them
	choiceInput              // one of some texts
	yesInput                 // yes or no
	secretInput              // a text that is never shown
	portInput                // a switch and a local port of it
	rowsInput                // as many objects as are wanted
	groupInput               // one object
)

// option is a choice.
type option struct{ Value, Label string }

// maxRows is how many rows a form has at most: a switch has fewer ports.
const maxRows = 512

// specOf is what the values of fields say, as REST takes it. Fields that are
// empty are left out.
func specOf(fields []field, values url.Values, prefix string) map[string]any {
	spec := map[string]any{}
	for i := range fields {
		f := &fields[i]
		name := prefix + f.Name
		typed := strings.TrimSpace(values.Get(name))
		switch f.Input {
		case yesInput:
			spec[f.Name] = typed == "true"
		case listInput:
			f.setList(spec, typed)
		case portInput:
			if sw, id, _ := strings.Cut(typed, " "); sw != "" {
				spec[f.Name] = map[string]any{"switch": sw, "port": numberOrText(id)}
			}
		case rowsInput:
			var all []any
			for _, row := range rowsOf(values, name) {
				all = append(all, specOf(f.Fields, values, row))
			}
			if all != nil {
				spec[f.Name] = all
			}
		case groupInput:
			if all := specOf(f.Fields, values, name+"."); len(all) > 0 {
				spec[f.Name] = all
			}
		case numberInput:
			if typed != "" {
				spec[f.Name] = numberOrText(typed)
			}
		default:
			if typed != "" {
				spec[f.Name] = typed
			}
		}
	}
	return spec
}

// setList adds what was typed as a list.
func (f *field) setList(spec map[string]any, typed string) {
	parts := strings.FieldsFunc(typed, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
	switch {
	case len(parts) == 0:
	case f.Rest == "":
		spec[f.Name] = parts
	default:
		spec[f.Name] = parts[0]
		if len(parts) > 1 {
			spec[f.Rest] = parts[1:]
		}
	}
}

func numberOrText(typed string) any {
	if n, err := strconv.ParseUint(typed, 10, 64); err == nil {
		return n
	}
	return typed
}

// valuesOf are the values of fields for a spec that there is.
func valuesOf(fields []field, spec any) url.Values {
	raw, _ := json.Marshal(spec) // plain values
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var object map[string]any
	_ = d.Decode(&object) // of what was encoded just now
	values := url.Values{}
	setValues(values, fields, object, "")
	return values
}

func setValues(values url.Values, fields []field, object map[string]any, prefix string) {
	for i := range fields {
		f := &fields[i]
		name := prefix + f.Name
		switch v := object[f.Name].(type) {
		case string:
			values.Set(name, v)
		case json.Number:
			values.Set(name, v.String())
		case bool:
			values.Set(name, strconv.FormatBool(v))
		case []any:
			f.setRows(values, v, name)
		case map[string]any:
			if f.Input == portInput {
				values.Set(name, portValue(v["switch"].(string), v["port"].(json.Number).String()))
				continue
			}
			setValues(values, f.Fields, v, name+".")
		}
		if rest, ok := object[f.Rest].([]any); ok {
			values.Set(name, strings.TrimPrefix(values.Get(name)+", "+joined(rest), ", "))
		}
	}
}

// setRows sets what a list has: texts of one field, or objects of rows.
func (f *field) setRows(values url.Values, all []any, name string) {
	if f.Input != rowsInput {
		values.Set(name, joined(all))
		return
	}
	for i := range all {
		if object, ok := all[i].(map[string]any); ok {
			setValues(values, f.Fields, object, rowName(name, i))
		}
	}
}

func joined(texts []any) string {
	var parts []string
	for _, t := range texts {
		if s, ok := t.(string); ok {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

// portValue is a port as a form sends it; names of switches have no blanks.
func portValue(sw, id string) string { return sw + " " + id }
