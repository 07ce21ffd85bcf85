package engine

// Pipelines run as blocks that are made when the first packet needs them: lazy
// basic block versioning. A block is a piece of the program's control graph
// compiled for what is known of the packet on the way that led there, above
// all that metadata starts as 0, which headers the parser found, and which
// action a table chose. So a condition that earlier ones decide costs nothing,
// and the statements between two open questions run as one sequence.
//
// What is known never goes beyond facts that effect and assume can prove. A
// place that would need too many versions gets one that assumes nothing.

// block is a sequence of moves and what comes after it.
type block struct {
	moves []move
	two   [2]*block // endAsk to endCall: where to go if true, if false
	ask   move      // endAsk
	trace *trace    // that begins here
	taken [2]uint32 // how often each of two was, until traces went through here
	heat  uint32
	end   blockEnd
	flip  uint8 // 1: the answer to end is to be negated
	*blockInfo
}

// blockInfo is what a block needs less often.
type blockInfo struct {
	steps []step     // of moves
	cond  boolFn     // endCond
	table *tableDef  // endTable
	ways  []*block   // of table, see tableDef.apply
	call  *actionDef // endCall: an action with jumps
	code  *code
	node  int // that the block ends with
	facts packed
	truth *node // condition as simplified, of which asked is the first part
	asked *node

	egress  *block       // of ingress: where egress goes on
	deparse *deparsePlan // of egress
}

type blockEnd uint8

const (
	endStop blockEnd = iota
	endAsk
	endCond
	endTable
	endCall
)

// Bounds of the blocks of one pipeline of one switch: of one place, and of all.
const (
	maxVersions = 64
	maxBlocks   = 1 << 13
)

// code is the blocks of one pipeline.
type code struct {
	prog   *Program
	def    *pipelineDef
	blocks map[blockKey]*block
	count  map[place]int
	traced int // moves in all traces
}

// place is where a block begins: with an action of a table, or with a node.
type place struct {
	action *actionDef
	node   int
}

type blockKey struct {
	place
	facts string
}

func newCode(p *Program, d *pipelineDef) *code {
	return &code{prog: p, def: d, blocks: map[blockKey]*block{}, count: map[place]int{}}
}

// run runs blocks from b on to the end of the pipeline, and returns the last.
func (b *block) run(c *packet) *block {
	for {
		if b.heat < hot {
			b.warm()
		}
		if t := b.trace; t != nil {
			if x := c.move(t.moves, t.steps); x != noExit {
				e := &t.exits[x]
				b = e.from.follow(e.way)
				continue
			}
			b = t.last
		} else {
			c.move(b.moves, b.steps)
		}
		yes := true
		switch b.end {
		case endStop:
			return b
		case endAsk:
			yes = b.ask.holds(c.w)
		case endCond:
			yes = b.cond(c)
		case endTable:
			i := b.table.apply(c)
			next := b.ways[i]
			if next == nil {
				next = b.grow(i)
			}
			b = next
			continue
		case endCall:
			b.call.run(c)
			yes = !c.exit
		}
		way := b.flip
		if !yes {
			way ^= 1
		}
		b.taken[way]++
		b = b.follow(way)
	}
}

// follow returns the block that one of two ways leads to.
func (b *block) follow(way uint8) *block {
	if next := b.two[way]; next != nil {
		return next
	}
	return b.grow(int(way))
}

// grow makes the block that follows b by way i.
func (b *block) grow(i int) *block {
	f := b.facts.unpack()
	to := place{}
	switch n := &b.code.def.nodes[b.node]; b.end {
	default:
		f.assume(b.asked, i == 0)
		rest := f.simplify(b.truth.answered(b.asked, i == 0))
		if rest.op != "bool" {
			b.two[i] = b.code.ask(b.node, rest, f)
			return b.two[i]
		}
		to.node = n.next[1]
		if rest.truth {
			to.node = n.next[0]
		}
	case endTable:
		if b.table.meter != nil {
			f.forgetAll()
		}
		to = b.table.way(i)
	case endCall:
		f.forgetAll()
		to.node = done
		if i == 0 {
			to.node = n.next[0]
		}
	}
	next := b.code.enter(to, f)
	if b.end == endTable {
		b.ways[i] = next
	} else {
		b.two[i] = next
	}
	return next
}

// enter returns the block at a place for some facts, which it may change.
func (k *code) enter(at place, f *facts) *block {
	f.keep(k.def.wanted(at))
	key := blockKey{at, f.key()}
	if b := k.blocks[key]; b != nil {
		return b
	}
	if k.count[at] >= maxVersions || len(k.blocks) >= maxBlocks {
		f.forgetAll()
		key.facts = f.key()
		if b := k.blocks[key]; b != nil {
			return b
		}
	}
	k.count[at]++
	b := k.compile(at, f)
	k.blocks[key] = b
	return b
}

// compile makes a block: from a place to the first open question.
func (k *code) compile(at place, f *facts) *block {
	b := &block{blockInfo: &blockInfo{code: k}}
	out := &emitter{prog: k.prog, facts: f}
	defer func() { b.moves, b.steps, b.facts = out.moves, out.steps, f.pack() }()
	stop := false
	if at.action != nil {
		if at.action.jumps != nil {
			return b.ends(at.node, endCall, func() { b.call = at.action })
		}
		stop = out.action(at.action)
	}
	for n := at.node; ; {
		if n == done || stop {
			return b.ends(done, endStop, nil)
		}
		node := &k.def.nodes[n]
		switch {
		case node.table != nil:
			return b.ends(n, endTable, func() { b.table, b.ways = node.table, make([]*block, node.table.ways()) })
		case node.cond != nil:
			t := f.simplify(node.cond)
			if t.op != "bool" {
				return b.ends(n, endCond, func() { b.question(t, out) })
			}
			n = node.next[1]
			if t.truth {
				n = node.next[0]
			}
		case node.call.jumps != nil:
			return b.ends(n, endCall, func() { b.call = node.call })
		default:
			stop = out.action(node.call)
			n = node.next[0]
		}
	}
}

func (b *block) ends(node int, end blockEnd, more func()) *block {
	b.node, b.end = node, end
	if more != nil {
		more()
	}
	return b
}

// wanted are the words of which it helps to know the value at a place: those
// that decide something from there on.
func (d *pipelineDef) wanted(at place) bitset {
	s := append(bitset(nil), d.want(at.node)...)
	if at.action != nil {
		at.action.wants(s)
	}
	return s
}

func (d *pipelineDef) want(n int) bitset {
	if n == done {
		return d.after
	}
	return d.nodes[n].want
}

// goOn returns where egress begins for a packet that ingress left at b.
func (b *block) goOn(egress *code) *block {
	if b.egress == nil {
		f := b.facts.unpack()
		f.forgetSwitch(&egress.prog.std)
		b.egress = egress.enter(place{node: egress.def.init}, f)
	}
	return b.egress
}

// start returns where a packet begins of which nothing is known.
func (k *code) start() *block {
	return k.enter(place{node: k.def.init}, newFacts(k.prog.layout.words))
}
