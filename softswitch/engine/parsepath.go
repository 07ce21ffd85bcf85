package engine

import (
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// The parser runs along paths, which are made as packets take them: a path is
// a state together with what is known on the way there. Where it ends, the
// pipeline begins with what the parser found.

// parserStep is one operation of a parse state.
type parserStep struct {
	run parseOp
	parserEffect
}

// parserEffect is what a parser operation does to a packet's words: one of
// extract, push and effect.
type parserEffect struct {
	extract *headerDef
	push    *stackDef // extracts the next element
	effect  effect
}

func (s *scope) parserEffectOf(j *bmv2json.ParserOp) parserEffect {
	none := parserEffect{effect: effect{kind: effNone}}
	switch j.Op {
	case "extract":
		if j.Params[0].Type == "stack" {
			return parserEffect{push: s.p.layout.stacks[j.Params[0].Name]}
		}
		return parserEffect{extract: s.p.layout.byName[j.Params[0].Name]}
	case "set":
		dst, err := s.target(j.Params[0])
		if err != nil {
			return parserEffect{}
		}
		if j.Params[1].Kind == bmv2json.KindLookahead {
			return parserEffect{effect: effect{kind: effStore, dst: dst}}
		}
		if src, err := s.data(j.Params[1]); err == nil {
			return parserEffect{effect: effect{kind: effAssign, dst: dst, src: src}}
		}
	case "verify", "shift", "advance":
		return none
	case "primitive":
		return parserEffect{effect: s.effectOf(j.Primitive)}
	}
	return parserEffect{}
}

// parsePath is a place in the parser and what is known there.
type parsePath struct {
	state int
	st    *parseState
	ops   []pathOp
	facts packed
	next  []int        // of each stack; -1 is unknown
	succ  []*parsePath // by way
	fails []*parseEnd  // by operation
	end   *parseEnd    // of a path to accept
}

// pathOp is an operation that is not known to change nothing.
type pathOp struct {
	extract *headerDef // if not nil, instead of run
	run     parseOp
	op      int // its index in the state
}

// parseEnd is where the parser ended, and how the packet goes on.
type parseEnd struct {
	verify []*checksumDef
	start  *block // of ingress
}

// parseCode is the paths of one switch.
type parseCode struct {
	prog  *Program
	to    *code // ingress
	paths map[string]*parsePath
	root  *parsePath
	lost  *parseEnd // where nothing is known
}

func newParseCode(p *Program, to *code) *parseCode {
	k := &parseCode{prog: p, to: to, paths: map[string]*parsePath{}}
	f := newFacts(p.layout.words)
	k.lost = k.finish(f, false)
	for slot := range p.layout.words {
		f.learn(slot, 0) // as packet.reset leaves it
	}
	for i := range 3 {
		f.forget(p.result.slot + i)
	}
	f.forgetSwitch(&p.std)
	for _, list := range p.fieldLists { // survives recirculation
		for _, l := range list {
			if !l.wide() {
				f.forget(l.slot)
			}
		}
	}
	k.root = k.path(p.parser.init, f, make([]int, len(p.layout.stackAt)))
	return k
}

// forgetSwitch forgets what the switch itself writes.
func (f *facts) forgetSwitch(m *stdMeta) {
	for _, l := range m.all() {
		if l != nil && l.live {
			f.forget(l.slot)
		}
	}
}

// path returns the path to a state with what is known. States that do nothing
// are left out.
func (k *parseCode) path(state int, f *facts, next []int) *parsePath {
	for n := 0; state != accept && n < maxStates; n++ {
		st := &k.prog.parser.states[state]
		if len(st.ops)+len(st.cases) > 0 {
			break
		}
		state = st.def
	}
	if len(k.paths) >= maxBlocks {
		f.forgetAll()
		for i := range next {
			next[i] = -1
		}
	}
	key := fmt.Sprint(state, next) + f.key()
	if p := k.paths[key]; p != nil {
		return p
	}
	p := &parsePath{state: state, facts: f.pack(), next: next}
	if state == accept {
		p.end = k.finish(f.clone(), true)
	} else {
		st := &k.prog.parser.states[state]
		p.st, p.ops = st, k.operations(p)
		p.succ, p.fails = make([]*parsePath, len(st.cases)+1), make([]*parseEnd, len(st.ops)+1)
	}
	k.paths[key] = p
	return p
}

// operations returns those of p's state that can change something.
func (k *parseCode) operations(p *parsePath) (out []pathOp) {
	ops := k.prog.parser.states[p.state].ops
	f := p.facts.unpack()
	for i := range ops {
		o := &ops[i]
		if o.extract == nil && o.push == nil {
			if e := &o.effect; e.kind == effRemove && f.is(e.hdr.index, 0) {
				continue
			}
			o.effect.after(f, &k.prog.std)
		} else {
			f.forgetAll()
		}
		out = append(out, pathOp{o.extract, o.run, i})
	}
	return out
}

// after applies the first n operations of p's state to a copy of what is known.
func (k *parseCode) after(p *parsePath, n int) (*facts, []int) {
	f, next := p.facts.unpack(), append([]int(nil), p.next...)
	for i := range k.prog.parser.states[p.state].ops[:n] {
		e := &k.prog.parser.states[p.state].ops[i].parserEffect
		switch {
		case e.extract != nil:
			f.forgetFields(e.extract)
			f.learn(e.extract.index, 1)
		case e.push != nil && next[e.push.index] >= 0:
			h := e.push.elems[next[e.push.index]]
			f.forgetFields(h)
			f.learn(h.index, 1)
			next[e.push.index]++
		case e.push != nil:
			for _, h := range e.push.elems {
				f.forgetFields(h)
				f.forget(h.index)
			}
		default:
			e.effect.after(f, &k.prog.std)
			if e.effect.kind == effUnknown || e.effect.kind == effPopAll {
				for s := range next {
					next[s] = -1
				}
			}
		}
	}
	return f, next
}

// grow makes the path that follows p by a way.
func (k *parseCode) grow(p *parsePath, way int) *parsePath {
	st := &k.prog.parser.states[p.state]
	f, next := k.after(p, len(st.ops))
	if way < len(st.cases) && st.words == len(st.key) {
		for i, l := range st.key {
			if l.field != nil && !l.field.signed && st.cases[way].mask[i] == widthMask(l.bytes*8) {
				f.learn(l.field.slot, st.cases[way].value[i])
			}
		}
	}
	p.succ[way] = k.path(st.next(way), f, next)
	return p.succ[way]
}

// fail returns the end of p at an operation that fails.
func (k *parseCode) fail(c *packet, p *parsePath, op int) *parseEnd {
	c.dp.stats.ParserErrors++
	if p.fails[op] == nil {
		f, _ := k.after(p, op)
		p.fails[op] = k.finish(f, false)
	}
	return p.fails[op]
}

func (k *parseCode) finish(f *facts, accepted bool) *parseEnd {
	end := &parseEnd{verify: specialise(k.prog.parser.verify, f)}
	if l := k.prog.std.parserError; accepted && l != nil && l.live {
		f.learn(l.slot, k.prog.parser.errs.none&widthMask(l.bits))
	}
	end.start = k.to.enter(place{node: k.to.def.init}, f.clone())
	return end
}

// parse runs the parser and verifies checksums.
func (k *parseCode) parse(c *packet) *parseEnd {
	c.parseErr, c.sumErr = k.prog.parser.errs.none, false
	end := k.walk(c)
	if end == nil {
		c.dp.stats.ParserErrors++
		end = k.lost
	}
	for _, s := range end.verify {
		if !s.verify(c) {
			c.sumErr = true
		}
	}
	return end
}

// walk follows the path of a packet; nil is one that does not end.
func (k *parseCode) walk(c *packet) *parseEnd {
	p := k.root
	for range maxStates {
		if p.state == accept {
			return p.end
		}
		for i := range p.ops {
			o := &p.ops[i]
			if h := o.extract; h != nil && c.end-c.pos >= h.size {
				c.extract(h, c.pos)
				c.pos += h.size
			} else if !o.run(c) {
				return k.fail(c, p, o.op)
			}
		}
		way, ok := p.st.match(c)
		if !ok {
			return k.fail(c, p, len(p.st.ops))
		}
		next := p.succ[way]
		if next == nil {
			next = k.grow(p, way)
		}
		p = next
	}
	c.parseErr = k.prog.parser.errs.timeout
	return nil
}

// specialise returns the checksums that are calculated for what is known, those
// whose condition is known to hold without one.
func specialise(sums []*checksumDef, f *facts) []*checksumDef {
	var out []*checksumDef
	for _, s := range sums {
		cond := f.simplify(s.when)
		if h := s.target.hdr; !h.meta && f.is(h.index, 0) {
			continue // neither verified nor kept
		}
		switch {
		case cond.op != "bool":
			out = append(out, s)
		case cond.truth:
			always := *s
			always.cond = nil
			out = append(out, &always)
		}
	}
	return out
}
