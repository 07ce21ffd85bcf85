package engine

import (
	"encoding/binary"
	"math/big"
	"math/bits"
)

// A wideFn computes a number modulo 2^(64·len(dst)), in two's complement, the
// least significant word first. dst is scratch of its own: operands write to
// other words.
type wideFn func(c *packet, dst []uint64)

func lowInt(v int64) *big.Int { return big.NewInt(v) }

// wide compiles n for a result of the given number of words.
func (g *gen) wide(n *node, words int) wideFn {
	if n.op == "const" {
		k := make([]uint64, words)
		for i := range k {
			k[i] = lowWord(new(big.Int).Rsh(n.val, uint(64*i)))
		}
		return func(_ *packet, dst []uint64) { copy(dst, k) }
	}
	if n.isUint() && !n.isWideCast() {
		x := g.word(n)
		return func(c *packet, dst []uint64) {
			dst[0] = x(c)
			clear(dst[1:])
		}
	}
	if n.isInt() && !n.isWideCast() {
		x := g.word(n)
		return func(c *packet, dst []uint64) {
			v := x(c)
			dst[0] = v
			fill(dst[1:], v)
		}
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

// fill extends the sign of v over dst.
func fill(dst []uint64, v uint64) {
	s := uint64(int64(v) >> 63)
	for i := range dst {
		dst[i] = s
	}
}

// loadWords reads a big-endian number into dst and extends it.
func loadWords(dst []uint64, b []byte, width int, signed bool) {
	i := 0
	for ; i < len(dst) && len(b) >= 8; i++ {
		dst[i] = binary.BigEndian.Uint64(b[len(b)-8:])
		b = b[:len(b)-8]
	}
	if i < len(dst) {
		var v uint64
		for _, x := range b {
			v = v<<8 | uint64(x)
		}
		dst[i] = v
		clear(dst[i+1:])
	}
	if signed {
		extendFrom(dst, width)
	}
}

// extendFrom makes bit width-1 the sign of dst.
func extendFrom(dst []uint64, width int) {
	i := (width - 1) / 64
	if i >= len(dst) {
		return
	}
	dst[i] = signExtend(dst[i], (width-1)%64+1)
	fill(dst[i+1:], dst[i])
}

// storeWords writes the low bits of w to b, big-endian; width is the width of
// b's number in bits.
func storeWords(b []byte, w []uint64, width int) {
	for i := len(b) - 1; i >= 0; {
		v := w[(len(b)-1-i)/8]
		for k := 0; k < 8 && i >= 0; k, i = k+1, i-1 {
			b[i] = byte(v >> (8 * k))
		}
	}
	if r := width % 8; r != 0 {
		b[0] &= 1<<r - 1
	}
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

func constWords(v *big.Int, words int) []uint64 {
	k := make([]uint64, words)
	for i := range k {
		k[i] = lowWord(new(big.Int).Rsh(v, uint(64*i)))
	}
	return k
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

func addWords(dst, b []uint64) {
	var carry uint64
	for i := range dst {
		dst[i], carry = bits.Add64(dst[i], b[i], carry)
	}
}

func subWords(dst, b []uint64) {
	var borrow uint64
	for i := range dst {
		dst[i], borrow = bits.Sub64(dst[i], b[i], borrow)
	}
}

func andWords(dst, b []uint64) {
	for i := range dst {
		dst[i] &= b[i]
	}
}

func orWords(dst, b []uint64) {
	for i := range dst {
		dst[i] |= b[i]
	}
}

func xorWords(dst, b []uint64) {
	for i := range dst {
		dst[i] ^= b[i]
	}
}

// mulWords sets dst to a·b modulo 2^(64·len(dst)).
func mulWords(dst, a, b []uint64) {
	clear(dst)
	for i, x := range a {
		var carry uint64
		for j := 0; i+j < len(dst); j++ {
			hi, lo := bits.Mul64(x, b[j])
			var c1, c2 uint64
			lo, c1 = bits.Add64(lo, carry, 0)
			dst[i+j], c2 = bits.Add64(dst[i+j], lo, 0)
			carry = hi + c1 + c2
		}
	}
}

// cmpWords compares two's complements of the same length.
func cmpWords(a, b []uint64) int {
	i := len(a) - 1
	if a[i] != b[i] {
		if int64(a[i]) < int64(b[i]) {
			return -1
		}
		return 1
	}
	for i--; i >= 0; i-- {
		if a[i] != b[i] {
			if a[i] < b[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

func shlWords(w []uint64, k uint64) {
	if k >= uint64(len(w))*64 {
		clear(w)
		return
	}
	skip, sh := int(k/64), k%64
	for i := len(w) - 1; i >= 0; i-- {
		var v uint64
		if j := i - skip; j >= 0 {
			v = w[j] << sh
			if j > 0 && sh > 0 {
				v |= w[j-1] >> (64 - sh)
			}
		}
		w[i] = v
	}
}

// shrWords sets dst to src shifted right by k, sign-extended.
func shrWords(dst, src []uint64, k uint64) {
	sign := uint64(int64(src[len(src)-1]) >> 63)
	at := func(i uint64) uint64 {
		if i < uint64(len(src)) {
			return src[i]
		}
		return sign
	}
	skip, sh := k/64, k%64
	for i := range dst {
		v := at(skip + uint64(i))
		if sh > 0 {
			v = v>>sh | at(skip+uint64(i)+1)<<(64-sh)
		}
		dst[i] = v
	}
}
