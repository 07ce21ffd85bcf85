package ui

import (
	"fmt"
	"html/template"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
)

// funcs are what templates format with.
func funcs(now func() time.Time, asset func(string) string) template.FuncMap {
	since := func(t time.Time) time.Duration { return now().Sub(t) }
	return template.FuncMap{
		// Texts and URLs.
		"asset": asset, "path": url.PathEscape, "query": url.QueryEscape, "short": short, "dict": dict, "known": known,
		// Numbers with their units.
		"count": count, "rate": rate, "bits": bits, "size": size, "times": times, "plural": plural, "percent": percent,
		"bitrate": func(r config.Rate) string { return scaled(float64(r), "bit/s") },
		// Times.
		"ago":          func(t time.Time) string { return ago(since(t)) },
		"since":        func(t time.Time) string { return span(since(t)) },
		"seconds":      func(n int) string { return span(time.Duration(n) * time.Second) },
		"utc":          func(t time.Time) string { return t.UTC().Format("01-02 15:04:05") },
		"stamp":        func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"lastregister": func(t *time.Time) string { return lastRegister(t, now()) },
		"reported":     func(a *Audience) string { return "reported by their sources, " + ago(since(a.Reported)) },
		// States.
		"phase":       func(st controller.SwitchStatus) string { return phaseState(&st) },
		"objectstate": objectState,
	}
}

// known is a text, or the sign that it is not known yet.
func known(is bool, text string) string {
	if !is {
		return "…"
	}
	return text
}

// plural is a number of things.
func plural(n any, one, many string) string {
	if fmt.Sprint(n) == "1" {
		return "1 " + one
	}
	return count(n) + " " + many
}

func lastRegister(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	return ago(now.Sub(*t))
}

// objectState is the state of an object on a switch in the words of a page.
func objectState(s controller.ObjectState) string {
	switch s {
	case controller.Installed:
		return "ready"
	case controller.Wanted:
		return "pending"
	}
	return "failing"
}

// dict makes arguments of a template out of pairs.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d arguments", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// count formats a number with groups of three digits.
func count(n any) string {
	s := fmt.Sprint(n)
	if f, ok := n.(float64); ok {
		s = strconv.FormatFloat(math.Round(f), 'f', -1, 64)
	}
	first := 0
	if len(s) > 0 && s[0] == '-' {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rate formats how often something happens a second.
func rate(perSecond float64) string {
	switch {
	case perSecond == 0:
		return "0/s"
	case perSecond < 0.1:
		return "<0.1/s"
	case perSecond < 10:
		return fmt.Sprintf("%.1f/s", perSecond)
	}
	return count(perSecond) + "/s"
}

var prefixes = [...]string{"", "k", "M", "G", "T"}

// scaled formats a quantity with three digits and a prefix.
func scaled(v float64, unit string) string {
	i := 0
	for v >= 999.5 && i < len(prefixes)-1 {
		v, i = v/1000, i+1
	}
	digits := 2
	switch {
	case i == 0:
		digits = 0
	case v >= 99.95:
		digits = 0
	case v >= 9.995:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + "\u00a0" + prefixes[i] + unit
}

// bits formats bytes a second as a bit rate.
func bits(bytesPerSecond float64) string { return scaled(8*bytesPerSecond, "bit/s") }

// size formats a number of bytes.
func size(bytes float64) string { return scaled(bytes, "B") }

// percent formats a share, of which more than nothing is never nothing.
func percent(share float64) string {
	if share > 0 && share < 0.1 {
		return "<0.1\u00a0%"
	}
	return strconv.FormatFloat(share, 'f', 1, 64) + "\u00a0%"
}

// times formats a factor.
func times(x float64) string {
	if x == 0 {
		return "–"
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

// ago formats how long ago something was.
func ago(d time.Duration) string {
	switch {
	case d < -time.Second:
		return "in " + span(-d)
	case d < 2*time.Second:
		return "now"
	}
	return span(d) + " ago"
}

// span formats a duration by its largest unit.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d/time.Hour))
	}
	return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
}

// short cuts a name that does not fit a drawing; its end tells names apart as
// often as its beginning.
func short(n int, s string) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	head := (n - 1 + 1) / 2
	return string(r[:head]) + "…" + string(r[len(r)-(n-1-head):])
}

// sortedKeys are the keys of all maps.
func sortedKeys(all ...map[string]string) []string {
	keys := map[string]bool{}
	for _, m := range all {
		for key := range m {
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}
