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
	moveWrite           // cell at of register array with = w[dst] & keep
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
// must be, whose exit it returns. It is long because it must be one switch: a
// call for each move would cost as much as the move.
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
