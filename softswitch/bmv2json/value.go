package bmv2json

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
)

// Kind says which members of a Value are meaningful.
type Kind uint8

const (
	KindField       Kind = iota + 1 // Name, Member
	KindHex                         // Int, Bits if given
	KindBool                        // Bool
	KindNamed                       // Type, Name: header, header_stack, calculation, …
	KindLocal                       // Index: a parameter of the action
	KindLookahead                   // Offset, Bits
	KindStackField                  // Name, Member: the last valid element
	KindOp                          // Op, Left, Right, Cond
	KindString                      // Name
	KindVector                      // List
	KindPayload                     // the rest of the packet
	KindUnsupported                 // Type: known to the format, not to us
)

// Value is the format's "type value object": an operand or an expression.
type Value struct {
	Kind         Kind
	Type         string // as written
	Name, Member string
	Int          *big.Int
	Bits         int
	Bool         bool
	Index        int
	Offset       int
	Op           string
	Left, Right  *Value
	Cond         *Value
	List         Values
}

// Values is a list of operands, none of them nil.
type Values []*Value

// UnmarshalJSON implements json.Unmarshaler.
func (l *Values) UnmarshalJSON(b []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*l = nil
	for _, r := range raw {
		v, err := decodeValue(r, 0)
		if err != nil {
			return err
		}
		*l = append(*l, v)
	}
	return nil
}

// maxDepth bounds the nesting of expressions, so that no document can exhaust
// the stack of those who walk them.
const maxDepth = 2000

// UnmarshalJSON implements json.Unmarshaler.
func (v *Value) UnmarshalJSON(b []byte) error {
	w, err := decodeValue(b, 0)
	if err != nil {
		return err
	}
	*v = *w
	return nil
}

type rawValue struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
	Bits  int             `json:"bitwidth"`
	Op    *string         `json:"op"`
	Left  json.RawMessage `json:"left"`
	Right json.RawMessage `json:"right"`
	Cond  json.RawMessage `json:"cond"`
}

func decodeValue(b []byte, depth int) (*Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("expression nested deeper than %d", maxDepth)
	}
	var r rawValue
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("operand %.60s: %w", b, err)
	}
	if r.Op != nil {
		return decodeOp(&r, depth)
	}
	v := &Value{Type: r.Type, Bits: r.Bits}
	var err error
	switch r.Type {
	case "field", "stack_field":
		v.Kind = KindField
		if r.Type == "stack_field" {
			v.Kind = KindStackField
		}
		var ref FieldRef
		err = json.Unmarshal(r.Value, &ref)
		v.Name, v.Member = ref.Header, ref.Field
	case "hexstr":
		v.Kind = KindHex
		var s string
		if err = json.Unmarshal(r.Value, &s); err == nil {
			v.Int, err = parseHex(s)
		}
	case "bool":
		v.Kind = KindBool
		err = json.Unmarshal(r.Value, &v.Bool)
	case "local", "runtime_data":
		v.Kind = KindLocal
		err = json.Unmarshal(r.Value, &v.Index)
	case "lookahead":
		v.Kind = KindLookahead
		var pair [2]int
		err = json.Unmarshal(r.Value, &pair)
		v.Offset, v.Bits = pair[0], pair[1]
	case "expression":
		return decodeValue(r.Value, depth+1)
	case "header", "header_stack", "calculation", "meter_array", "counter_array",
		"register_array", "regular", "stack":
		v.Kind = KindNamed
		err = json.Unmarshal(r.Value, &v.Name)
	case "string":
		v.Kind = KindString
		err = json.Unmarshal(r.Value, &v.Name)
	case "parameters_vector", "field_list":
		v.Kind = KindVector
		err = json.Unmarshal(r.Value, &v.List)
	case "payload":
		v.Kind = KindPayload
	case "":
		return nil, fmt.Errorf("operand %.60s has no type", b)
	default:
		v.Kind = KindUnsupported
	}
	if err != nil {
		return nil, fmt.Errorf("operand of type %s: %w", r.Type, err)
	}
	return v, nil
}

func decodeOp(r *rawValue, depth int) (*Value, error) {
	v := &Value{Kind: KindOp, Type: "expression", Op: *r.Op}
	var err error
	if v.Left, err = decodeOperand(r.Left, depth); err != nil {
		return nil, err
	}
	if v.Op == "access_field" || v.Op == "access_union_header" {
		if err := json.Unmarshal(r.Right, &v.Index); err != nil {
			return nil, fmt.Errorf("%s: offset: %w", v.Op, err)
		}
		return v, nil
	}
	if v.Right, err = decodeOperand(r.Right, depth); err != nil {
		return nil, err
	}
	v.Cond, err = decodeOperand(r.Cond, depth)
	return v, err
}

func decodeOperand(b json.RawMessage, depth int) (*Value, error) {
	if len(b) == 0 || bytes.Equal(b, []byte("null")) {
		return nil, nil
	}
	return decodeValue(b, depth+1)
}

// maxHexDigits bounds constants; the widest P4 value is far smaller.
const maxHexDigits = 1 << 16

// parseHex reads the format's hexadecimal numbers: optional sign, optional 0x.
func parseHex(s string) (*big.Int, error) {
	if len(s) > maxHexDigits {
		return nil, fmt.Errorf("hexadecimal number of %d digits; the limit is %d", len(s), maxHexDigits)
	}
	digits, neg := strings.CutPrefix(s, "-")
	digits = strings.TrimPrefix(strings.TrimPrefix(digits, "0x"), "0X")
	if digits == "" || strings.ContainsAny(digits, "+-_") {
		return nil, fmt.Errorf("%.40q is not a hexadecimal number", s)
	}
	n, ok := new(big.Int).SetString(digits, 16)
	if !ok {
		return nil, fmt.Errorf("%.40q is not a hexadecimal number", s)
	}
	if neg {
		n.Neg(n)
	}
	return n, nil
}
