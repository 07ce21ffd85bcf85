package bmv2json

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// ErrVersion means that the document is of a major version other than 2.
var ErrVersion = errors.New("unsupported BMv2 JSON version")

// Decode decodes a BMv2 JSON document.
func Decode(b []byte) (*Program, error) {
	var p Program
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("BMv2 JSON: %w", err)
	}
	if v := p.Meta.Version; len(v) != 2 || v[0] != 2 {
		return nil, fmt.Errorf("%w: __meta__.version is %v, want 2.x (is this p4c-bm2-ss output?)", ErrVersion, v)
	}
	return &p, nil
}

// UnmarshalJSON reads [name, width] or [name, width, signed].
func (f *Field) UnmarshalJSON(b []byte) error {
	var t []json.RawMessage
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	if len(t) < 2 {
		return fmt.Errorf("field %s: want [name, width]", b)
	}
	*f = Field{}
	if err := json.Unmarshal(t[0], &f.Name); err != nil {
		return err
	}
	if string(t[1]) == `"*"` {
		f.Variable = true
		return nil
	}
	if err := json.Unmarshal(t[1], &f.Bits); err != nil {
		return fmt.Errorf("field %s: width: %w", f.Name, err)
	}
	if f.Bits < 1 {
		return fmt.Errorf("field %s: width %d: want at least 1", f.Name, f.Bits)
	}
	if len(t) > 2 {
		return json.Unmarshal(t[2], &f.Signed)
	}
	return nil
}

// UnmarshalJSON reads [header, field].
func (r *FieldRef) UnmarshalJSON(b []byte) error {
	var t []string
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	if len(t) != 2 {
		return fmt.Errorf("field reference %s: want [header, field]", b)
	}
	r.Header, r.Field = t[0], t[1]
	return nil
}

// UnmarshalJSON reads [alias, [header, field]].
func (a *Alias) UnmarshalJSON(b []byte) error {
	var t []json.RawMessage
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	if len(t) != 2 {
		return fmt.Errorf("field alias %s: want [name, [header, field]]", b)
	}
	if err := json.Unmarshal(t[0], &a.Name); err != nil {
		return err
	}
	return json.Unmarshal(t[1], &a.Target)
}

// UnmarshalJSON reads [name, code].
func (e *ErrorCode) UnmarshalJSON(b []byte) error {
	var t []json.RawMessage
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	if len(t) != 2 {
		return fmt.Errorf("error %s: want [name, code]", b)
	}
	if err := json.Unmarshal(t[0], &e.Name); err != nil {
		return err
	}
	return json.Unmarshal(t[1], &e.Code)
}

// UnmarshalJSON tells the parameters of "primitive" from those of the others.
func (o *ParserOp) UnmarshalJSON(b []byte) error {
	var r struct {
		Op     string            `json:"op"`
		Params []json.RawMessage `json:"parameters"`
		Source *Source           `json:"source_info"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*o = ParserOp{Op: r.Op, Source: r.Source}
	if r.Op == "primitive" {
		if len(r.Params) != 1 {
			return fmt.Errorf("parser primitive: want 1 parameter, have %d", len(r.Params))
		}
		o.Primitive = new(Primitive)
		return json.Unmarshal(r.Params[0], o.Primitive)
	}
	for _, raw := range r.Params {
		v, err := decodeParserParam(raw)
		if err != nil {
			return fmt.Errorf("parser op %s: %w", r.Op, err)
		}
		o.Params = append(o.Params, v)
	}
	return nil
}

// decodeParserParam also takes the plain number of the old "shift".
func decodeParserParam(raw json.RawMessage) (*Value, error) {
	var n int64
	if json.Unmarshal(raw, &n) == nil {
		return &Value{Kind: KindHex, Type: "hexstr", Int: big.NewInt(n)}, nil
	}
	return decodeValue(raw, 0)
}

// UnmarshalJSON reads a transition; documents older than 2.11 have no type.
func (t *Transition) UnmarshalJSON(b []byte) error {
	var r struct {
		Type  string  `json:"type"`
		Value *string `json:"value"`
		Mask  *string `json:"mask"`
		Next  *string `json:"next_state"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*t = Transition{Type: r.Type, Mask: r.Mask, Next: r.Next}
	if r.Value != nil {
		t.Value = *r.Value
	}
	if t.Type == "" {
		t.Type = "hexstr"
		if r.Value == nil || *r.Value == "default" {
			t.Type = "default"
		}
	}
	return nil
}

// Match returns value and mask of a "hexstr" transition; mask is nil if there
// is none.
func (t *Transition) Match() (value, mask *big.Int, err error) {
	if value, err = parseHex(t.Value); err != nil {
		return nil, nil, err
	}
	if t.Mask != nil {
		mask, err = parseHex(*t.Mask)
	}
	return value, mask, err
}

// UnmarshalJSON reads a key field, whose target is a field or a header.
func (k *Key) UnmarshalJSON(b []byte) error {
	var r struct {
		MatchType string          `json:"match_type"`
		Name      string          `json:"name"`
		Target    json.RawMessage `json:"target"`
		Mask      *string         `json:"mask"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*k = Key{MatchType: r.MatchType, Name: r.Name}
	if err := json.Unmarshal(r.Target, &k.Target); err != nil {
		if json.Unmarshal(r.Target, &k.Target.Header) != nil {
			return fmt.Errorf("key target %s: want [header, field] or a header", r.Target)
		}
		k.Target.Field = ""
	}
	if k.Name == "" {
		k.Name = k.Target.String()
	}
	if r.Mask != nil {
		var err error
		if k.Mask, err = parseHex(*r.Mask); err != nil {
			return fmt.Errorf("key %s: mask: %w", k.Name, err)
		}
	}
	return nil
}

// UnmarshalJSON reads an action with hexadecimal parameters.
func (a *ActionEntry) UnmarshalJSON(b []byte) error {
	var r struct {
		ActionID   int      `json:"action_id"`
		Const      bool     `json:"action_const"`
		EntryConst bool     `json:"action_entry_const"`
		Data       []string `json:"action_data"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*a = ActionEntry{ActionID: r.ActionID, Const: r.Const, EntryConst: r.EntryConst}
	for _, s := range r.Data {
		n, err := parseHex(s)
		if err != nil {
			return fmt.Errorf("action %d: parameter: %w", r.ActionID, err)
		}
		a.Data = append(a.Data, n)
	}
	return nil
}

// UnmarshalJSON reads a const entry.
func (e *Entry) UnmarshalJSON(b []byte) error {
	var r struct {
		Source   *Source     `json:"source_info"`
		Match    []EntryKey  `json:"match_key"`
		Action   ActionEntry `json:"action_entry"`
		Priority int         `json:"priority"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*e = Entry(r)
	return nil
}

// UnmarshalJSON reads one field of a const entry's key.
func (k *EntryKey) UnmarshalJSON(b []byte) error {
	var r struct {
		MatchType string          `json:"match_type"`
		Key       json.RawMessage `json:"key"`
		Mask      json.RawMessage `json:"mask"`
		PrefixLen int             `json:"prefix_length"`
		Start     json.RawMessage `json:"start"`
		End       json.RawMessage `json:"end"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*k = EntryKey{MatchType: r.MatchType, PrefixLen: r.PrefixLen}
	for _, m := range []struct {
		raw json.RawMessage
		to  **big.Int
	}{{r.Key, &k.Key}, {r.Mask, &k.Mask}, {r.Start, &k.Start}, {r.End, &k.End}} {
		n, err := decodeNumber(m.raw)
		if err != nil {
			return fmt.Errorf("entry key: %w", err)
		}
		*m.to = n
	}
	return nil
}

// decodeNumber takes a hexadecimal string or a boolean; nothing is nil.
func decodeNumber(raw json.RawMessage) (*big.Int, error) {
	switch string(raw) {
	case "", "null":
		return nil, nil
	case "true":
		return big.NewInt(1), nil
	case "false":
		return new(big.Int), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	return parseHex(s)
}
