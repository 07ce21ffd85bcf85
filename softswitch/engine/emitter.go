package engine

// emitter compiles primitives for known facts.
type emitter struct {
	prog  *Program
	facts *facts
	moves []move
	steps []step
}

func (e *emitter) step(s step) {
	e.moves = append(e.moves, move{op: moveStep, src: int32(len(e.steps))})
	e.steps = append(e.steps, s)
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
		switch v, known := f.get(p.hdr.index); {
		case known && v == 0:
			e.moves = append(e.moves, move{op: moveValid, dst: int32(p.hdr.index), add: uint64(p.hdr.size)})
			return
		case known:
			return
		}
	case effRemove:
		switch v, known := f.get(p.hdr.index); {
		case known && v == 0:
			return
		case known:
			e.moves = append(e.moves, move{op: moveRemove, dst: int32(p.hdr.index)})
			return
		}
	case effPopAll:
		e.step(p.stack.popAll(f))
		return
	}
	if p.direct != nil {
		e.direct(p.direct)
		return
	}
	e.step(p.run)
}

// direct emits a move on the cell of an array. An index that the move before made
// for it alone becomes part of it.
func (e *emitter) direct(d *directMove) {
	m, n := d.move, len(e.moves)-1
	if d.own && n >= 0 {
		at := e.moves[n]
		at.pushMask()
		if at.op == moveOne && at.dst == m.src && at.fits(e.prog.layout) {
			m.src, m.mask, m.shl, m.shr, m.add = at.src, at.mask, at.shl, at.shr, at.add
			e.moves = e.moves[:n]
			e.facts.forget(int(at.dst)) // was not written; nobody reads it
		}
	}
	e.moves = append(e.moves, m)
}

// fits says that the mask at the end of a moveOne changes nothing.
func (m *move) fits(l *layout) bool {
	most := widthMask(l.bitsOf[m.src]) & m.mask
	last := most<<m.shl>>m.shr + m.add
	return most<<m.shl>>m.shl == most && last >= m.add && last <= m.keep && lowOnes(m.keep)
}

// popAll makes all elements invalid. Those that are not, for all that is known,
// are cleared in one sweep: clearing twice does no harm.
func (d *stackDef) popAll(f *facts) step {
	var words, wides []int
	for _, h := range d.elems {
		if f.is(h.index, 0) {
			continue
		}
		words = append(append(words, h.index), h.clearSlots...)
		for i := range h.extractWide {
			wides = append(wides, h.extractWide[i].slot)
		}
	}
	at, size := d.index, len(d.elems)
	return func(c *packet) {
		c.next[at] = max(0, c.next[at]-size)
		for _, s := range words {
			c.w[s] = 0
		}
		for _, s := range wides {
			c.off[s] = 0
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
	if moves, ok := src.asMoves(e.prog.result.slot); ok {
		last := &moves[len(moves)-1]
		last.dst, last.keep = int32(dst.slot), last.keep&keep
		e.moves = append(e.moves, moves...)
		if !dst.hdr.meta {
			e.touch(dst.hdr)
		}
		return true
	}
	if src == p.src && dst.hdr.meta {
		return false
	}
	g := &gen{p: e.prog, late: true}
	x := g.word(src)
	if !g.over {
		e.step(storeKnown(dst, x, keep))
	}
	return !g.over
}

// touch notes that a header is not as received, unless the moves since the
// last step say so.
func (e *emitter) touch(h *headerDef) {
	for i := len(e.moves) - 1; i >= 0 && e.moves[i].op != moveStep && e.moves[i].op != moveValid; i-- {
		if e.moves[i].op == moveDirty && e.moves[i].dst == int32(h.index) {
			return
		}
	}
	e.moves = append(e.moves, move{op: moveDirty, dst: int32(h.index)})
}

// operand returns the word with n's value, if moves can bring it there.
func (e *emitter) operand(n *node, scratch int) (slot int, ok bool) {
	if s, ok := n.plainSlot(); ok {
		return s, true
	}
	moves, ok := n.asMoves(scratch)
	if !ok || !n.isUint() {
		return 0, false
	}
	moves[len(moves)-1].dst = int32(scratch)
	e.moves = append(e.moves, moves...)
	return scratch, true
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
