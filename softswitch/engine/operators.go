package engine

import (
	"fmt"
	"math/big"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// Operators of expressions.

func (s *scope) operation(v *bmv2json.Value) (*node, error) {
	n, err := s.resolveOp(v)
	if err != nil {
		return nil, err
	}
	return fold(n), nil
}

func (s *scope) resolveOp(v *bmv2json.Value) (*node, error) {
	switch v.Op {
	case "valid":
		r, err := s.header(v.Right)
		if err != nil {
			return nil, err
		}
		return &node{op: "valid", boolean: true, hdr: r}, nil
	case "access_field":
		r, err := s.header(v.Left)
		if err != nil {
			return nil, err
		}
		return s.member(r, v.Index)
	case "last_stack_index", "size_stack":
		d, err := s.stack(v.Right)
		if err != nil {
			return nil, err
		}
		return &node{op: v.Op, stack: d, lo: big.NewInt(-1), hi: big.NewInt(int64(len(d.elems)))}, nil
	case "not":
		return s.unary(v, s.truth, true)
	case "d2b":
		return s.unary(v, s.data, true)
	case "b2d":
		n, err := s.unary(v, s.truth, false)
		if err == nil {
			n.lo, n.hi = new(big.Int), bigOne
		}
		return n, err
	case "~":
		n, err := s.unary(v, s.data, false)
		if err == nil {
			n.lo, n.hi = new(big.Int).Not(n.right.hi), new(big.Int).Not(n.right.lo)
		}
		return n, err
	case "and", "or":
		return s.binary(v, s.truth, true)
	case "==", "!=":
		return s.equality(v)
	case "<", "<=", ">", ">=":
		return s.binary(v, s.data, true)
	case "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "two_comp_mod", "sat_cast", "usat_cast":
		n, err := s.binary(v, s.data, false)
		if err != nil {
			return nil, err
		}
		return n, n.bound()
	case "?":
		return s.ternary(v)
	}
	return nil, fmt.Errorf("expression operator %q: %w", v.Op, ErrUnsupported)
}

type resolver func(*bmv2json.Value) (*node, error)

func (s *scope) unary(v *bmv2json.Value, get resolver, boolean bool) (*node, error) {
	x, err := get(v.Right)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Op, err)
	}
	return &node{op: v.Op, boolean: boolean, right: x}, nil
}

func (s *scope) binary(v *bmv2json.Value, get resolver, boolean bool) (*node, error) {
	l, err := get(v.Left)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Op, err)
	}
	r, err := get(v.Right)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Op, err)
	}
	return &node{op: v.Op, boolean: boolean, left: l, right: r}, nil
}

// equality compares numbers, booleans or headers.
func (s *scope) equality(v *bmv2json.Value) (*node, error) {
	if isHeader(v.Left) || isHeader(v.Right) {
		return nil, fmt.Errorf("comparison of headers: %w", ErrUnsupported)
	}
	n, err := s.binary(v, s.expr, true)
	if err != nil {
		return nil, err
	}
	if n.left.boolean != n.right.boolean {
		return nil, fmt.Errorf("%s compares a boolean with a number", v.Op)
	}
	return n, nil
}

func isHeader(v *bmv2json.Value) bool {
	return v != nil && (v.Kind == bmv2json.KindNamed || v.Kind == bmv2json.KindOp && v.Op == "dereference_header_stack")
}

func (s *scope) ternary(v *bmv2json.Value) (*node, error) {
	n, err := s.binary(v, s.expr, false)
	if err != nil {
		return nil, err
	}
	if n.cond, err = s.truth(v.Cond); err != nil {
		return nil, fmt.Errorf("?: %w", err)
	}
	if n.left.boolean != n.right.boolean {
		return nil, fmt.Errorf("? has a boolean and a number as its results")
	}
	n.boolean = n.left.boolean
	if !n.boolean {
		n.lo, n.hi = minInt(n.left.lo, n.right.lo), maxInt(n.left.hi, n.right.hi)
	}
	return n, nil
}
