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

// plainSlot is the slot of an unsigned field of up to 64 bits.
func (n *node) plainSlot() (int, bool) {
	if n.op == "field" && !n.field.wide() && !n.field.signed {
		return n.field.slot, true
	}
	return 0, false
}
