package engine

import (
	"github.com/corecast/corecast/softswitch/bmv2json"
)

// effect is what a primitive does to the words of a packet, as far as the
// specialiser (see block.go) needs to know. Primitives that it does not
// describe may change any word.
type effect struct {
	kind     effectKind
	dst, src *node // effAssign; effStore: dst only
	hdr      *headerDef
	from     *headerDef // effCopyHeader
	stack    *stackDef  // effPopAll
}

type effectKind uint8

const (
	effUnknown    effectKind = iota
	effNone                  // changes no word
	effAssign                // dst = src
	effStore                 // writes dst, a value nobody knows
	effDrop                  // mark_to_drop
	effAdd                   // hdr becomes valid
	effRemove                // hdr becomes invalid
	effCopyHeader            // hdr = from
	effPopAll                // all of stack becomes invalid
	effExit
)

// operation is one compiled primitive: run does it whatever is known.
type operation struct {
	effect
	run    step
	direct *directMove // does the same, if not nil
}

// directMove is an operation on a cell of an array as one move.
type directMove struct {
	move
	index *fieldLoc // of the cell
	own   bool      // the program uses index for nothing else: see Program.findOwn
}

// stores says which operand a primitive writes.
var stores = map[string]int{
	"register_read": 0, "execute_meter": 2, "modify_field_rng_uniform": 0, "modify_field_with_hash_based_offset": 0,
	"add_to_field": 0, "subtract_from_field": 0, "add": 0, "subtract": 0, "bit_and": 0, "bit_or": 0, "bit_xor": 0,
	"shift_left": 0, "shift_right": 0,
}

// quiet are the primitives that change no word.
var quiet = map[string]bool{
	"no_op": true, "register_write": true, "count": true, "truncate": true, "generate_digest": true, "resubmit": true,
	"recirculate": true, "clone_ingress_pkt_to_egress": true, "clone_egress_pkt_to_egress": true,
}

// effectOf describes a primitive that has been compiled, so that its operands
// are known to be right.
func (s *scope) effectOf(p *bmv2json.Primitive) effect {
	at, isStore := stores[p.Op]
	switch {
	case quiet[p.Op]:
		return effect{kind: effNone}
	case p.Op == "exit":
		return effect{kind: effExit}
	case p.Op == "drop" || p.Op == "mark_to_drop":
		return effect{kind: effDrop}
	case p.Op == "assign" || p.Op == "modify_field":
		dst, err1 := s.target(p.Params[0])
		src, err2 := s.data(p.Params[1])
		if err1 == nil && err2 == nil {
			return effect{kind: effAssign, dst: dst, src: src}
		}
	case isStore:
		if dst, err := s.target(p.Params[at]); err == nil {
			return effect{kind: effStore, dst: dst}
		}
	case p.Op == "pop":
		return s.popEffect(p)
	default:
		return s.headerEffect(p)
	}
	return effect{}
}

func (s *scope) popEffect(p *bmv2json.Primitive) effect {
	d, err1 := s.stack(p.Params[0])
	n, err2 := s.data(p.Params[1])
	if err1 == nil && err2 == nil && n.op == "const" && n.val.IsInt64() && n.val.Int64() >= int64(len(d.elems)) {
		return effect{kind: effPopAll, stack: d}
	}
	return effect{}
}

func (s *scope) headerEffect(p *bmv2json.Primitive) effect {
	kind, ok := map[string]effectKind{
		"add_header": effAdd, "remove_header": effRemove, "assign_header": effCopyHeader, "copy_header": effCopyHeader,
	}[p.Op]
	if !ok {
		return effect{}
	}
	to, err := s.header(p.Params[0])
	if err != nil || to.hdr == nil || to.hdr.meta {
		return effect{}
	}
	e := effect{kind: kind, hdr: to.hdr}
	if kind == effCopyHeader {
		from, err := s.header(p.Params[1])
		if err != nil || from.hdr == nil || from.hdr.meta {
			return effect{}
		}
		e.from = from.hdr
	}
	return e
}

// after changes f as the primitive changes the packet.
func (e *effect) after(f *facts, std *stdMeta) {
	switch e.kind {
	case effNone, effExit:
	case effAssign:
		e.afterAssign(f)
	case effStore:
		e.forgetTarget(f)
	case effDrop:
		for _, s := range []*fieldLoc{std.egressSpec, std.mcastGrp} {
			if s != nil && s.live {
				f.forget(s.slot)
			}
		}
	case effAdd:
		if !f.is(e.hdr.index, 1) {
			wasInvalid := f.is(e.hdr.index, 0)
			f.forgetFields(e.hdr)
			if wasInvalid {
				f.header(e.hdr, false) // all fields 0
			}
			f.learn(e.hdr.index, 1)
		}
	case effRemove:
		f.header(e.hdr, false)
	case effCopyHeader:
		f.copyWord(e.hdr.index, e.from.index)
		for i, s := range e.hdr.clearSlots {
			f.copyWord(s, e.from.clearSlots[i])
		}
	case effPopAll:
		for _, h := range e.stack.elems {
			f.header(h, false)
		}
	default:
		f.forgetAll()
	}
}

func (f *facts) copyWord(to, from int) {
	if v, known := f.get(from); known {
		f.learn(to, v)
		return
	}
	f.forget(to)
}

func (e *effect) forgetTarget(f *facts) {
	if e.dst.op == "member" {
		for _, h := range e.dst.hdr.stack.elems {
			if l := h.fields[e.dst.member]; !l.wide() {
				f.forget(l.slot)
			}
		}
		return
	}
	if !e.dst.field.wide() {
		f.forget(e.dst.field.slot)
	}
}

func (e *effect) afterAssign(f *facts) {
	dst := e.dst.field
	if e.dst.op == "field" && !dst.wide() {
		if !dst.hdr.meta && f.is(dst.hdr.index, 0) {
			return // keeps nothing
		}
		src := f.simplify(e.src)
		if src.op == "const" && (dst.hdr.meta || f.is(dst.hdr.index, 1)) {
			f.learn(dst.slot, lowWord(src.val)&widthMask(dst.bits))
			return
		}
	}
	e.forgetTarget(f)
}

// wants turns s, the words that matter after the primitive, into those of which
// it helps to know the value before it: what is assigned to a word that matters
// does too.
func (e *effect) wants(s bitset) {
	switch e.kind {
	case effAssign:
		slot, ok := e.dst.plainSlot()
		switch {
		case !ok:
		case e.src.op == "const":
			s.add(slot) // an assignment that changes nothing costs nothing
		case s.has(slot):
			if e.dst.field.hdr.meta {
				s.remove(slot)
			}
			e.src.reads(s)
		}
	case effCopyHeader:
		for i, slot := range e.hdr.clearSlots {
			if s.has(slot) {
				s.add(e.from.clearSlots[i])
			}
		}
	}
	e.reads(s)
}

// reads adds the headers whose validity the primitive depends on.
func (e *effect) reads(s bitset) {
	if e.hdr != nil {
		s.add(e.hdr.index)
	}
	if e.from != nil {
		s.add(e.from.index)
	}
	if e.dst != nil && e.dst.op == "field" && !e.dst.field.hdr.meta {
		s.add(e.dst.field.hdr.index)
	}
	if e.stack != nil {
		for _, h := range e.stack.elems {
			s.add(h.index)
		}
	}
}
