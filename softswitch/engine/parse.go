package engine

import (
	"fmt"

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
