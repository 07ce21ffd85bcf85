package ui

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Rows of a form are numbered: rlocs.0.address is the address of the first.

// rowName is what the names of the fields of a row begin with.
func rowName(list string, n int) string { return list + "." + strconv.Itoa(n) + "." }

// rowsOf are the beginnings of all rows that values have of a list, in order.
func rowsOf(values url.Values, list string) []string {
	var numbers []int
	for name := range values {
		rest, ok := strings.CutPrefix(name, list+".")
		digits, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(digits); ok && err == nil && n >= 0 && n < maxRows && strconv.Itoa(n) == digits && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = rowName(list, n)
	}
	return names
}

// withoutBlankRows are values whose rows are numbered without a gap, in which rows
// that nothing was typed into are left out: what is wrong with a row of the spec
// is then wrong with that of the form.
func withoutBlankRows(fields []field, values url.Values) url.Values {
	return renumbered(fields, values, func(f *field, row string) bool { return f.typedInto(values, row) })
}

// withoutRow are values without one row, as the button names it.
func withoutRow(fields []field, values url.Values, row string) url.Values {
	return renumbered(fields, values, func(_ *field, other string) bool { return other != row+"." })
}

// renumbered are values with the rows that are to be kept.
func renumbered(fields []field, values url.Values, keep func(f *field, row string) bool) url.Values {
	out := url.Values{}
	for name, v := range values {
		out[name] = v
	}
	for i := range fields {
		f := &fields[i]
		if f.Input != rowsInput {
			continue
		}
		for name := range values {
			if strings.HasPrefix(name, f.Name+".") {
				delete(out, name)
			}
		}
		n := 0
		for _, row := range rowsOf(values, f.Name) {
			if !keep(f, row) {
				continue
			}
			for j := range f.Fields {
				if v, ok := values[row+f.Fields[j].Name]; ok {
					out[rowName(f.Name, n)+f.Fields[j].Name] = v
				}
			}
			n++
		}
	}
	return out
}

// typedInto reports whether somebody typed into a row: what is chosen in it has
// been so from the start.
func (f *field) typedInto(values url.Values, row string) bool {
	return slices.ContainsFunc(f.Fields, func(c field) bool {
		return c.Input != choiceInput && strings.TrimSpace(values.Get(row+c.Name)) != ""
	})
}

// addRow adds an empty row.
func addRow(f *field, values url.Values) {
	n := len(rowsOf(values, f.Name))
	if n >= maxRows {
		return
	}
	for i := range f.Fields {
		values.Set(rowName(f.Name, n)+f.Fields[i].Name, "")
	}
}

// lastRow is the beginning of the last row of a list; empty if it has none.
func lastRow(values url.Values, list string) string {
	all := rowsOf(values, list)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}
