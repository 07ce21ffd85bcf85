package engine

import (
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// step is one compiled primitive.
type step func(*packet)

// actionDef is a compiled action.
type actionDef struct {
	info     *ActionInfo
	params   []paramLoc
	argWords int
	argBytes int
	prims    []operation
	jumps    []jump // nil, or one per primitive
}

// jump makes a step a (conditional) jump; target nil means that it is none.
type jump struct {
	target wordFn
	unless wordFn // jump if this is 0; nil: always
}

// maxJumps bounds the steps of one run of an action with jumps. Go loops in
// actions are the only way to run long, and no switch would.
const maxJumps = 1 << 16

// run runs an action with jumps.
func (a *actionDef) run(c *packet) {
	for pc, n := uint64(0), 0; pc < uint64(len(a.prims)) && n < maxJumps; n++ {
		j := &a.jumps[pc]
		switch {
		case j.target == nil:
			a.prims[pc].run(c)
			pc++
		case j.unless == nil || j.unless(c) == 0:
			pc = j.target(c)
		default:
			pc++
		}
	}
}

// newAction lays out an action's parameters; compileSteps follows when all
// objects are known.
func newAction(j *bmv2json.Action, index int) (*actionDef, error) {
	a := &actionDef{info: &ActionInfo{Name: j.Name, ID: j.ID, index: index}}
	for _, p := range j.Params {
		if p.Bits < 1 || p.Bits > maxHeaderBytes*8 {
			return nil, at(j.Source, fmt.Errorf("action %s: parameter %s is %d bits wide: want 1 to %d", j.Name, p.Name, p.Bits, maxHeaderBytes*8))
		}
		a.info.Params = append(a.info.Params, ParamInfo{Name: p.Name, Bits: p.Bits})
		loc := paramLoc{bits: p.Bits, slot: a.argWords}
		if loc.wide() {
			loc.slot = a.argBytes
			a.argBytes += (p.Bits + 7) / 8
		} else {
			a.argWords++
		}
		a.params = append(a.params, loc)
	}
	return a, nil
}

func (p *Program) compileAction(a *actionDef, j *bmv2json.Action) error {
	s := &scope{p: p, params: a.params}
	jumps := make([]jump, len(j.Primitives))
	hasJump := false
	for i := range j.Primitives {
		source := &j.Primitives[i]
		st, jp, err := s.primitive(source)
		if err != nil {
			return at(source.Source, fmt.Errorf("action %s: primitive %s: %w", j.Name, source.Op, err))
		}
		a.prims = append(a.prims, operation{effect: s.effectOf(source), run: st, direct: s.directMove(source)})
		jumps[i] = jp
		hasJump = hasJump || jp.target != nil
	}
	if hasJump {
		a.jumps = jumps
	}
	return nil
}

// primitive compiles one primitive to a step or a jump.
func (s *scope) primitive(prim *bmv2json.Primitive) (step, jump, error) {
	switch prim.Op {
	case "_jump", "_jump_if_zero":
		j, err := s.jump(prim)
		return nil, j, err
	}
	compile, ok := primitives[prim.Op]
	if !ok {
		return nil, jump{}, ErrUnsupported
	}
	if len(prim.Params) != compile.params {
		return nil, jump{}, fmt.Errorf("%d parameters: want %d", len(prim.Params), compile.params)
	}
	st, err := compile.fn(s, prim.Params)
	return st, jump{}, err
}

func (s *scope) jump(prim *bmv2json.Primitive) (jump, error) {
	want := 1
	if prim.Op == "_jump_if_zero" {
		want = 2
	}
	if len(prim.Params) != want {
		return jump{}, fmt.Errorf("%d parameters: want %d", len(prim.Params), want)
	}
	g := s.gen()
	var j jump
	target, err := s.data(prim.Params[want-1])
	if err != nil {
		return jump{}, err
	}
	j.target = g.exactUint(target)
	if want == 2 {
		cond, err := s.expr(prim.Params[0])
		if err != nil {
			return jump{}, err
		}
		if !cond.boolean {
			cond = &node{op: "d2b", boolean: true, right: cond}
		}
		t := g.truth(cond)
		j.unless = func(c *packet) uint64 {
			if t(c) {
				return 1
			}
			return 0
		}
	}
	return j, nil
}

func (s *scope) gen() *gen { return &gen{p: s.p} }

// noop stands for a primitive without effect.
func noop(*packet) {}

// wants turns s, the words that matter after the action, into those of which it
// helps to know the value before it.
func (a *actionDef) wants(s bitset) {
	if a.jumps != nil {
		return
	}
	for i := len(a.prims) - 1; i >= 0; i-- {
		a.prims[i].wants(s)
	}
}
