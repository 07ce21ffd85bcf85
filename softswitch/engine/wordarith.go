package engine

import (
	"encoding/binary"
	"math/big"
)

// Operators on words.

func (g *gen) wordArith(n *node) wordFn {
	if n.right.op == "const" {
		return g.wordArithConst(n)
	}
	l, r := g.word(n.left), g.word(n.right)
	switch n.op {
	case "+":
		return func(c *packet) uint64 { return l(c) + r(c) }
	case "-":
		return func(c *packet) uint64 { return l(c) - r(c) }
	case "*":
		return func(c *packet) uint64 { return l(c) * r(c) }
	case "&":
		return func(c *packet) uint64 { return l(c) & r(c) }
	case "|":
		return func(c *packet) uint64 { return l(c) | r(c) }
	case "^":
		return func(c *packet) uint64 { return l(c) ^ r(c) }
	case "/":
		return func(c *packet) uint64 {
			if d := r(c); d != 0 {
				return l(c) / d
			}
			return 0
		}
	case "%":
		return func(c *packet) uint64 {
			if d := r(c); d != 0 {
				return l(c) % d
			}
			return 0
		}
	}
	panic("engine: no word operation " + n.op)
}

func (g *gen) wordArithConst(n *node) wordFn {
	k := lowWord(n.right.val)
	if s, ok := n.left.plainSlot(); ok {
		switch n.op {
		case "+":
			return func(c *packet) uint64 { return c.w[s] + k }
		case "-":
			return func(c *packet) uint64 { return c.w[s] - k }
		case "&":
			return func(c *packet) uint64 { return c.w[s] & k }
		}
	}
	l := g.word(n.left)
	switch n.op {
	case "+":
		return func(c *packet) uint64 { return l(c) + k }
	case "-":
		return func(c *packet) uint64 { return l(c) - k }
	case "*":
		return func(c *packet) uint64 { return l(c) * k }
	case "&":
		return func(c *packet) uint64 { return l(c) & k }
	case "|":
		return func(c *packet) uint64 { return l(c) | k }
	case "^":
		return func(c *packet) uint64 { return l(c) ^ k }
	case "/", "%":
		if k == 0 {
			return func(*packet) uint64 { return 0 }
		}
		if n.op == "/" {
			return func(c *packet) uint64 { return l(c) / k }
		}
		return func(c *packet) uint64 { return l(c) % k }
	}
	panic("engine: no word operation " + n.op)
}

func (g *gen) wordShl(n *node) wordFn {
	x := g.word(n.left)
	if n.right.op == "const" {
		k := lowWord(n.right.val)
		if !n.right.val.IsUint64() || k >= 64 {
			return func(*packet) uint64 { return 0 }
		}
		return func(c *packet) uint64 { return x(c) << k }
	}
	by := g.exactUint(n.right)
	return func(c *packet) uint64 { return x(c) << by(c) } // Go: 0 from 64 on
}

func (g *gen) wordShr(n *node) wordFn {
	l := n.left
	if !l.isUint() && !l.isInt() {
		return g.wordShrWide(n)
	}
	x, by := g.word(l), g.exactUint(n.right)
	if l.isUint() {
		if n.right.op == "const" && n.right.val.IsUint64() {
			k := n.right.val.Uint64()
			if l.op == "field" && !l.field.signed {
				s := l.field.slot
				return func(c *packet) uint64 { return c.w[s] >> k }
			}
			return func(c *packet) uint64 { return x(c) >> k }
		}
		return func(c *packet) uint64 { return x(c) >> by(c) }
	}
	return func(c *packet) uint64 { return uint64(int64(x(c)) >> by(c)) }
}

// wordShrWide takes the low word of a wide value's right shift.
func (g *gen) wordShrWide(n *node) wordFn {
	if f := n.left.field; f != nil && n.right.op == "const" && !f.signed {
		if w, ok := sliceOfField(f, n.right.val); ok {
			return w
		}
	}
	lo, hi := g.temp(1)
	defer g.release(lo)
	x := g.wide(n, 1)
	return func(c *packet) uint64 {
		x(c, c.tmp[lo:hi])
		return c.tmp[lo]
	}
}

// sliceOfField reads 64 bits at bit k (from the low end) of a wide field
// straight from its bytes.
func sliceOfField(f *fieldLoc, k *big.Int) (wordFn, bool) {
	if !k.IsInt64() || k.Int64() < 0 || int(k.Int64())+64 > f.bytes()*8-8 {
		return nil, false
	}
	s, sh := f.slot, uint(k.Int64()%8)
	end := f.bytes() - int(k.Int64())/8 // past the byte with bit k
	if sh == 0 {
		return func(c *packet) uint64 { return binary.BigEndian.Uint64(c.mem[int(c.off[s])+end-8:]) }, true
	}
	return func(c *packet) uint64 {
		b := c.mem[int(c.off[s])+end-9:]
		return binary.BigEndian.Uint64(b[1:])>>sh | uint64(b[0])<<(64-sh)
	}, true
}

func (g *gen) wordCast(n *node) wordFn {
	l := n.left
	if n.lo.Cmp(l.lo) <= 0 && n.hi.Cmp(l.hi) >= 0 {
		return g.word(l) // cannot change the value
	}
	bits := int(n.right.val.Int64())
	if n.op == "two_comp_mod" {
		x := g.word(l)
		if bits >= 64 {
			return x
		}
		return func(c *packet) uint64 { return signExtend(x(c), bits) }
	}
	lo, hi := lowWord(n.lo), lowWord(n.hi)
	switch {
	case l.isInt() && n.isInt():
		x := g.word(l)
		return func(c *packet) uint64 { return uint64(min(max(int64(x(c)), int64(lo)), int64(hi))) }
	case l.isUint() && n.hi.IsUint64():
		x := g.word(l)
		return func(c *packet) uint64 { return min(x(c), hi) }
	}
	tlo, thi := g.temp(1)
	defer g.release(tlo)
	x := g.wide(n, 1)
	return func(c *packet) uint64 {
		x(c, c.tmp[tlo:thi])
		return c.tmp[tlo]
	}
}
