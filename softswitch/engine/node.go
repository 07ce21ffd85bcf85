package engine

import (
	"fmt"
	"math/big"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// node is an expression after name resolution. BMv2 computes with integers of
// any size and truncates on assignment; node keeps, for each data expression,
// an interval [lo, hi] that its value cannot leave, from which the compiler
// knows whether 64-bit words are exact (see word and wide).
type node struct {
	op      string // "field", "const", "local", "bool", "stackfield", "index", … or BMv2's op
	boolean bool
	lo, hi  *big.Int

	val         *big.Int // const
	truth       bool     // bool
	field       *fieldLoc
	param       *paramLoc
	hdr         *hdrRef
	stack       *stackDef
	member      int // of a dynamic header's field
	left, right *node
	cond        *node
}

// hdrRef is a header known when compiling, or an element of a stack chosen by
// a run-time index, or the last valid one (index nil, stack set).
type hdrRef struct {
	hdr   *headerDef
	stack *stackDef
	index *node
}

// paramLoc is where an action parameter lives in packet.args or packet.wargs.
type paramLoc struct {
	bits, slot int
}

func (p *paramLoc) wide() bool { return p.bits > 64 }

// maxExact bounds the bits of an exact intermediate value.
const maxExact = 1 << 15

var bigOne = big.NewInt(1)

func pow2(n int) *big.Int { return new(big.Int).Lsh(bigOne, uint(n)) }

func maxOf(bits int) *big.Int { return new(big.Int).Sub(pow2(bits), bigOne) }

// widthRange is the interval of a field.
func widthRange(bits int, signed bool) (lo, hi *big.Int) {
	if signed {
		return new(big.Int).Neg(pow2(bits - 1)), maxOf(bits - 1)
	}
	return new(big.Int), maxOf(bits)
}

func constNode(v *big.Int) *node { return &node{op: "const", val: v, lo: v, hi: v} }

// scope is what expressions may refer to: the program, and the parameters of
// the action they are in.
type scope struct {
	p      *Program
	params []paramLoc
}

// expr resolves a value to a node; its errors carry no source position.
func (s *scope) expr(v *bmv2json.Value) (*node, error) {
	if v == nil {
		return nil, fmt.Errorf("operand missing")
	}
	switch v.Kind {
	case bmv2json.KindField:
		f, err := s.p.layout.field(v.Name, v.Member)
		if err != nil {
			return nil, err
		}
		return fieldNode(f), nil
	case bmv2json.KindHex:
		return constNode(v.Int), nil
	case bmv2json.KindBool:
		return &node{op: "bool", boolean: true, truth: v.Bool}, nil
	case bmv2json.KindLocal:
		if v.Index < 0 || v.Index >= len(s.params) {
			return nil, fmt.Errorf("parameter %d: the action has %d", v.Index, len(s.params))
		}
		p := &s.params[v.Index]
		lo, hi := widthRange(p.bits, false)
		return &node{op: "local", param: p, lo: lo, hi: hi}, nil
	case bmv2json.KindStackField:
		return s.stackField(v)
	case bmv2json.KindOp:
		return s.operation(v)
	}
	return nil, fmt.Errorf("operand of type %s in an expression: %w", v.Type, ErrUnsupported)
}

func fieldNode(f *fieldLoc) *node {
	lo, hi := widthRange(f.bits, f.signed)
	return &node{op: "field", field: f, lo: lo, hi: hi}
}

func (s *scope) stack(v *bmv2json.Value) (*stackDef, error) {
	if v == nil {
		return nil, fmt.Errorf("header stack missing")
	}
	d := s.p.layout.stacks[v.Name]
	if d == nil {
		return nil, fmt.Errorf("no header stack %q", v.Name)
	}
	return d, nil
}

func (s *scope) stackField(v *bmv2json.Value) (*node, error) {
	d, err := s.stack(v)
	if err != nil {
		return nil, err
	}
	i, ok := d.elems[0].byName[v.Member]
	if !ok {
		return nil, fmt.Errorf("header stack %s has no field %s", d.name, v.Member)
	}
	return s.member(&hdrRef{stack: d}, i)
}

// header resolves a header operand.
func (s *scope) header(v *bmv2json.Value) (*hdrRef, error) {
	if v == nil {
		return nil, fmt.Errorf("header missing")
	}
	if v.Kind == bmv2json.KindNamed {
		h, err := s.p.layout.header(v.Name)
		if err != nil {
			return nil, err
		}
		return &hdrRef{hdr: h}, nil
	}
	if v.Kind != bmv2json.KindOp || v.Op != "dereference_header_stack" {
		return nil, fmt.Errorf("%s%s in place of a header: %w", v.Type, v.Op, ErrUnsupported)
	}
	d, err := s.stack(v.Left)
	if err != nil {
		return nil, err
	}
	idx, err := s.data(v.Right)
	if err != nil {
		return nil, err
	}
	if idx.op == "const" {
		if !idx.val.IsInt64() || idx.val.Sign() < 0 || idx.val.Int64() >= int64(len(d.elems)) {
			return nil, fmt.Errorf("header stack %s: index %s: it has %d elements", d.name, idx.val, len(d.elems))
		}
		return &hdrRef{hdr: d.elems[idx.val.Int64()]}, nil
	}
	return &hdrRef{stack: d, index: idx}, nil
}

// member makes a node for field i of a header.
func (s *scope) member(r *hdrRef, i int) (*node, error) {
	h := r.hdr
	if h == nil {
		h = r.stack.elems[0]
	}
	if i < 0 || i >= len(h.fields) {
		return nil, fmt.Errorf("header %s has no field %d", h.name, i)
	}
	s.p.layout.touch(h.typ, i)
	if r.hdr != nil {
		return fieldNode(h.fields[i]), nil
	}
	n := fieldNode(h.fields[i])
	n.op, n.field, n.hdr, n.member = "member", nil, r, i
	if n.lo.Sign() > 0 {
		n.lo = new(big.Int)
	}
	return n, nil
}

// data resolves an operand that must be a number.
func (s *scope) data(v *bmv2json.Value) (*node, error) {
	n, err := s.expr(v)
	if err == nil && n.boolean {
		return nil, fmt.Errorf("a boolean where a number is needed")
	}
	return n, err
}

// truth resolves an operand that must be a boolean.
func (s *scope) truth(v *bmv2json.Value) (*node, error) {
	n, err := s.expr(v)
	if err == nil && !n.boolean {
		return nil, fmt.Errorf("a number where a boolean is needed")
	}
	return n, err
}
