package engine

import "math/big"

// evalInt and evalBool compute operations on constants with integers of any
// size, exactly as bmv2 does. They serve constant folding; their ok is false
// for what they do not fold.

func evalInt(n *node) (*big.Int, bool) {
	switch n.op {
	case "b2d":
		if n.right.truth {
			return big.NewInt(1), true
		}
		return new(big.Int), true
	case "~":
		return new(big.Int).Not(n.right.val), true
	case "?":
		if n.cond.truth {
			return n.left.val, true
		}
		return n.right.val, true
	}
	return evalArith(n.op, n.left.val, n.right.val)
}

func evalArith(op string, l, r *big.Int) (*big.Int, bool) {
	z := new(big.Int)
	switch op {
	case "+":
		return z.Add(l, r), true
	case "-":
		return z.Sub(l, r), true
	case "*":
		return z.Mul(l, r), true
	case "&":
		return z.And(l, r), true
	case "|":
		return z.Or(l, r), true
	case "^":
		return z.Xor(l, r), true
	case "/", "%":
		if r.Sign() == 0 {
			return z, true
		}
		if op == "/" {
			return z.Quo(l, r), true
		}
		return z.Rem(l, r), true
	case "<<", ">>":
		if !r.IsInt64() || r.Int64() > maxExact {
			return nil, false
		}
		if op == "<<" {
			return z.Lsh(l, uint(r.Int64())), true
		}
		return z.Rsh(l, uint(r.Int64())), true
	case "two_comp_mod":
		return twoComp(l, int(r.Int64())), true
	case "sat_cast", "usat_cast":
		lo, hi := widthRange(int(r.Int64()), op == "sat_cast")
		return minInt(maxInt(l, lo), hi), true
	}
	return nil, false
}

// twoComp is the value of the low w bits of v read as a two's complement.
func twoComp(v *big.Int, w int) *big.Int {
	z := new(big.Int).And(v, maxOf(w))
	if z.Bit(w-1) == 1 {
		z.Sub(z, pow2(w))
	}
	return z
}

func evalBool(n *node) (value, ok bool) {
	switch n.op {
	case "not":
		return !n.right.truth, true
	case "and":
		return n.left.truth && n.right.truth, true
	case "or":
		return n.left.truth || n.right.truth, true
	case "d2b":
		return n.right.val.Sign() != 0, true
	case "?":
		if n.cond.truth {
			return n.left.truth, true
		}
		return n.right.truth, true
	}
	if n.left.boolean {
		return (n.left.truth == n.right.truth) == (n.op == "=="), true
	}
	c := n.left.val.Cmp(n.right.val)
	switch n.op {
	case "==":
		return c == 0, true
	case "!=":
		return c != 0, true
	case "<":
		return c < 0, true
	case "<=":
		return c <= 0, true
	case ">":
		return c > 0, true
	case ">=":
		return c >= 0, true
	}
	return false, false
}
