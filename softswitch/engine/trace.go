package engine

// A trace is the moves of blocks that packets usually run one after the other,
// in one sequence: the questions between them are moves too, and lead out of it
// when the answer is the unusual one. Like blocks, traces end at tables.
//
// A trace is made once, when its first block has run often, from the answers
// counted by then. If traffic changes, the unusual answers lead to blocks that
// begin traces of their own.

// trace replaces the moves and the end of its blocks but the last, whose end
// comes after it.
type trace struct {
	moves []move
	steps []step
	exits []traceExit
	last  *block
}

// traceExit is a way that leads out of a trace.
type traceExit struct {
	from *block
	way  uint8
}

const (
	hot            = 1 << 9  // runs of a block before it may begin a trace
	usual          = 3       // how many times the more usual answer must outnumber the other
	maxTraceBlocks = 64      // in a trace
	maxTraceMoves  = 1 << 15 // in all traces of a pipeline of a switch
)

// warm counts a run of b, and makes its trace when that was the last missing.
func (b *block) warm() {
	if b.heat++; b.heat == hot && b.code.traced < maxTraceMoves {
		b.trace = b.makeTrace()
	}
}

// makeTrace returns the trace from b on, nil if it would be of b alone.
func (b *block) makeTrace() *trace {
	t := &trace{last: b}
	t.add(b)
	for range maxTraceBlocks {
		way, ok := t.last.usualWay()
		if !ok {
			break
		}
		ask := t.last.ask
		ask.dst = int32(len(t.exits))
		if way == t.last.flip {
			ask.shl = 1
		}
		t.moves = append(t.moves, ask)
		t.exits = append(t.exits, traceExit{t.last, way ^ 1})
		t.last = t.last.two[way]
		t.add(t.last)
	}
	if t.last == b {
		return nil
	}
	b.code.traced += len(t.moves)
	return t
}

// add appends the moves of a block.
func (t *trace) add(b *block) {
	for _, m := range b.moves {
		if m.op == moveStep {
			m.src += int32(len(t.steps))
		}
		t.moves = append(t.moves, m)
	}
	t.steps = append(t.steps, b.steps...)
}

// usualWay is the answer that b mostly gets, if b asks and one is usual.
func (b *block) usualWay() (way uint8, ok bool) {
	if b.taken[1] > b.taken[0] {
		way = 1
	}
	return way, b.end == endAsk && b.two[way] != nil && b.taken[way]/usual >= b.taken[way^1]
}
