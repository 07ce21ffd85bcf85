package engine

import (
	"bytes"
	"math/big"
)

func (g *gen) truth(n *node) boolFn {
	switch n.op {
	case "bool":
		v := n.truth
		return func(*packet) bool { return v }
	case "valid":
		return g.valid(n.hdr)
	case "not":
		x := g.truth(n.right)
		return func(c *packet) bool { return !x(c) }
	case "and":
		l, r := g.truth(n.left), g.truth(n.right)
		return func(c *packet) bool { return l(c) && r(c) }
	case "or":
		l, r := g.truth(n.left), g.truth(n.right)
		return func(c *packet) bool { return l(c) || r(c) }
	case "?":
		b, l, r := g.truth(n.cond), g.truth(n.left), g.truth(n.right)
		return func(c *packet) bool {
			if b(c) {
				return l(c)
			}
			return r(c)
		}
	case "d2b":
		return g.nonZero(n.right)
	}
	if n.left.boolean {
		l, r, want := g.truth(n.left), g.truth(n.right), n.op == "=="
		return func(c *packet) bool { return (l(c) == r(c)) == want }
	}
	return g.compare(n)
}

func (g *gen) valid(r *hdrRef) boolFn {
	if r.hdr != nil {
		if r.hdr.meta {
			return func(*packet) bool { return true }
		}
		i := r.hdr.index
		return func(c *packet) bool { return c.w[i] != 0 }
	}
	at, elems := g.element(r), r.stack.elems
	return func(c *packet) bool {
		i := at(c)
		return i >= 0 && c.w[elems[i].index] != 0
	}
}

func (g *gen) nonZero(n *node) boolFn {
	if n.isUint() || n.isInt() {
		if s, ok := n.plainSlot(); ok {
			return func(c *packet) bool { return c.w[s] != 0 }
		}
		x := g.word(n)
		return func(c *packet) bool { return x(c) != 0 }
	}
	return g.compare(&node{op: "!=", boolean: true, left: n, right: constNode(big.NewInt(0))})
}

// compare compiles a comparison of two numbers.
func (g *gen) compare(n *node) boolFn {
	l, r := n.left, n.right
	switch {
	case l.isUint() && r.isUint():
		return g.compareUint(n)
	case l.isInt() && r.isInt():
		return g.compareInt(n)
	}
	if n.op == "==" || n.op == "!=" {
		if f := wideBytesEqual(n); f != nil {
			return f
		}
	}
	return g.compareWide(n)
}

func (g *gen) compareUint(n *node) boolFn {
	if n.right.op == "const" {
		return g.compareConst(n)
	}
	if a, ok := n.left.plainSlot(); ok {
		if b, ok := n.right.plainSlot(); ok {
			return compareSlots(n.op, a, b)
		}
	}
	l, r := g.word(n.left), g.word(n.right)
	switch n.op {
	case "==":
		return func(c *packet) bool { return l(c) == r(c) }
	case "!=":
		return func(c *packet) bool { return l(c) != r(c) }
	case "<":
		return func(c *packet) bool { return l(c) < r(c) }
	case "<=":
		return func(c *packet) bool { return l(c) <= r(c) }
	case ">":
		return func(c *packet) bool { return l(c) > r(c) }
	case ">=":
		return func(c *packet) bool { return l(c) >= r(c) }
	}
	panic("engine: no comparison " + n.op)
}

// compareSlots compares two plain fields.
func compareSlots(op string, a, b int) boolFn {
	switch op {
	case "==":
		return func(c *packet) bool { return c.w[a] == c.w[b] }
	case "!=":
		return func(c *packet) bool { return c.w[a] != c.w[b] }
	case "<":
		return func(c *packet) bool { return c.w[a] < c.w[b] }
	case "<=":
		return func(c *packet) bool { return c.w[a] <= c.w[b] }
	case ">":
		return func(c *packet) bool { return c.w[a] > c.w[b] }
	case ">=":
		return func(c *packet) bool { return c.w[a] >= c.w[b] }
	}
	panic("engine: no comparison " + op)
}

func (g *gen) compareConst(n *node) boolFn {
	k := lowWord(n.right.val)
	if s, ok := n.left.plainSlot(); ok {
		switch n.op {
		case "==":
			return func(c *packet) bool { return c.w[s] == k }
		case "!=":
			return func(c *packet) bool { return c.w[s] != k }
		case "<":
			return func(c *packet) bool { return c.w[s] < k }
		case "<=":
			return func(c *packet) bool { return c.w[s] <= k }
		case ">":
			return func(c *packet) bool { return c.w[s] > k }
		case ">=":
			return func(c *packet) bool { return c.w[s] >= k }
		}
	}
	l := g.word(n.left)
	switch n.op {
	case "==":
		return func(c *packet) bool { return l(c) == k }
	case "!=":
		return func(c *packet) bool { return l(c) != k }
	case "<":
		return func(c *packet) bool { return l(c) < k }
	case "<=":
		return func(c *packet) bool { return l(c) <= k }
	case ">":
		return func(c *packet) bool { return l(c) > k }
	case ">=":
		return func(c *packet) bool { return l(c) >= k }
	}
	panic("engine: no comparison " + n.op)
}

func (g *gen) compareInt(n *node) boolFn {
	l, r := g.word(n.left), g.word(n.right)
	switch n.op {
	case "==":
		return func(c *packet) bool { return l(c) == r(c) }
	case "!=":
		return func(c *packet) bool { return l(c) != r(c) }
	case "<":
		return func(c *packet) bool { return int64(l(c)) < int64(r(c)) }
	case "<=":
		return func(c *packet) bool { return int64(l(c)) <= int64(r(c)) }
	case ">":
		return func(c *packet) bool { return int64(l(c)) > int64(r(c)) }
	case ">=":
		return func(c *packet) bool { return int64(l(c)) >= int64(r(c)) }
	}
	panic("engine: no comparison " + n.op)
}

// wideBytesEqual compares a wide field with another of its width, or with a
// constant, without leaving bytes; nil if the operands are something else.
func wideBytesEqual(n *node) boolFn {
	l, r, want := n.left, n.right, n.op == "=="
	if l.op != "field" || !l.field.wide() || l.field.signed {
		return nil
	}
	s, size := l.field.slot, l.field.bytes()
	switch {
	case r.op == "field" && r.field.bits == l.field.bits && !r.field.signed:
		t := r.field.slot
		return func(c *packet) bool {
			return bytes.Equal(c.mem[c.off[s]:][:size], c.mem[c.off[t]:][:size]) == want
		}
	case r.op == "const" && r.val.Sign() >= 0 && r.val.BitLen() <= l.field.bits:
		k := r.val.FillBytes(make([]byte, size))
		return func(c *packet) bool { return bytes.Equal(c.mem[c.off[s]:][:size], k) == want }
	}
	return nil
}

func (g *gen) compareWide(n *node) boolFn {
	words := max(n.left.exactWords(), n.right.exactWords())
	llo, lhi := g.temp(words)
	defer g.release(llo)
	l := g.wide(n.left, words)
	rlo, rhi := g.temp(words)
	r := g.wide(n.right, words)
	cmp := func(c *packet) int {
		a, b := c.tmp[llo:lhi], c.tmp[rlo:rhi]
		l(c, a)
		r(c, b)
		return cmpWords(a, b)
	}
	switch n.op {
	case "==":
		return func(c *packet) bool { return cmp(c) == 0 }
	case "!=":
		return func(c *packet) bool { return cmp(c) != 0 }
	case "<":
		return func(c *packet) bool { return cmp(c) < 0 }
	case "<=":
		return func(c *packet) bool { return cmp(c) <= 0 }
	case ">":
		return func(c *packet) bool { return cmp(c) > 0 }
	case ">=":
		return func(c *packet) bool { return cmp(c) >= 0 }
	}
	panic("engine: no comparison " + n.op)
}
