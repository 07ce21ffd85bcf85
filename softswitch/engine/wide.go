package engine

// A wideFn computes a number modulo 2^(64·len(dst)), in two's complement, the
// least significant word first. dst is scratch of its own: operands write to
// other words.
type wideFn func(c *packet, dst []uint64)

// wide compiles n for a result of the given number of words.
func (g *gen) wide(n *node, words int) wideFn {
	if n.op == "const" {
		k := constWords(n.val, words)
		return func(_ *packet, dst []uint64) { copy(dst, k) }
	}
	if !n.isWideCast() && (n.isUint() || n.isInt()) {
		return g.widened(n)
	}
	switch n.op {
	case "field":
		return wideField(n.field)
	case "local":
		return wideParam(n.param)
	case "member":
		return g.wideMember(n)
	case "~":
		x := g.wide(n.right, words)
		return func(c *packet, dst []uint64) {
			x(c, dst)
			for i := range dst {
				dst[i] = ^dst[i]
			}
		}
	case "?":
		b, l, r := g.truth(n.cond), g.wide(n.left, words), g.wide(n.right, words)
		return func(c *packet, dst []uint64) {
			if b(c) {
				l(c, dst)
			} else {
				r(c, dst)
			}
		}
	case "<<":
		x, by := g.wide(n.left, words), g.exactUint(n.right)
		return func(c *packet, dst []uint64) {
			k := by(c)
			x(c, dst)
			shlWords(dst, k)
		}
	case ">>":
		return g.wideShr(n)
	case "two_comp_mod", "sat_cast", "usat_cast":
		return g.wideCast(n)
	}
	return g.wideArith(n, words)
}

// widened is the value of a node that word compiles, made longer.
func (g *gen) widened(n *node) wideFn {
	x := g.word(n)
	if n.isUint() {
		return func(c *packet, dst []uint64) {
			dst[0] = x(c)
			clear(dst[1:])
		}
	}
	return func(c *packet, dst []uint64) {
		v := x(c)
		dst[0] = v
		fill(dst[1:], v)
	}
}

// isWideCast says that word and wide would refer to each other: a saturating
// cast to a word of a value that is none.
func (n *node) isWideCast() bool {
	switch n.op {
	case "sat_cast", "usat_cast":
		l := n.left
		return !(l.isInt() && n.isInt()) && !(l.isUint() && n.hi.IsUint64())
	case ">>":
		return !n.left.isUint() && !n.left.isInt()
	}
	return false
}

func wideField(f *fieldLoc) wideFn {
	s, size, width, signed := f.slot, f.bytes(), f.bits, f.signed
	if !f.wide() {
		return func(c *packet, dst []uint64) {
			dst[0] = c.w[s]
			clear(dst[1:])
		}
	}
	return func(c *packet, dst []uint64) { loadWords(dst, c.mem[c.off[s]:][:size], width, signed) }
}

func wideParam(p *paramLoc) wideFn {
	s, size := p.slot, (p.bits+7)/8
	return func(c *packet, dst []uint64) { loadWords(dst, c.wargs[s:s+size], size*8, false) }
}

func (g *gen) wideMember(n *node) wideFn {
	at := g.element(n.hdr)
	var reads []wideFn
	for _, h := range n.hdr.stack.elems {
		reads = append(reads, wideField(h.fields[n.member]))
	}
	return func(c *packet, dst []uint64) {
		if i := at(c); i >= 0 {
			reads[i](c, dst)
			return
		}
		clear(dst)
	}
}

// wideShr needs its operand exactly, which may be longer than the result.
func (g *gen) wideShr(n *node) wideFn {
	words := n.left.exactWords()
	lo, hi := g.temp(words)
	defer g.release(lo)
	x, by := g.wide(n.left, words), g.exactUint(n.right)
	return func(c *packet, dst []uint64) {
		k := by(c)
		t := c.tmp[lo:hi]
		x(c, t)
		shrWords(dst, t, k)
	}
}

func (g *gen) wideCast(n *node) wideFn {
	width := int(n.right.val.Int64())
	if n.op == "two_comp_mod" {
		return g.wideTwoComp(n, width)
	}
	words := max(n.left.exactWords(), n.exactWords())
	lo, hi := g.temp(words)
	defer g.release(lo)
	x := g.wide(n.left, words)
	low := constWords(n.lo, words)
	high := constWords(n.hi, words)
	return func(c *packet, dst []uint64) {
		t := c.tmp[lo:hi]
		x(c, t)
		switch {
		case cmpWords(t, low) < 0:
			t = low
		case cmpWords(t, high) > 0:
			t = high
		}
		k := copy(dst, t)
		fill(dst[k:], t[len(t)-1])
	}
}

func (g *gen) wideTwoComp(n *node, width int) wideFn {
	words := (width + 63) / 64
	lo, hi := g.temp(words)
	defer g.release(lo)
	x := g.wide(n.left, words)
	return func(c *packet, dst []uint64) {
		t := c.tmp[lo:hi]
		x(c, t)
		extendFrom(t, width)
		k := copy(dst, t)
		fill(dst[k:], t[len(t)-1])
	}
}

func (g *gen) wideArith(n *node, words int) wideFn {
	var op func(dst, b []uint64)
	switch n.op {
	case "+":
		op = addWords
	case "-":
		op = subWords
	case "&":
		op = andWords
	case "|":
		op = orWords
	case "^":
		op = xorWords
	case "*":
		return g.wideMul(n, words)
	default:
		panic("engine: no wide operation " + n.op)
	}
	lo, hi := g.temp(words)
	defer g.release(lo)
	l, r := g.wide(n.left, words), g.wide(n.right, words)
	return func(c *packet, dst []uint64) {
		l(c, dst)
		t := c.tmp[lo:hi]
		r(c, t)
		op(dst, t)
	}
}

func (g *gen) wideMul(n *node, words int) wideFn {
	lo, _ := g.temp(2 * words)
	defer g.release(lo)
	l, r := g.wide(n.left, words), g.wide(n.right, words)
	return func(c *packet, dst []uint64) {
		a, b := c.tmp[lo:lo+words], c.tmp[lo+words:lo+2*words]
		l(c, a)
		r(c, b)
		mulWords(dst, a, b)
	}
}
