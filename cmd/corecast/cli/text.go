package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// PrintJSON prints one object, indented: it is read by people too.
func PrintJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// PrintJSONLine prints one object in a line, where more follow.
func PrintJSONLine(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// NewTable aligns what is written to it in cells that end in tabs.
func NewTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// First is the label of the first line of several.
func First(i int, label string) string {
	if i > 0 {
		return ""
	}
	return label
}

// Ago is how long something is past.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return Short(now.Sub(t)) + " ago"
}

// Short is a duration, as exact as is of use.
func Short(d time.Duration) string {
	switch {
	case d < 0:
		d = 0
	case d > 10*time.Minute:
		return d.Round(time.Minute).String()
	}
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// Plural counts things whose plural ends in s.
func Plural[N int | uint64](n N, thing string) string { return Count(n, thing, thing+"s") }

// Count counts things: one, or many.
func Count[N int | uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Or is the text that stands for none.
func Or(text, none string) string {
	if text == "" {
		return none
	}
	return text
}

// WithReason is a state, and why if that is known.
func WithReason(state, why string) string {
	if why == "" {
		return state
	}
	return state + ": " + why
}
