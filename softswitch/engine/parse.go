package engine

import (
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// parseOp runs one parser operation; false ends parsing with c.parseErr set.
type parseOp func(*packet) bool

// parseState is a compiled parse state.
type parseState struct {
	name string
	ops  []parserStep
	// key: up to 64 bits in all are packed into one word, more are loaded
	// into words of scratch, each component from a word of its own.
	key   []keyLoad
	words int
	cases []parseCase
	def   int  // next state; accept is -1
	plain bool // all of the key is plain fields: parseCase.tests decides
}

const accept = -1

// parseCase is one transition.
type parseCase struct {
	value, mask []uint64
	next        int
	tests       []slotTest
}

// slotTest asks whether packet.w[slot]&mask is value.
type slotTest struct {
	slot        int
	mask, value uint64
}

// keyLoad loads one component of a transition key.
type keyLoad struct {
	fn    func(c *packet, dst []uint64) bool
	words int
	bytes int
	field *fieldLoc // nil: not a plain field
}

// maxStates bounds the states a packet visits, so that a parser that loops
// without consuming ends with ParserTimeout.
const maxStates = 4096

// parserDef is a compiled parser.
type parserDef struct {
	states []parseState
	init   int
	verify []*checksumDef
	errs   coreErrors
}

// coreErrors are the codes of core.p4's errors; a program that does not
// declare one gets bmv2's reserved code for it.
type coreErrors struct {
	none, tooShort, stackRange, headerTooShort, timeout, badArgument uint64
}

const undeclaredError = 1<<31 - 1

func newCoreErrors(j *bmv2json.Program) coreErrors {
	codes := map[string]uint64{}
	for _, e := range j.Errors {
		codes[e.Name] = e.Code
	}
	get := func(name string) uint64 {
		if c, ok := codes[name]; ok {
			return c
		}
		return undeclaredError
	}
	e := coreErrors{
		tooShort: get("PacketTooShort"), stackRange: get("StackOutOfBounds"), headerTooShort: get("HeaderTooShort"),
		timeout: get("ParserTimeout"), badArgument: get("ParserInvalidArgument"), none: codes["NoError"],
	}
	return e
}

func (p *Program) compileParser(j *bmv2json.Parser, errs coreErrors) (*parserDef, error) {
	d := &parserDef{errs: errs, init: accept}
	index := map[string]int{}
	for i := range j.States {
		index[j.States[i].Name] = i
	}
	next := func(name *string) (int, error) {
		if name == nil {
			return accept, nil
		}
		i, ok := index[*name]
		if !ok {
			return 0, fmt.Errorf("no parse state %q", *name)
		}
		return i, nil
	}
	var err error
	if d.init, err = next(j.Init); err != nil {
		return nil, fmt.Errorf("parser %s: %w", j.Name, err)
	}
	for i := range j.States {
		st, err := p.compileState(&j.States[i], next, errs)
		if err != nil {
			return nil, fmt.Errorf("parser %s: state %s: %w", j.Name, j.States[i].Name, err)
		}
		d.states = append(d.states, *st)
	}
	return d, nil
}

func (p *Program) compileState(j *bmv2json.ParseState, next func(*string) (int, error), errs coreErrors) (*parseState, error) {
	s := &scope{p: p}
	st := &parseState{name: j.Name, def: accept}
	for i := range j.Ops {
		op, err := s.parserOp(&j.Ops[i], errs)
		if err != nil {
			return nil, at(j.Ops[i].Source, fmt.Errorf("parser op %s: %w", j.Ops[i].Op, err))
		}
		st.ops = append(st.ops, parserStep{run: op, parserEffect: s.parserEffectOf(&j.Ops[i])})
	}
	for _, k := range j.Key {
		load, err := s.keyLoad(k, errs)
		if err != nil {
			return nil, fmt.Errorf("transition key: %w", err)
		}
		st.key = append(st.key, load)
		st.words += load.words
	}
	p.tmpWords = max(p.tmpWords, st.words)
	for i := range j.Transitions {
		if err := st.addTransition(&j.Transitions[i], next); err != nil {
			return nil, err
		}
	}
	st.prepare()
	return st, nil
}

func (st *parseState) addTransition(t *bmv2json.Transition, next func(*string) (int, error)) error {
	to, err := next(t.Next)
	if err != nil {
		return err
	}
	switch t.Type {
	case "default":
		st.def = to
		return nil
	case "hexstr":
	default:
		return unsupported("parser transition of type "+t.Type+" (value set "+t.Value+")", nil)
	}
	value, mask, err := t.Match()
	if err != nil {
		return fmt.Errorf("transition: %w", err)
	}
	size := 0
	for _, k := range st.key {
		size += k.bytes
	}
	if mask == nil {
		mask = maxOf(size * 8)
	}
	if value.Sign() < 0 || mask.Sign() < 0 || value.BitLen() > size*8 {
		return fmt.Errorf("transition value %s does not fit the key's %d bytes", t.Value, size)
	}
	mask = new(big.Int).And(mask, maxOf(size*8))
	c := parseCase{value: st.split(value, size), mask: st.split(mask, size), next: to}
	for i := range c.value {
		c.value[i] &= c.mask[i]
	}
	st.cases = append(st.cases, c)
	return nil
}

// split cuts a byte-padded concatenation into the words of the key.
func (st *parseState) split(v *big.Int, size int) []uint64 {
	b := v.FillBytes(make([]byte, size))
	var out []uint64
	for _, k := range st.key {
		w := make([]uint64, k.words)
		loadWords(w, b[:k.bytes], k.bytes*8, false)
		out, b = append(out, w...), b[k.bytes:]
	}
	return out
}

// choose is match for a key of plain fields.
func (st *parseState) choose(c *packet) int {
next:
	for i := range st.cases {
		for _, t := range st.cases[i].tests {
			if c.w[t.slot]&t.mask != t.value {
				continue next
			}
		}
		return i
	}
	return len(st.cases)
}

// prepare makes the tests of a key of plain fields.
func (st *parseState) prepare() {
	for _, l := range st.key {
		if l.field == nil || l.field.signed || l.words != 1 {
			return
		}
	}
	st.plain = true
	for i := range st.cases {
		cs := &st.cases[i]
		for j, l := range st.key {
			if cs.mask[j] != 0 {
				cs.tests = append(cs.tests, slotTest{l.field.slot, cs.mask[j], cs.value[j]})
			}
		}
	}
}

// match chooses the next state: way is the index of the case, or the number of
// cases for the default. ok is false if the key cannot be read.
func (st *parseState) match(c *packet) (way int, ok bool) {
	if st.plain {
		return st.choose(c), true
	}
	if st.words == 0 || len(st.cases) == 0 {
		return 0, true
	}
	key := c.tmp[:st.words]
	k := key
	for i := range st.key {
		l := &st.key[i]
		if !l.fn(c, k[:l.words]) {
			return 0, false
		}
		k = k[l.words:]
	}
	if st.words == 1 {
		v := key[0]
		for i := range st.cases {
			if cs := &st.cases[i]; v&cs.mask[0] == cs.value[0] {
				return i, true
			}
		}
		return len(st.cases), true
	}
	for i := range st.cases {
		if cs := &st.cases[i]; cs.matches(key) {
			return i, true
		}
	}
	return len(st.cases), true
}

// next returns the state that a way leads to.
func (st *parseState) next(way int) int {
	if way < len(st.cases) {
		return st.cases[way].next
	}
	return st.def
}

func (cs *parseCase) matches(key []uint64) bool {
	for i, v := range key {
		if v&cs.mask[i] != cs.value[i] {
			return false
		}
	}
	return true
}

func (s *scope) keyLoad(v *bmv2json.Value, errs coreErrors) (keyLoad, error) {
	if v.Kind == bmv2json.KindLookahead {
		look, err := newLookahead(v, errs)
		if err != nil {
			return keyLoad{}, err
		}
		return keyLoad{fn: look, words: (v.Bits + 63) / 64, bytes: (v.Bits + 7) / 8}, nil
	}
	n, err := s.data(v)
	if err != nil {
		return keyLoad{}, err
	}
	if n.op != "field" && n.op != "member" {
		return keyLoad{}, fmt.Errorf("key of type %s: %w", v.Type, ErrUnsupported)
	}
	width := 0
	if n.op == "field" {
		width = n.field.bits
	} else {
		width = n.hdr.stack.elems[0].fields[n.member].bits
	}
	g := s.gen()
	if width <= 64 {
		x, mask := g.word(n), widthMask(width)
		return keyLoad{words: 1, bytes: (width + 7) / 8, field: n.field, fn: func(c *packet, dst []uint64) bool {
			dst[0] = x(c) & mask
			return true
		}}, nil
	}
	words := (width + 63) / 64
	x := g.wide(n, words)
	return keyLoad{words: words, bytes: (width + 7) / 8, fn: func(c *packet, dst []uint64) bool {
		x(c, dst)
		return true
	}}, nil
}

// newLookahead reads bits ahead of the parser without consuming them.
func newLookahead(v *bmv2json.Value, errs coreErrors) (func(*packet, []uint64) bool, error) {
	if v.Bits < 1 || v.Bits > maxHeaderBytes*8 || v.Offset < 0 || v.Offset > maxHeaderBytes*8 {
		return nil, fmt.Errorf("lookahead of %d bits at %d is out of range", v.Bits, v.Offset)
	}
	need, off, shift, width := (v.Offset+v.Bits+7)/8, v.Offset/8, uint(v.Offset%8), v.Bits
	if int(shift)+width <= 64 {
		shr := uint(64 - width)
		return func(c *packet, dst []uint64) bool {
			if c.end-c.pos < need {
				c.parseErr = errs.tooShort
				return false
			}
			dst[0] = binary.BigEndian.Uint64(c.mem[c.pos+off:]) << shift >> shr
			return true
		}, nil
	}
	return func(c *packet, dst []uint64) bool {
		if c.end-c.pos < need {
			c.parseErr = errs.tooShort
			return false
		}
		buf := c.dp.hdrBuf[:(width+7)/8]
		getBits(buf, c.mem[c.pos+off:], shift, width)
		loadWords(dst, buf, width, false)
		return true
	}, nil
}
