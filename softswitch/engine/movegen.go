package engine

// Compilation of expressions to moves.

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
		in, ok := n.left.toScratch(scratch)
		return append(in, move{op: moveMin, src: int32(scratch), add: n.hi.Uint64(), keep: allBits}), ok
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
	in, ok := n.left.toScratch(scratch)
	if !ok {
		return nil, false
	}
	// The operation with a constant, on the scratch word.
	on := *n
	on.left = &node{op: "field", field: &fieldLoc{bits: 64, slot: scratch}, lo: n.left.lo, hi: n.left.hi}
	last, ok := on.asMove()
	return append(in, last), ok
}

// asMove recognises constants, fields, parameters, and shifts, masks and sums
// with constants of them, as far as one move can do.
func (n *node) asMove() (move, bool) {
	if m, ok := n.asLeaf(); ok {
		return m, true
	}
	if n.right == nil || n.left == nil || n.right.op != "const" {
		return move{}, false
	}
	return n.withConstant()
}

// asLeaf is asMove for constants, fields and parameters.
func (n *node) asLeaf() (move, bool) {
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
	return move{}, false
}

// withConstant is asMove for an operation whose right operand is a constant.
func (n *node) withConstant() (move, bool) {
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

var commutes = map[string]bool{"+": true, "*": true, "&": true, "|": true, "^": true}

const allBits = ^uint64(0)

// lowOnes says that v is the mask of a number of low bits: sums and products
// may be cut to them at the end.
func lowOnes(v uint64) bool { return v&(v+1) == 0 }
