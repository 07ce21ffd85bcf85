package engine

// The open questions between blocks. A condition of several parts is asked part
// by part, so that each answer is known where it leads.

// ask makes a block that only asks.
func (k *code) ask(node int, t *node, f *facts) *block {
	b := &block{blockInfo: &blockInfo{code: k}}
	out := &emitter{prog: k.prog, facts: f}
	b.ends(node, endCond, func() { b.question(t, out) })
	b.moves, b.steps, b.facts = out.moves, out.steps, f.pack()
	return b
}

// question makes the first part of t what the block ends with.
func (b *block) question(t *node, out *emitter) {
	b.truth, b.asked = t, t.first()
	if b.compare(b.asked, out) {
		return
	}
	g := &gen{p: b.code.prog, late: true}
	b.cond = g.truth(b.asked)
	if g.over {
		n := &b.code.def.nodes[b.node]
		b.truth, b.asked, b.cond = n.cond, n.cond, n.whole
	}
}

// first is the part of a condition that is evaluated first.
func (n *node) first() *node {
	for n.op == "and" || n.op == "or" || n.op == "not" {
		if n.op == "not" {
			n = n.right
		} else {
			n = n.left
		}
	}
	return n
}

// answered is n after its first part turned out to be v. A condition asked as a
// whole is its own first part.
func (n *node) answered(asked *node, v bool) *node {
	if n == asked {
		return truthNode(v)
	}
	m := *n
	if n.op == "not" {
		m.right = n.right.answered(asked, v)
	} else {
		m.left = n.left.answered(asked, v)
	}
	return shorten(fold(&m))
}

// compare compiles a comparison of words without a call; false means that it
// has to be one.
func (b *block) compare(n *node, out *emitter) bool {
	if slot, k, not, ok := n.equalSlot(); ok {
		b.end, b.ask, b.flip = endAsk, move{op: moveEqual, src: int32(slot), mask: allBits, add: k}, flip(not)
		return true
	}
	if n.left == nil || n.left.boolean || n.right == nil || !n.left.isUint() || !n.right.isUint() {
		return false
	}
	l, r, op := n.left, n.right, n.op
	if l.op == "const" {
		l, r, op = r, l, mirrored[op]
	}
	ask, not, ok := move{}, false, false
	had := len(out.moves)
	if r.op == "const" {
		ask, not, ok = b.compareConst(op, l, lowWord(r.val), out)
	} else {
		ask, not, ok = b.comparePair(op, l, r, out)
	}
	if !ok {
		out.moves = out.moves[:had]
		return false
	}
	b.end, b.ask, b.flip = endAsk, ask, flip(not)
	return true
}

// mirrored are the comparisons with their operands exchanged.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}

func (b *block) compareConst(op string, l *node, k uint64, out *emitter) (ask move, not, ok bool) {
	if op == ">" || op == "<=" {
		if k == allBits {
			return move{}, false, false
		}
		k++ // x <= k is x < k+1
	}
	if ask, ok = out.asked(l, b.code.prog.result.slot+1); !ok {
		return move{}, false, false
	}
	ask.add = k
	switch op {
	case "==", "!=":
		ask.op, not = moveEqual, op == "!="
	case "<", "<=":
		ask.op = moveBelow
	case ">=", ">":
		ask.op, not = moveBelow, true
	default:
		return move{}, false, false
	}
	return ask, not, true
}

func (b *block) comparePair(op string, l, r *node, out *emitter) (ask move, not, ok bool) {
	if op == ">" || op == "<=" {
		l, r, op = r, l, mirrored[op]
	}
	scratch := b.code.prog.result.slot + 1
	with, ok := out.operand(r, scratch+1)
	if !ok {
		return move{}, false, false
	}
	if ask, ok = out.asked(l, scratch); !ok {
		return move{}, false, false
	}
	ask.with = int32(with)
	switch op {
	case "==", "!=":
		ask.op, not = moveSame, op == "!="
	case "<", ">=":
		ask.op, not = moveLess, op == ">="
	default:
		return move{}, false, false
	}
	return ask, not, true
}

// asked returns a question about n, of which the comparison is still missing.
func (e *emitter) asked(n *node, scratch int) (ask move, ok bool) {
	if m, ok := n.asMove(); ok && m.op == moveOne && m.shl == 0 && m.add == 0 {
		return move{src: m.src, shr: m.shr, mask: m.mask >> (m.shr & 63) & m.keep}, true
	}
	slot, ok := e.operand(n, scratch)
	return move{src: int32(slot), mask: allBits}, ok
}

func flip(not bool) uint8 {
	if not {
		return 1
	}
	return 0
}

// equalSlot says whether n asks if a word is, or is not, a constant.
func (n *node) equalSlot() (slot int, k uint64, not, ok bool) {
	switch n.op {
	case "not":
		slot, k, not, ok = n.right.equalSlot()
		return slot, k, !not, ok
	case "valid":
		if h := n.hdr.hdr; h != nil && !h.meta {
			return h.index, 1, false, true
		}
	case "d2b":
		slot, ok = n.right.plainSlot()
		return slot, 0, true, ok
	case "==", "!=":
		if !n.left.boolean && n.right.op == "const" && n.right.val.IsUint64() {
			slot, ok = n.left.plainSlot()
			return slot, n.right.val.Uint64(), n.op == "!=", ok
		}
	}
	return 0, 0, false, false
}
