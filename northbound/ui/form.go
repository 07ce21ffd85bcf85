package ui

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
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

// mistake is what is wrong with a field, row or list of rows.
type mistake struct{ ID, Label, Text string }

// Mistakes are those of fields, in the order of the form.
func (f *form) Mistakes() []mistake {
	return mistakesIn(nil, append(f.Controls[:len(f.Controls):len(f.Controls)], f.More...), "")
}

func mistakesIn(list []mistake, controls []control, of string) []mistake {
	for i := range controls {
		c := &controls[i]
		if c.Error != "" {
			list = append(list, mistake{c.ID, of + c.Label, c.Error})
		}
		list = mistakesIn(list, c.Group, c.Label+", ")
		for j := range c.Rows {
			r := &c.Rows[j]
			if r.Error != "" {
				list = append(list, mistake{r.ID, r.Title, r.Error})
			}
			list = mistakesIn(list, append(r.Controls[:len(r.Controls):len(r.Controls)], r.More...), r.Title+", ")
		}
	}
	return list
}

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

// Rare is what of it is asked for seldom.
func (f *form) Rare() rare { return rare{f.More} }

// rare are controls that are shown when they are asked for.
type rare struct{ Controls []control }

// Open reports whether they are shown from the start, since something is wrong with
// them.
func (r rare) Open() bool { return slices.ContainsFunc(r.Controls, control.urgent) }

// Set is how many of them have something.
func (r rare) Set() int {
	n := 0
	for i := range r.Controls {
		if r.Controls[i].filled() {
			n++
		}
	}
	return n
}

// control is a field as it is to be filled in.
type control struct {
	*field
	ID      string // and name
	Value   string
	Error   string
	Choices []option
	Focus   bool
	Rows    []formRow // of a field with rows
	Group   []control // of a group
}

// Chosen reports whether an option is.
func (c *control) Chosen(value string) bool { return c.Value == value }

// Kind tells templates how the field is asked for.
func (c *control) Kind() string {
	switch c.Input {
	case choiceInput, portInput:
		return "choice"
	case yesInput:
		return "yes"
	case secretInput:
		return "secret"
	case rowsInput:
		return "rows"
	case groupInput:
		return "group"
	}
	return "text"
}

// filled reports whether something other than the default is in a control.
func (c control) filled() bool {
	def := ""
	if c.Input == choiceInput && len(c.Choices) > 0 {
		def = c.Choices[0].Value
	}
	return len(c.Rows) > 0 || c.Value != "" && c.Value != def || slices.ContainsFunc(c.Group, control.filled)
}

// urgent reports whether somebody has to see a control.
func (c control) urgent() bool {
	return c.Error != "" || c.Focus || slices.ContainsFunc(c.Group, control.urgent) || slices.ContainsFunc(c.Rows, formRow.urgent)
}

// formRow is a row of a field with rows.
type formRow struct {
	ID, Error      string
	Title          string // such as port 2
	Controls, More []control
}

// Rare is that of the form.
func (r formRow) Rare() rare { return rare{r.More} }

func (r formRow) urgent() bool {
	return r.Error != "" || slices.ContainsFunc(r.Controls, control.urgent) || slices.ContainsFunc(r.More, control.urgent)
}

// lay prepares the controls; focus is the row that the browser goes to.
func (f *form) lay(cfg *config.Config, focus string) {
	f.Controls, f.More = f.controls(cfg, f.fields, "", focus)
}

func (f *form) controls(cfg *config.Config, fields []field, prefix, focus string) (usual, rare []control) {
	for i := range fields {
		d := &fields[i]
		id := prefix + d.Name
		c := control{field: d, ID: id, Value: f.values.Get(id), Error: f.Errors[id], Focus: focus != "" && focus == prefix && i == 0}
		switch d.Input {
		case secretInput:
			c.Value = ""
		case choiceInput:
			c.Choices = withOption(d.Options(cfg), c.Value)
		case portInput:
			c.Choices = withOption(d.Options(cfg), c.Value)
		case groupInput:
			c.Group, _ = f.controls(cfg, d.Fields, id+".", focus)
		case rowsInput:
			for _, row := range rowsOf(f.values, id) {
				r := formRow{ID: strings.TrimSuffix(row, "."), Title: "new " + d.Row}
				if first := f.values.Get(row + d.Fields[0].Name); first != "" {
					r.Title = d.Row + " " + first
				}
				r.Error = f.Errors[r.ID]
				r.Controls, r.More = f.controls(cfg, d.Fields, row, focus)
				c.Rows = append(c.Rows, r)
			}
		}
		if d.Rare {
			rare = append(rare, c)
		} else {
			usual = append(usual, c)
		}
	}
	return usual, rare
}

// withOption are options with what is chosen, which may not be one any more.
func withOption(options []option, value string) []option {
	for _, o := range options {
		if o.Value == value || value == "" {
			return options
		}
	}
	return append(options[:len(options):len(options)], option{value, value})
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
