package p4rt

import "fmt"

// Canonical checks an entry against the program and returns it in the one form
// in which equal entries are equal: fields and parameters in the program's
// order, values without leading zeros, masked, don't-care fields left out. A
// canonical entry must not be changed.
func (s *Schema) Canonical(e *Entry) (*Entry, error) {
	c := &Entry{Table: e.Table, Action: e.Action, Priority: e.Priority, Default: e.Default}
	t, err := s.table(e.Table)
	if err != nil {
		return nil, err
	}
	if c.Match, err = t.canonicalMatch(e); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.name, err)
	}
	if err := s.checkAction(t, e); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.name, err)
	}
	if c.Params, err = s.actions[e.Action].canonicalParams(e.Params); err != nil {
		return nil, fmt.Errorf("table %s: action %s: %w", t.name, e.Action, err)
	}
	c.key = c.Key()
	return c, nil
}

func (t *table) canonicalMatch(e *Entry) ([]Match, error) {
	if e.Default {
		if len(e.Match) > 0 || e.Priority != 0 {
			return nil, fmt.Errorf("a default entry has neither match fields nor a priority")
		}
		if t.constDefault {
			return nil, fmt.Errorf("the default action is constant")
		}
		return nil, nil
	}
	if t.priority != (e.Priority > 0) {
		return nil, fmt.Errorf("priority %d: must be above 0 exactly where a field is ternary, range or optional", e.Priority)
	}
	if len(t.fields) == 0 {
		return nil, fmt.Errorf("has no match fields: only its default entry can be set")
	}
	given := make(map[string]Match, len(e.Match))
	for _, m := range e.Match {
		if _, ok := find(t.fields, m.Field); !ok {
			return nil, fmt.Errorf("no match field %q; it has %s", m.Field, names(t.fields))
		}
		if _, twice := given[m.Field]; twice {
			return nil, fmt.Errorf("match field %s is given twice", m.Field)
		}
		given[m.Field] = m
	}
	match := make([]Match, 0, len(given))
	for _, f := range t.fields {
		m, ok := given[f.name]
		if !ok {
			if f.kind == exact {
				return nil, fmt.Errorf("match field %s is missing", f.name)
			}
			continue
		}
		m, matters, err := f.canonical(m)
		if err != nil {
			return nil, fmt.Errorf("match field %s: %w", f.name, err)
		}
		if matters {
			match = append(match, m)
		}
	}
	return match, nil
}

// canonical returns the match in its one form, and whether it matters at all.
func (f member) canonical(m Match) (Match, bool, error) {
	c := Match{Field: f.name, kind: f.kind}
	var err error
	if c.Value, err = f.value(m.Value); err != nil {
		return c, false, err
	}
	switch f.kind {
	case lpm:
		if m.PrefixLen < 0 || m.PrefixLen > f.bits {
			return c, false, fmt.Errorf("prefix length %d: must be 0 to %d", m.PrefixLen, f.bits)
		}
		c.PrefixLen = m.PrefixLen
		c.Value = c.Value.masked(m.PrefixLen, f.bits)
		return c, m.PrefixLen > 0, nil
	case ternary:
		if c.Mask, err = f.value(m.Mask); err != nil {
			return c, false, fmt.Errorf("mask: %w", err)
		}
		c.Value = and(c.Value, c.Mask)
		return c, c.Mask != "\x00", nil
	case ranged:
		if c.High, err = f.value(m.High); err != nil {
			return c, false, fmt.Errorf("high end: %w", err)
		}
		full := c.Value == "\x00" && c.High == ones(f.bits)
		return c, !full, nil
	}
	return c, true, nil
}

// value checks a value against a member's width; no value is 0.
func (f member) value(v Value) (Value, error) {
	v = Bytes([]byte(v))
	if v.bitLen() > f.bits {
		return "", fmt.Errorf("value %v needs %d bits and has %d", v, v.bitLen(), f.bits)
	}
	return v, nil
}

func and(a, b Value) Value {
	n := max(len(a), len(b))
	x, y := a.fill(n), b.fill(n)
	for i := range x {
		x[i] &= y[i]
	}
	return Bytes(x)
}

func ones(width int) Value {
	b := make([]byte, (width+7)/8)
	for i := range b {
		b[i] = 0xff
	}
	b[0] >>= (8 - width%8) % 8
	return Bytes(b)
}

func (s *Schema) checkAction(t *table, e *Entry) error {
	a := s.actions[e.Action]
	if a == nil {
		return fmt.Errorf("no action %q in the program; the table has %s", e.Action, s.actionNames(t))
	}
	inEntries, ok := t.actions[a.id]
	if !ok {
		return fmt.Errorf("action %s is none of its actions; it has %s", a.name, s.actionNames(t))
	}
	if !inEntries && !e.Default {
		return fmt.Errorf("action %s is for the default entry alone", a.name)
	}
	return nil
}

func (s *Schema) actionNames(t *table) string {
	var list []member
	for id := range t.actions {
		list = append(list, member{name: s.actionByID[id].name, id: id})
	}
	sortMembers(list)
	return names(list)
}

func (a *action) canonicalParams(params []Param) ([]Param, error) {
	given := make(map[string]Value, len(params))
	for _, p := range params {
		if _, ok := find(a.params, p.Name); !ok {
			return nil, fmt.Errorf("no parameter %q; it has %s", p.Name, names(a.params))
		}
		if _, twice := given[p.Name]; twice {
			return nil, fmt.Errorf("parameter %s is given twice", p.Name)
		}
		given[p.Name] = p.Value
	}
	out := make([]Param, 0, len(a.params))
	for _, f := range a.params {
		raw, ok := given[f.name]
		if !ok {
			return nil, fmt.Errorf("parameter %s is missing", f.name)
		}
		v, err := f.value(raw)
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", f.name, err)
		}
		out = append(out, Param{f.name, v})
	}
	return out, nil
}
