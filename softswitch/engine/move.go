package engine

// move is one operation on the words of a packet, run without a call. Unless
// op says otherwise it is
//
//	w[dst] = ((w[src] & mask) << shl >> shr + add) & keep
//
// so that a constant has mask 0.
type move struct {
	op             moveOp
	shl, shr       uint8
	dst, src, with int32
	mask, add      uint64
	keep           uint64
}

type moveOp uint8

const (
	moveOne      moveOp = iota
	moveArg             // src counts the parameters of the action
	moveAdd             // w[with] & add in place of add
	moveSub             // minus w[with] & add in place of add
	moveOr              // or w[with] & add in place of add
	moveMul             // w[dst] = (w[src] * mask + add) & keep
	moveMin             // w[dst] = min(w[src], add)
	moveRead            // w[dst] = cell at of register array with; at is the sum of moveOne, without keep
	moveMeter           // w[dst] = colour of cell at of meter array with
	moveCount           // counts in cell at of counter array with
	moveWrite           // cell at of register array with = w[dst] \& keep
	moveDirty           // header dst is not as received
	moveValid           // header dst, not valid before, of add bytes
	moveReadWide        // wide read with, of cell w[src]
	moveRemove          // header dst, valid before, is not any more
	moveStep            // step src

	// Questions: whether x, which is w[src] >> shr & mask, compares as said. In a
	// trace shl is 1 if the answer must be yes; otherwise it ends by exit dst.
	moveEqual // x == add
	moveBelow // x < add
	moveSame  // x == w[with]
	moveLess  // x < w[with]
)

// holds answers a question.
func (m *move) holds(w []uint64) bool {
	x := w[m.src] >> (m.shr & 63) & m.mask
	switch m.op {
	case moveEqual:
		return x == m.add
	case moveBelow:
		return x < m.add
	case moveSame:
		return x == w[m.with]
	}
	return x < w[m.with]
}

// noExit is what move returns if no question had another answer.
const noExit = -1

// move runs moves in order, up to the first question that is not answered as it
// must be, whose exit it returns.
func (c *packet) move(moves []move, steps []step) (exit int) {
	w := c.w
	for i := range moves {
		m := &moves[i]
		v := uint64(0)
		switch m.op {
		case moveOne:
			v = w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) + m.add
		case moveArg:
			v = c.args[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) + m.add
		case moveAdd:
			v = w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) + w[m.with]&m.add
		case moveSub:
			v = w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) - w[m.with]&m.add
		case moveOr:
			v = w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) | w[m.with]&m.add
		case moveMul:
			v = w[m.src]*m.mask + m.add
		case moveMin:
			v = min(w[m.src], m.add)
		case moveRead:
			cells := c.dp.registers[m.with].words
			if at := w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) + m.add; at < uint64(len(cells)) {
				v = cells[at]
			} else {
				c.dp.stats.RegisterRange++
			}
		case moveMeter:
			at := w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) + m.add
			if cells := c.dp.meters[m.with]; at < uint64(len(cells)) && !cells[at].configured {
				break // green
			}
			var ok bool
			if v, ok = c.meter(int(m.with), at); !ok {
				continue
			}
		case moveCount:
			at := w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) + m.add
			if cells := c.dp.counters[m.with]; at < uint64(len(cells)) {
				cells[at].Packets++
				cells[at].Bytes += uint64(c.inLen)
			} else {
				c.dp.stats.CounterRange++
			}
			continue
		case moveWrite:
			at := w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) + m.add
			if cells := c.dp.registers[m.with].words; at < uint64(len(cells)) {
				cells[at] = w[m.dst] & m.keep
			} else {
				c.dp.stats.RegisterRange++
			}
			continue
		case moveDirty:
			c.hdr[m.dst].dirty = true
			continue
		case moveValid:
			w[m.dst] = 1
			c.hdr[m.dst] = hdrState{}
			c.length += int(m.add)
			continue
		case moveReadWide:
			c.readWide(&c.dp.prog.wideReads[m.with], w[m.src])
			continue
		case moveRemove:
			h := c.l.headers[m.dst]
			c.setInvalid(h)
			c.length -= h.size
			continue
		case moveStep:
			steps[m.src](c)
			continue
		case moveEqual:
			if (w[m.src]>>(m.shr&63)&m.mask == m.add) != (m.shl != 0) {
				return int(m.dst)
			}
			continue
		case moveBelow:
			if (w[m.src]>>(m.shr&63)&m.mask < m.add) != (m.shl != 0) {
				return int(m.dst)
			}
			continue
		case moveSame:
			if (w[m.src]>>(m.shr&63)&m.mask == w[m.with]) != (m.shl != 0) {
				return int(m.dst)
			}
			continue
		case moveLess:
			if (w[m.src]>>(m.shr&63)&m.mask < w[m.with]) != (m.shl != 0) {
				return int(m.dst)
			}
			continue
		}
		w[m.dst] = v & m.keep
	}
	return noExit
}

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
	case "|":
		m.pushMask()
		if !ok || m.keep != allBits || m.add != 0 || m.shr != 0 || k>>m.shl != 0 {
			return move{}, false
		}
		m.add = k // below the bits of the field
		return m, true
	case "+", "-":
		if n.op == "-" {
			k = -k
		}
		if shifted {
			m.pushMask()
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

const allBits = ^uint64(0)

// pushMask moves the mask behind the shift in front of it.
func (m *move) pushMask() {
	if m.add != 0 || m.op != moveOne && m.op != moveArg {
		return
	}
	if m.shl != 0 {
		m.mask &= m.keep >> m.shl
	} else {
		m.mask &= m.keep << m.shr
	}
	m.keep = allBits
}

// plain says that m copies some bits of a word where they are, and which.
func (m *move) plain() (bits uint64, ok bool) {
	return m.mask & m.keep, m.op == moveOne && m.add == 0 && m.shl|m.shr == 0
}

// asMoves compiles n to moves whose last is to be given its dst; they may use
// the scratch word.
func (n *node) asMoves(scratch int) ([]move, bool) {
	if n.left != nil && n.right != nil && n.left.op == "const" && commutes[n.op] {
		m := *n
		m.left, m.right = n.right, n.left
		n = &m
	}
	if m, ok := n.asMove(); ok {
		return []move{m}, true
	}
	if n.op == "usat_cast" && n.left.isUint() && n.hi.IsUint64() {
		in, ok := n.left.asMoves(scratch)
		if !ok {
			return nil, false
		}
		in[len(in)-1].dst = int32(scratch)
		return append(in, move{op: moveMin, src: int32(scratch), add: n.hi.Uint64(), keep: allBits}), true
	}
	if m, ok := n.asProduct(); ok {
		return []move{m}, true
	}
	if pair, ok := n.asPair(scratch); ok {
		return pair, true
	}
	if n.right == nil || n.left == nil || n.right.op != "const" {
		return nil, false
	}
	in, ok := n.left.asMoves(scratch)
	if !ok {
		return nil, false
	}
	// The operation with a constant, on the scratch word.
	on := *n
	on.left = &node{op: "field", field: &fieldLoc{bits: 64, slot: scratch}, lo: n.left.lo, hi: n.left.hi}
	last, ok := on.asMove()
	if !ok {
		return nil, false
	}
	in[len(in)-1].dst = int32(scratch)
	return append(in, last), true
}

// asPair compiles a sum, difference or union of two operands, of which at most
// one needs moves of its own: it goes by way of the scratch word.
func (n *node) asPair(scratch int) ([]move, bool) {
	keep := allBits
	for n.op == "&" && n.right.op == "const" && n.right.val.Sign() >= 0 {
		keep &= lowWord(n.right.val)
		n = n.left
	}
	op, ok := map[string]moveOp{"+": moveAdd, "-": moveSub, "|": moveOr}[n.op]
	if !ok {
		return nil, false
	}
	l, r := n.left, n.right
	first, ok := l.asTerm()
	if !ok && n.op != "-" {
		l, r = r, l
		first, ok = l.asTerm()
	}
	if ok {
		if second, ok := r.asMove(); ok && second.op == moveOne {
			if bits, plain := second.plain(); plain {
				first.op, first.with, first.add, first.keep = op, second.src, bits, keep
				return []move{first}, true
			}
		}
		moves, ok := r.toScratch(scratch)
		first.op, first.with, first.add, first.keep = op, int32(scratch), allBits, keep
		return append(moves, first), ok
	}
	second, ok := r.asMove()
	bits, plain := second.plain()
	moves, ok1 := l.toScratch(scratch)
	last := move{op: op, src: int32(scratch), mask: allBits, with: second.src, add: bits, keep: keep}
	return append(moves, last), ok && ok1 && plain
}

// asTerm is asMove for the first operand of a pair.
func (n *node) asTerm() (move, bool) {
	m, ok := n.asMove()
	if !ok || m.op != moveOne || m.add != 0 {
		return move{}, false
	}
	m.pushMask()
	return m, true
}

// toScratch compiles n to moves that leave its value in the scratch word.
func (n *node) toScratch(scratch int) ([]move, bool) {
	moves, ok := n.asMoves(scratch)
	if ok {
		moves[len(moves)-1].dst = int32(scratch)
	}
	return moves, ok
}

var commutes = map[string]bool{"+": true, "*": true, "&": true, "|": true, "^": true}

// asProduct compiles a field times a constant, plus a constant, as one move.
func (n *node) asProduct() (move, bool) {
	keep, add := allBits, uint64(0)
	for {
		if n.left == nil || n.right == nil {
			return move{}, false
		}
		l, r := n.left, n.right
		if l.op == "const" && commutes[n.op] {
			l, r = r, l
		}
		if r.op != "const" {
			return move{}, false
		}
		k := lowWord(r.val)
		switch {
		case n.op == "&" && r.val.Sign() >= 0 && lowOnes(k) && (add == 0 || keep&^k == 0):
			keep &= k
		case n.op == "+":
			add += k
		case n.op == "*":
			slot, ok := l.wholeSlot()
			return move{op: moveMul, src: int32(slot), mask: k, add: add, keep: keep}, ok
		default:
			return move{}, false
		}
		n = l
	}
}

// wholeSlot is plainSlot for a field that masks leave as it is, too.
func (n *node) wholeSlot() (int, bool) {
	mask := allBits
	for n.op == "&" && n.right.op == "const" && n.right.val.Sign() >= 0 {
		mask &= lowWord(n.right.val)
		n = n.left
	}
	slot, ok := n.plainSlot()
	return slot, ok && widthMask(n.field.bits)&^mask == 0
}

// lowOnes says that v is the mask of a number of low bits: sums and products
// may be cut to them at the end.
func lowOnes(v uint64) bool { return v&(v+1) == 0 }
