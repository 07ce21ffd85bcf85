package engine

import (
	"fmt"
	"math/big"
)

func minInt(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

func maxInt(a, b *big.Int) *big.Int {
	if a.Cmp(b) > 0 {
		return a
	}
	return b
}

// signedBits is the width of the two's complement that holds [lo, hi].
func signedBits(lo, hi *big.Int) int {
	n := hi.BitLen()
	if lo.Sign() < 0 {
		n = max(n, new(big.Int).Not(lo).BitLen())
	}
	return n + 1
}

// isUint and isInt say whether every value fits a uint64 or an int64.
func (n *node) isUint() bool { return n.lo.Sign() >= 0 && n.hi.BitLen() <= 64 }
func (n *node) isInt() bool  { return signedBits(n.lo, n.hi) <= 64 }

// exactWords is how many 64-bit words a two's complement that holds every
// value has.
func (n *node) exactWords() int { return (signedBits(n.lo, n.hi) + 63) / 64 }

// bound computes the interval of an arithmetic operation from its operands'.
func (n *node) bound() error {
	l, r := n.left, n.right
	switch n.op {
	case "+":
		n.lo, n.hi = new(big.Int).Add(l.lo, r.lo), new(big.Int).Add(l.hi, r.hi)
	case "-":
		n.lo, n.hi = new(big.Int).Sub(l.lo, r.hi), new(big.Int).Sub(l.hi, r.lo)
	case "*":
		n.lo, n.hi = corners(l, r, func(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) })
	case "&", "|", "^":
		n.boundBits()
	case "/", "%":
		return n.boundDiv()
	case "<<", ">>":
		return n.boundShift()
	case "two_comp_mod", "sat_cast", "usat_cast":
		return n.boundCast()
	}
	if signedBits(n.lo, n.hi) > maxExact {
		return fmt.Errorf("%s can be wider than %d bits: %w", n.op, maxExact, ErrUnsupported)
	}
	return nil
}

func corners(l, r *node, f func(a, b *big.Int) *big.Int) (lo, hi *big.Int) {
	for _, a := range []*big.Int{l.lo, l.hi} {
		for _, b := range []*big.Int{r.lo, r.hi} {
			v := f(a, b)
			if lo == nil {
				lo, hi = v, v
				continue
			}
			lo, hi = minInt(lo, v), maxInt(hi, v)
		}
	}
	return lo, hi
}

func (n *node) boundBits() {
	l, r := n.left, n.right
	if l.lo.Sign() >= 0 && r.lo.Sign() >= 0 {
		n.lo = new(big.Int)
		if n.op == "&" {
			n.hi = minInt(l.hi, r.hi)
		} else {
			n.hi = maxOf(max(l.hi.BitLen(), r.hi.BitLen()))
		}
		return
	}
	if n.op == "&" && (l.lo.Sign() >= 0 || r.lo.Sign() >= 0) {
		n.lo, n.hi = new(big.Int), l.hi
		if l.lo.Sign() < 0 {
			n.hi = r.hi
		}
		return
	}
	n.lo, n.hi = widthRange(max(signedBits(l.lo, l.hi), signedBits(r.lo, r.hi)), true)
}

// boundDiv allows what bmv2 does: operands that cannot be negative. Division
// by zero, undefined there, gives 0 here.
func (n *node) boundDiv() error {
	if !n.left.isUint() || !n.right.isUint() {
		return fmt.Errorf("%s of a signed number or of one wider than 64 bits: %w", n.op, ErrUnsupported)
	}
	n.lo, n.hi = new(big.Int), n.left.hi
	return nil
}

// maxShift is the largest shift that can matter.
func maxShift(r *node) (int, error) {
	if r.lo.Sign() < 0 {
		return 0, fmt.Errorf("shift by a signed number: %w", ErrUnsupported)
	}
	if !r.hi.IsInt64() || r.hi.Int64() > maxExact {
		return maxExact, nil
	}
	return int(r.hi.Int64()), nil
}

func (n *node) boundShift() error {
	k, err := maxShift(n.right)
	if err != nil {
		return err
	}
	l := n.left
	zero := new(big.Int)
	if n.op == ">>" {
		// Shifting brings a value towards 0, or towards -1 from below.
		n.lo, n.hi = minInt(l.lo, zero), maxInt(l.hi, zero)
		if n.right.op == "const" {
			n.lo, n.hi = new(big.Int).Rsh(l.lo, uint(k)), new(big.Int).Rsh(l.hi, uint(k))
		}
		return nil
	}
	// A left shift by a run-time amount has a huge interval; what is around
	// it (p4c masks every result) asks for its low bits only.
	n.lo, n.hi = minInt(zero, new(big.Int).Lsh(l.lo, uint(k))), maxInt(zero, new(big.Int).Lsh(l.hi, uint(k)))
	return nil
}

func (n *node) boundCast() error {
	w := n.right
	if w.op != "const" || !w.val.IsInt64() || w.val.Int64() < 1 || w.val.Int64() > maxExact {
		return fmt.Errorf("%s to a width that is not a constant from 1 to %d: %w", n.op, maxExact, ErrUnsupported)
	}
	n.lo, n.hi = widthRange(int(w.val.Int64()), n.op != "usat_cast")
	return nil
}

// fold replaces an operation on constants by its result.
func fold(n *node) *node {
	for _, k := range []*node{n.left, n.right, n.cond} {
		if k != nil && k.op != "const" && k.op != "bool" {
			return n
		}
	}
	if n.right == nil {
		return n
	}
	if n.boolean {
		if v, ok := evalBool(n); ok {
			return &node{op: "bool", boolean: true, truth: v}
		}
		return n
	}
	if v, ok := evalInt(n); ok {
		return constNode(v)
	}
	return n
}
