package ui

import (
	"slices"
	"strings"

	"github.com/corecast/corecast/controller/config"
)

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
