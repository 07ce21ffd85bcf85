package engine

import (
	"encoding/binary"
	"math/big"
)

// Typed closures: what an expression compiles to. A wordFn is the value
// modulo 2^64; it is the value itself where node.isUint says so, and its two's
// complement where node.isInt does.
type (
	wordFn func(*packet) uint64
	boolFn func(*packet) bool
)

// gen compiles nodes to closures. It gives out the scratch words of wide
// expressions; since an expression is evaluated depth first, they are
// allocated like a stack, when compiling.
type gen struct {
	p   *Program
	top int

	// late says that the program is compiled and has all the scratch words it
	// will ever have; over, that an expression would need more.
	late, over bool
}

// temp reserves n scratch words until release.
func (g *gen) temp(n int) (lo, hi int) {
	lo, g.top = g.top, g.top+n
	if g.late {
		g.over = g.over || g.top > g.p.tmpWords
	} else {
		g.p.tmpWords = max(g.p.tmpWords, g.top)
	}
	return lo, g.top
}

func (g *gen) release(lo int) { g.top = lo }

// lowWord is v modulo 2^64.
func lowWord(v *big.Int) uint64 {
	return new(big.Int).And(v, maxOf(64)).Uint64()
}

func (g *gen) word(n *node) wordFn {
	switch n.op {
	case "const":
		k := lowWord(n.val)
		return func(*packet) uint64 { return k }
	case "field":
		return g.wordField(n.field)
	case "local":
		return wordParam(n.param)
	case "member":
		return g.wordMember(n)
	case "last_stack_index":
		i := n.stack.index
		return func(c *packet) uint64 { return uint64(c.next[i] - 1) }
	case "size_stack":
		i := n.stack.index
		return func(c *packet) uint64 { return uint64(c.next[i]) }
	case "b2d":
		b := g.truth(n.right)
		return func(c *packet) uint64 {
			if b(c) {
				return 1
			}
			return 0
		}
	case "~":
		x := g.word(n.right)
		return func(c *packet) uint64 { return ^x(c) }
	case "?":
		b, l, r := g.truth(n.cond), g.word(n.left), g.word(n.right)
		return func(c *packet) uint64 {
			if b(c) {
				return l(c)
			}
			return r(c)
		}
	case "<<":
		return g.wordShl(n)
	case ">>":
		return g.wordShr(n)
	case "two_comp_mod", "sat_cast", "usat_cast":
		return g.wordCast(n)
	}
	return g.wordArith(n)
}

func signExtend(v uint64, bits int) uint64 {
	s := uint(64 - bits)
	return uint64(int64(v<<s) >> s)
}

func (g *gen) wordField(f *fieldLoc) wordFn {
	s := f.slot
	if f.wide() {
		tail := f.bytes() - 8
		return func(c *packet) uint64 { return binary.BigEndian.Uint64(c.mem[int(c.off[s])+tail:]) }
	}
	if f.signed {
		bits := f.bits
		return func(c *packet) uint64 { return signExtend(c.w[s], bits) }
	}
	return func(c *packet) uint64 { return c.w[s] }
}

func wordParam(p *paramLoc) wordFn {
	s := p.slot
	if p.wide() {
		tail := s + (p.bits+7)/8 - 8
		return func(c *packet) uint64 { return binary.BigEndian.Uint64(c.wargs[tail:]) }
	}
	return func(c *packet) uint64 { return c.args[s] }
}

// element compiles the choice of a stack element; -1 is none, and counted.
func (g *gen) element(r *hdrRef) func(*packet) int {
	i, n := r.stack.index, len(r.stack.elems)
	if r.index == nil {
		return func(c *packet) int {
			if c.next[i] == 0 {
				c.dp.stats.StackRange++
			}
			return c.next[i] - 1
		}
	}
	idx := g.exactUint(r.index)
	return func(c *packet) int {
		if k := idx(c); k < uint64(n) {
			return int(k)
		}
		c.dp.stats.StackRange++
		return -1
	}
}

func (g *gen) wordMember(n *node) wordFn {
	at := g.element(n.hdr)
	var reads []wordFn
	for _, h := range n.hdr.stack.elems {
		reads = append(reads, g.wordField(h.fields[n.member]))
	}
	return func(c *packet) uint64 {
		if i := at(c); i >= 0 {
			return reads[i](c)
		}
		return 0
	}
}

// exactUint compiles a number that is used as an index or amount: a value
// that is negative or does not fit becomes the largest uint64.
func (g *gen) exactUint(n *node) wordFn {
	if n.isUint() {
		return g.word(n)
	}
	if n.isInt() {
		x := g.word(n)
		return func(c *packet) uint64 {
			if v := x(c); int64(v) >= 0 {
				return v
			}
			return ^uint64(0)
		}
	}
	words := n.exactWords()
	lo, hi := g.temp(words)
	defer g.release(lo)
	x := g.wide(n, words)
	return func(c *packet) uint64 {
		t := c.tmp[lo:hi]
		x(c, t)
		for _, w := range t[1:] {
			if w != 0 {
				return ^uint64(0)
			}
		}
		return t[0]
	}
}

// shiftBy compiles the amount of a shift, at least 2^32 standing for all.
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

// plainSlot is the slot of an unsigned field of up to 64 bits.
func (n *node) plainSlot() (int, bool) {
	if n.op == "field" && !n.field.wide() && !n.field.signed {
		return n.field.slot, true
	}
	return 0, false
}

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
