package engine

import (
	"fmt"
	"math/big"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// target resolves an operand that is written to. The result is a node of op
// "field" or "member".
func (s *scope) target(v *bmv2json.Value) (*node, error) {
	n, err := s.data(v)
	if err != nil {
		return nil, err
	}
	switch n.op {
	case "field":
		return n, s.p.layout.write(n.field)
	case "member":
		for _, h := range n.hdr.stack.elems {
			if err := s.p.layout.write(h.fields[n.member]); err != nil {
				return nil, err
			}
		}
		return n, nil
	}
	return nil, fmt.Errorf("%s cannot be assigned to", n.op)
}

// assign compiles dst = src, truncated to dst's width. A header that is not
// valid keeps nothing that is written to it.
func (g *gen) assign(dst, src *node) step {
	if dst.op == "member" {
		return g.assignMember(dst, src)
	}
	if dst.field.wide() {
		return g.assignWide(dst.field, src)
	}
	return g.storeWord(dst.field, g.word(src), src)
}

// storeWord stores x; src, if not nil, tells what x can be.
func (g *gen) storeWord(f *fieldLoc, x wordFn, src *node) step {
	slot, mask := f.slot, widthMask(f.bits)
	if f.hdr.meta {
		return storeMeta(f, x, src)
	}
	h := f.hdr.index
	return func(c *packet) {
		if c.w[h] != 0 {
			c.w[slot] = x(c) & mask
			c.hdr[h].dirty = true
		}
	}
}

func storeMeta(f *fieldLoc, x wordFn, src *node) step {
	slot, mask := f.slot, widthMask(f.bits)
	if src != nil {
		if src.op == "const" {
			k := lowWord(src.val) & mask
			return func(c *packet) { c.w[slot] = k }
		}
		fits := src.lo.Sign() >= 0 && src.hi.Cmp(new(big.Int).SetUint64(mask)) <= 0
		if s, ok := src.plainSlot(); ok && fits {
			return func(c *packet) { c.w[slot] = c.w[s] }
		}
		if fits {
			return func(c *packet) { c.w[slot] = x(c) }
		}
	}
	return func(c *packet) { c.w[slot] = x(c) & mask }
}

// assignMember assigns to a field of a stack element chosen at run time.
func (g *gen) assignMember(dst, src *node) step {
	at := g.element(dst.hdr)
	var stores []step
	for _, h := range dst.hdr.stack.elems {
		stores = append(stores, g.assign(fieldNode(h.fields[dst.member]), src))
	}
	return func(c *packet) {
		if i := at(c); i >= 0 {
			stores[i](c)
		}
	}
}

// assignWide moves bytes where it can and computes in words where it must.
func (g *gen) assignWide(f *fieldLoc, src *node) step {
	put := g.wideBytes(f, src)
	if f.hdr.meta {
		return put
	}
	h := f.hdr.index
	return func(c *packet) {
		if c.w[h] != 0 {
			put(c)
			c.hdr[h].dirty = true
		}
	}
}

func (g *gen) wideBytes(f *fieldLoc, src *node) step {
	slot, home, size, width := f.slot, f.home, f.bytes(), f.bits
	switch {
	case src.op == "field" && src.field.bits == width:
		if src.field == f {
			return noop
		}
		d, m := newWideMove(f), newWideMove(src.field)
		return func(c *packet) { c.copyWide(&d, &m) }
	case src.op == "const" && src.val.Sign() == 0:
		return func(c *packet) { c.off[slot] = 0 }
	case src.op == "const":
		k := new(big.Int).And(src.val, maxOf(width)).FillBytes(make([]byte, size))
		return func(c *packet) {
			copy(c.mem[home:], k)
			c.off[slot] = int32(home)
		}
	case src.op == "local" && src.param.bits == width:
		p := src.param.slot
		return func(c *packet) {
			copy(c.mem[home:home+size], c.wargs[p:])
			c.off[slot] = int32(home)
		}
	}
	words := (width + 63) / 64
	lo, hi := g.temp(words)
	defer g.release(lo)
	x := g.wide(src, words)
	return func(c *packet) {
		t := c.tmp[lo:hi]
		x(c, t)
		storeWords(c.mem[home:home+size], t, width)
		c.off[slot] = int32(home)
	}
}

// headerOf compiles a header operand; nil at run time is an element that does
// not exist.
func (g *gen) headerOf(r *hdrRef) func(*packet) *headerDef {
	if h := r.hdr; h != nil {
		return func(*packet) *headerDef { return h }
	}
	at, elems := g.element(r), r.stack.elems
	return func(c *packet) *headerDef {
		if i := at(c); i >= 0 {
			return elems[i]
		}
		return nil
	}
}
