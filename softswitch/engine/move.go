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
	moveOne   moveOp = iota
	moveArg          // src counts the parameters of the action
	moveAdd          // w[with] in place of add
	moveSub          // minus w[with] in place of add
	moveOr           // or w[with] in place of add
	moveMin          // w[dst] = min(w[src], add)
	moveRead         // w[dst] = cell w[src] of register array with
	moveMeter        // w[dst] = colour of cell w[src] of meter array with
	moveCount        // counts in cell w[src] of counter array with
	moveDirty        // header dst is not as received
	moveValid        // header dst, not valid before, of add bytes
	moveStep         // step src

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
			v = w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) + w[m.with]
		case moveSub:
			v = w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) - w[m.with]
		case moveOr:
			v = w[m.src]&m.mask<<(m.shl&63)>>(m.shr&63) | w[m.with]
		case moveMin:
			v = min(w[m.src], m.add)
		case moveRead:
			cells := c.dp.registers[m.with].words
			if at := w[m.src]; at < uint64(len(cells)) {
				v = cells[at]
			} else {
				c.dp.stats.RegisterRange++
			}
		case moveMeter:
			var ok bool
			if v, ok = c.meter(int(m.with), w[m.src]); !ok {
				continue
			}
		case moveCount:
			c.dp.count(int(m.with), w[m.src], c.inLen)
			continue
		case moveDirty:
			c.hdr[m.dst].dirty = true
			continue
		case moveValid:
			w[m.dst] = 1
			c.hdr[m.dst] = hdrState{}
			c.length += int(m.add)
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

const allBits = ^uint64(0)

// asMoves compiles n to moves whose last is to be given its dst; they may use
// the scratch word.
func (n *node) asMoves(scratch int) ([]move, bool) {
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

// asPair compiles a sum, difference or union, the second operand by way of the
// scratch word if it is not a field.
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
	l, ok1 := n.left.asMove()
	r, ok2 := n.right.asMove()
	if !ok1 || !ok2 || l.op != moveOne || r.op != moveOne || l.add != 0 {
		return nil, false
	}
	if l.shl|l.shr != 0 && l.keep != allBits {
		// The mask behind the shift, moved in front of it.
		if l.shl != 0 {
			l.mask &= l.keep >> l.shl
		} else {
			l.mask &= l.keep << l.shr
		}
		l.keep = allBits
	}
	l.mask, l.keep = l.mask&l.keep, keep
	l.op, l.with = op, r.src
	if r.mask == allBits && r.keep == allBits && r.add == 0 && r.shl|r.shr == 0 {
		return []move{l}, true
	}
	r.dst = int32(scratch)
	l.with = r.dst
	return []move{r, l}, true
}
