package engine

// emitter compiles primitives for known facts, and joins moves between words.
type emitter struct {
	prog  *Program
	facts *facts
	steps []step
	moves []move
	dirty []int // headers that moves write
}

// move is packet.w[dst] = (packet.w[src]&mask + add) & keep. A constant has
// mask 0. If arg is set, src counts the parameters of the action.
type move struct {
	dst, src  int32
	arg       bool
	mask, add uint64
	keep      uint64
}

// action compiles the primitives of an action without jumps; true means that
// the pipeline ends there.
func (e *emitter) action(a *actionDef) (exit bool) {
	for i := range a.prims {
		p := &a.prims[i]
		if p.kind == effExit {
			return true
		}
		e.prim(p)
		p.after(e.facts, &e.prog.std)
	}
	return false
}

func (e *emitter) prim(p *operation) {
	f := e.facts
	switch p.kind {
	case effAssign:
		if e.assign(p) {
			return
		}
	case effAdd:
		if f.is(p.hdr.index, 1) {
			return
		}
	case effRemove:
		if f.is(p.hdr.index, 0) {
			return
		}
	case effPopAll:
		e.flush()
		e.steps = append(e.steps, p.stack.popAll(f))
		return
	}
	e.flush()
	e.steps = append(e.steps, p.run)
}

// popAll makes the valid elements invalid.
func (d *stackDef) popAll(f *facts) step {
	var open []*headerDef
	for _, h := range d.elems {
		if !f.is(h.index, 0) {
			open = append(open, h)
		}
	}
	at, size := d.index, len(d.elems)
	return func(c *packet) {
		c.next[at] = max(0, c.next[at]-size)
		for _, h := range open {
			c.setInvalid(h)
		}
	}
}

// assign compiles an assignment as a move, or with what is known put in; false
// leaves it as it is.
func (e *emitter) assign(p *operation) bool {
	if p.dst.op != "field" || p.dst.field.wide() {
		return false
	}
	dst, f := p.dst.field, e.facts
	if !dst.hdr.meta {
		switch v, known := f.get(dst.hdr.index); {
		case !known:
			return false
		case v == 0:
			return true
		}
	}
	src := f.simplify(p.src)
	keep := widthMask(dst.bits)
	if src.op == "const" {
		if f.is(dst.slot, lowWord(src.val)&keep) {
			return true // so do the header's bytes, if it is one's
		}
	}
	m, ok := src.asMove()
	if !ok {
		if src == p.src && dst.hdr.meta {
			return false
		}
		g := &gen{p: e.prog, late: true}
		x := g.word(src)
		if g.over {
			return false
		}
		e.flush()
		e.steps = append(e.steps, storeKnown(dst, x, keep))
		return true
	}
	m.dst, m.keep = int32(dst.slot), m.keep&keep
	e.moves = append(e.moves, m)
	if !dst.hdr.meta && !e.isDirty(dst.hdr) {
		e.dirty = append(e.dirty, dst.hdr.index)
	}
	return true
}

func (e *emitter) isDirty(h *headerDef) bool {
	for _, i := range e.dirty {
		if i == h.index {
			return true
		}
	}
	return false
}

// storeKnown stores to a field whose header, if it has one, is valid.
func storeKnown(dst *fieldLoc, x wordFn, keep uint64) step {
	slot, h := dst.slot, dst.hdr.index
	if dst.hdr.meta {
		return func(c *packet) { c.w[slot] = x(c) & keep }
	}
	return func(c *packet) {
		c.w[slot] = x(c) & keep
		c.hdr[h].dirty = true
	}
}

const allBits = ^uint64(0)

// asMove recognises constants, fields, parameters, and fields plus constants
// under a mask.
func (n *node) asMove() (move, bool) {
	switch n.op {
	case "const":
		return move{add: lowWord(n.val), keep: allBits}, true
	case "local":
		if !n.param.wide() {
			return move{src: int32(n.param.slot), arg: true, mask: allBits, keep: allBits}, true
		}
	case "field":
		if s, ok := n.plainSlot(); ok {
			return move{src: int32(s), mask: allBits, keep: allBits}, true
		}
	case "&":
		if k := n.right; k.op == "const" && k.val.Sign() >= 0 {
			if m, ok := n.left.asMove(); ok {
				m.keep &= lowWord(k.val)
				return m, true
			}
		}
	case "+", "-":
		if k := n.right; k.op == "const" {
			m, ok := n.left.asMove()
			add := lowWord(k.val)
			if n.op == "-" {
				add = -add
			}
			if ok && m.add == 0 {
				m.mask, m.keep = m.mask&m.keep, allBits
				m.add = add
				return m, true
			}
		}
	}
	return move{}, false
}

// flush makes a step of the moves so far.
func (e *emitter) flush() {
	moves, dirty := e.moves, e.dirty
	e.moves, e.dirty = nil, nil
	if len(moves) == 0 {
		return
	}
	e.steps = append(e.steps, func(c *packet) {
		w := c.w
		for i := range moves {
			m := &moves[i]
			var v uint64
			if m.arg {
				v = c.args[m.src]
			} else {
				v = w[m.src]
			}
			w[m.dst] = (v&m.mask + m.add) & m.keep
		}
		for _, h := range dirty {
			c.hdr[h].dirty = true
		}
	})
}

func (e *emitter) finish() []step {
	e.flush()
	return e.steps
}
