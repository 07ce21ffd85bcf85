package ui

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
)

// form is a form to create or change an object. Texts are kept as they were typed,
// so that a mistake can be mended where it is.
type form struct {
	*editable
	New     bool
	Object  string // its name
	Version string // of the object that is changed
	Errors  map[string]string
	General []string // what is wrong with no field
	values  url.Values
	// Controls are what there is to fill in, More what is asked for seldom.
	Controls, More []control
	fields         []field
}

// newForm is a form with values, to create an object or to change that of a name.
func newForm(k *editable, name string, values url.Values) *form {
	f := &form{editable: k, New: name == "", Object: name, Errors: map[string]string{}, values: values, fields: k.Fields}
	if f.New {
		f.fields = append([]field{{Name: "name", Label: "Name", Hint: "letters, digits, dots and dashes"}}, k.Fields...)
	}
	return f
}

// Wrong counts what is wrong.
func (f *form) Wrong() int { return len(f.Errors) + len(f.General) }

// Action is where the form is sent to.
func (f *form) Action() string {
	if f.New {
		return "/new/" + f.Name()
	}
	return "/edit/" + f.Name() + "/" + url.PathEscape(f.Object)
}

// Back is the page that it was opened from.
func (f *form) Back() string {
	if f.New {
		return f.List
	}
	return f.page(f.Object)
}

// refuse notes why a change was refused, each reason at its field.
func (f *form) refuse(err error) (status int) {
	var wrong *config.Error
	var conflict *inventory.ConflictError
	var version *inventory.VersionError
	switch {
	case errors.As(err, &wrong):
		for _, p := range wrong.Problems {
			f.problem(p)
		}
		if f.hasSecret() {
			f.General = append(f.General, "Type the secrets again: they are never shown.")
		}
		return http.StatusUnprocessableEntity
	case errors.As(err, &version) && f.New:
		f.Errors["name"] = "There is a " + f.Name() + " of this name already: take another, or change that one."
		return http.StatusConflict
	case errors.As(err, &version):
		f.General = append(f.General, "Somebody else has changed this "+f.Name()+" meanwhile: open its page, and repeat your change there.")
		return http.StatusConflict
	case errors.As(err, &conflict):
		f.General = append(f.General, sentence(conflict.Reason, conflict.Fix))
		return http.StatusConflict
	case errors.Is(err, errReadOnly):
		f.General = append(f.General, err.Error())
		return http.StatusForbidden
	}
	f.General = append(f.General, sentence(err.Error(), ""))
	return http.StatusServiceUnavailable
}

// hasSecret reports whether a secret was typed.
func (f *form) hasSecret() bool {
	for name, v := range f.values {
		if strings.HasSuffix(name, ".secret") && v[0] != "" {
			return true
		}
	}
	return false
}

// problem notes one mistake.
func (f *form) problem(p config.Problem) {
	text := sentence(p.What, p.Fix)
	id := f.controlOf(p.Path)
	switch {
	case id == "" && p.Path != "":
		f.General = append(f.General, p.Path+": "+text)
	case id == "":
		f.General = append(f.General, text)
	case f.Errors[id] == "":
		f.Errors[id] = text
	case !strings.Contains(f.Errors[id], text):
		f.Errors[id] += " " + text
	}
}

var listIndex = regexp.MustCompile(`\[(\d+)\]`)

// controlOf is what in the form a path of the spec is about: the field, else its
// row, else the field with the rows; empty if it is nothing in it.
func (f *form) controlOf(path string) string {
	steps := strings.Split(listIndex.ReplaceAllString(path, ".$1"), ".")
	return locate(f.fields, f.values, "", steps)
}

func locate(fields []field, values url.Values, prefix string, steps []string) string {
	for i := range fields {
		d := &fields[i]
		if d.Name != steps[0] && (d.Rest == "" || d.Rest != steps[0]) {
			continue
		}
		id := prefix + d.Name
		switch {
		case d.Input == groupInput && len(steps) > 1:
			if found := locate(d.Fields, values, id+".", steps[1:]); found != "" {
				return found
			}
		case d.Input == rowsInput && len(steps) > 1:
			row := id + "." + steps[1]
			if !hasRow(values, id, row+".") {
				return id
			}
			if len(steps) > 2 {
				if found := locate(d.Fields, values, row+".", steps[2:]); found != "" {
					return found
				}
			}
			return row
		}
		return id
	}
	return ""
}

func hasRow(values url.Values, list, row string) bool {
	for _, r := range rowsOf(values, list) {
		if r == row {
			return true
		}
	}
	return false
}

// sentence makes one of what is wrong and what would be right.
func sentence(what, fix string) string {
	text := what
	if fix != "" {
		text += ": " + fix
	}
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
