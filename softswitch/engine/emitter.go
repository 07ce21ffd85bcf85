package engine

// emitter compiles primitives for known facts, and joins moves between words.
type emitter struct {
	prog  *Program
	facts *facts
	steps []step
	moves []move
	dirty []int // headers that moves write
}

// move is one operation on words:
//
//	w[dst] = ((w[src] & mask) << shl >> shr + add) & keep
//
// or, if op is not moveOne, w[dst] = (that op w[with]) & keep, where add and
// with are exclusive. A constant has mask 0.
type move struct {
	dst, src, with int32
	op             moveOp
	shl, shr       uint8
	mask, add      uint64
	keep           uint64
}

type moveOp uint8

const (
	moveOne moveOp = iota
	moveArg        // src counts the parameters of the action
	moveAdd
	moveSub
	moveOr
)

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
		m, ok = e.pair(src)
	}
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

// pair compiles a sum, difference or union of two moves, the second by way of
// the scratch word.
func (e *emitter) pair(n *node) (move, bool) {
	keep := allBits
	for n.op == "&" && n.right.op == "const" && n.right.val.Sign() >= 0 {
		keep &= lowWord(n.right.val)
		n = n.left
	}
	op, ok := map[string]moveOp{"+": moveAdd, "-": moveSub, "|": moveOr}[n.op]
	if !ok {
		return move{}, false
	}
	l, ok1 := n.left.asMove()
	r, ok2 := n.right.asMove()
	if !ok1 || !ok2 || l.op != moveOne || r.op != moveOne || l.add != 0 || l.keep != allBits && l.shl|l.shr != 0 {
		return move{}, false
	}
	l.mask, l.keep = l.mask&l.keep, keep // without a shift both masks are one
	l.op, l.with = op, r.src
	if r.mask != allBits || r.keep != allBits || r.add != 0 || r.shl|r.shr != 0 {
		r.dst = int32(e.prog.result.slot)
		e.moves = append(e.moves, r)
		l.with = r.dst
	}
	return l, true
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

// asMove recognises constants, fields, parameters, and shifts, masks and sums
// with constants of them, as far as one move can do.
func (n *node) asMove() (move, bool) {
	one := move{mask: allBits, keep: allBits}
	switch n.op {
	case "const":
		one.mask, one.add = 0, lowWord(n.val)
		return one, true
	case "local":
		one.src, one.op = int32(n.param.slot), moveArg
		return one, !n.param.wide()
	case "field":
		s, ok := n.plainSlot()
		one.src = int32(s)
		return one, ok
	}
	if n.right == nil || n.left == nil || n.right.op != "const" {
		return move{}, false
	}
	m, ok := n.left.asMove()
	k := lowWord(n.right.val)
	switch shifted := m.shl|m.shr != 0; n.op {
	case "&":
		m.keep &= k
		return m, ok && n.right.val.Sign() >= 0
	case "+", "-":
		if n.op == "-" {
			k = -k
		}
		if shifted && m.keep != allBits || m.add != 0 {
			return move{}, false
		}
		m.mask, m.keep, m.add = m.mask&m.keep, allBits, k
		return m, ok
	case "<<", ">>":
		exact := n.op == "<<" || n.left.isUint()
		if !ok || shifted || m.add != 0 || k > 63 || !exact || !n.right.val.IsUint64() {
			return move{}, false
		}
		m.mask, m.keep = m.mask&m.keep, allBits
		if n.op == "<<" {
			m.shl = uint8(k)
		} else {
			m.shr = uint8(k)
		}
		return m, true
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
	if len(dirty) == 0 {
		e.steps = append(e.steps, func(c *packet) { c.move(moves) })
		return
	}
	e.steps = append(e.steps, func(c *packet) {
		c.move(moves)
		for _, h := range dirty {
			c.hdr[h].dirty = true
		}
	})
}

// move runs moves in order.
func (c *packet) move(moves []move) {
	w := c.w
	for i := range moves {
		m := &moves[i]
		if m.op == moveArg {
			w[m.dst] = (c.args[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) + m.add) & m.keep
			continue
		}
		v := w[m.src] & m.mask << (m.shl & 63) >> (m.shr & 63)
		switch m.op {
		case moveOne:
			v += m.add
		case moveAdd:
			v += w[m.with]
		case moveSub:
			v -= w[m.with]
		case moveOr:
			v |= w[m.with]
		}
		w[m.dst] = v & m.keep
	}
}

func (e *emitter) finish() []step {
	e.flush()
	return e.steps
}
