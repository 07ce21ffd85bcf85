package p4rtserver

import (
	"bytes"
	"strconv"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"

	"github.com/corecast/corecast/softswitch/engine"
)

// parseKey turns match and priority of a message into those of an entry.
func (t *table) parseKey(match []*p4v1.FieldMatch, priority int32) (engine.Entry, error) {
	e := engine.Entry{Match: make([]engine.Match, len(t.fields)), Priority: int(priority)}
	seen := make([]bool, len(t.fields))
	for _, m := range match {
		i, ok := t.fieldByID[m.GetFieldId()]
		if !ok {
			return e, invalid("table %q has no match field %d", t.name, m.GetFieldId())
		}
		if seen[i] {
			return e, invalid("%s is given twice", t.fields[i].describe(t))
		}
		seen[i] = true
		var err error
		if e.Match[i], err = t.parseMatch(t.fields[i], m); err != nil {
			return e, err
		}
	}
	for i, f := range t.fields {
		if f.kind == engine.Exact && !seen[i] {
			return e, invalid("%s is exact and must be given", f.describe(t))
		}
	}
	return e, nil
}

// checkPriority holds an entry that is written to the specification's rule.
func (t *table) checkPriority(priority int32) error {
	switch {
	case priority < 0:
		return invalid("table %q: priority %d is negative: larger wins, from 1", t.name, priority)
	case t.needsPriority && priority == 0:
		return invalid("table %q has a ternary, range or optional field: priority must be above 0", t.name)
	case !t.needsPriority && priority != 0:
		return invalid("table %q has no ternary, range or optional field: priority is %d and must be 0", t.name, priority)
	}
	return nil
}

func (t *table) parseMatch(f field, m *p4v1.FieldMatch) (engine.Match, error) {
	what := f.describe(t)
	switch v := m.FieldMatchType.(type) {
	case *p4v1.FieldMatch_Exact_:
		if f.kind == engine.Exact {
			value, err := parseValue(what, v.Exact.GetValue(), f.width)
			return engine.Match{Value: value}, err
		}
	case *p4v1.FieldMatch_Lpm:
		if f.kind == engine.LPM {
			return parseLPM(what, v.Lpm, f.width)
		}
	case *p4v1.FieldMatch_Ternary_:
		if f.kind == engine.Ternary {
			return parseTernary(what, v.Ternary, f.width)
		}
	case *p4v1.FieldMatch_Range_:
		if f.kind == engine.Range {
			return parseRange(what, v.Range, f.width)
		}
	case *p4v1.FieldMatch_Optional_:
		if f.kind == engine.Optional {
			value, err := parseValue(what, v.Optional.GetValue(), f.width)
			m := engine.Match{Value: value}
			if f.masked {
				m.Mask = prefixMask(f.width, f.width)
			}
			return m, err
		}
	case *p4v1.FieldMatch_Other:
		return engine.Match{}, unimplemented(what + ": match kind other")
	}
	return engine.Match{}, invalid("%s matches by %v, which is not what was given", what, f.kind)
}

func parseLPM(what string, m *p4v1.FieldMatch_LPM, width int) (engine.Match, error) {
	n := int(m.GetPrefixLen())
	if n < 1 || n > width {
		return engine.Match{}, invalid("%s has prefix length %d: 1 to %d, or leave the field out to match all", what, n, width)
	}
	value, err := parseValue(what, m.GetValue(), width)
	if err == nil && !within(value, prefixMask(width, n)) {
		err = invalid("%s is %#x, which has bits beyond its prefix length %d: clear them", what, value, n)
	}
	return engine.Match{Value: value, PrefixLen: n}, err
}

func parseTernary(what string, m *p4v1.FieldMatch_Ternary, width int) (engine.Match, error) {
	mask, err := parseValue(what+": mask", m.GetMask(), width)
	if err != nil {
		return engine.Match{}, err
	}
	value, err := parseValue(what, m.GetValue(), width)
	switch {
	case err != nil:
	case isZero(mask):
		err = invalid("%s has mask 0: leave the field out to match all", what)
	case !within(value, mask):
		err = invalid("%s is %#x, which has bits outside its mask %#x: clear them", what, value, mask)
	}
	return engine.Match{Value: value, Mask: mask}, err
}

func parseRange(what string, m *p4v1.FieldMatch_Range, width int) (engine.Match, error) {
	low, err := parseValue(what+": low", m.GetLow(), width)
	if err != nil {
		return engine.Match{}, err
	}
	high, err := parseValue(what+": high", m.GetHigh(), width)
	switch {
	case err != nil:
	case bytes.Compare(low, high) > 0:
		err = invalid("%s has low %#x above high %#x", what, low, high)
	case isZero(low) && bytes.Equal(high, prefixMask(width, width)):
		err = invalid("%s is the whole range: leave the field out to match all", what)
	}
	return engine.Match{Low: low, High: high}, err
}

// formatKey is parseKey the other way: canonical, and without the fields that
// match everything.
func (t *table) formatKey(e engine.Entry) []*p4v1.FieldMatch {
	var out []*p4v1.FieldMatch
	for i, f := range t.fields {
		if i >= len(e.Match) {
			break
		}
		if m := formatMatch(f, e.Match[i]); m != nil {
			out = append(out, m)
		}
	}
	return out
}

// matchesAll reports whether m is "don't care", in any of the forms an engine
// may give it.
func (f field) matchesAll(m engine.Match) bool {
	switch f.kind {
	case engine.LPM:
		return m.PrefixLen == 0
	case engine.Ternary:
		return isZero(m.Mask)
	case engine.Range:
		return m.High == nil || isZero(m.Low) && bytes.Equal(canonical(m.High), canonical(prefixMask(f.width, f.width)))
	case engine.Optional:
		return m.Value == nil || f.masked && isZero(m.Mask)
	}
	return false
}

// formatMatch returns nil for "don't care", which is left out of a message.
func formatMatch(f field, m engine.Match) *p4v1.FieldMatch {
	if f.matchesAll(m) {
		return nil
	}
	out := &p4v1.FieldMatch{FieldId: f.id}
	switch f.kind {
	case engine.Exact:
		out.FieldMatchType = &p4v1.FieldMatch_Exact_{Exact: &p4v1.FieldMatch_Exact{Value: canonical(m.Value)}}
	case engine.LPM:
		out.FieldMatchType = &p4v1.FieldMatch_Lpm{Lpm: &p4v1.FieldMatch_LPM{Value: canonical(m.Value), PrefixLen: int32(m.PrefixLen)}}
	case engine.Ternary:
		out.FieldMatchType = &p4v1.FieldMatch_Ternary_{Ternary: &p4v1.FieldMatch_Ternary{Value: canonical(m.Value), Mask: canonical(m.Mask)}}
	case engine.Range:
		out.FieldMatchType = &p4v1.FieldMatch_Range_{Range: &p4v1.FieldMatch_Range{Low: canonical(m.Low), High: canonical(m.High)}}
	case engine.Optional:
		out.FieldMatchType = &p4v1.FieldMatch_Optional_{Optional: &p4v1.FieldMatch_Optional{Value: canonical(m.Value)}}
	}
	return out
}

// keyOf is a string that two entries share exactly when they are the same
// entry of the same table.
func (t *table) keyOf(e engine.Entry) string {
	b := strconv.AppendUint(nil, uint64(t.id), 10)
	b = append(b, '/')
	b = strconv.AppendInt(b, int64(e.Priority), 10)
	for i, f := range t.fields {
		b = append(b, '/')
		if i >= len(e.Match) || f.matchesAll(e.Match[i]) {
			continue
		}
		m, size := e.Match[i], (f.width+7)/8
		b = strconv.AppendInt(b, int64(m.PrefixLen), 10)
		for _, v := range [][]byte{m.Value, m.Mask, m.Low, m.High} {
			b = append(b, ',')
			if v != nil {
				b = append(b, pad(v, size)...)
			}
		}
	}
	return string(b)
}
