package engine

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// Program is a compiled v1model program. It is immutable and may be shared by
// any number of Dataplanes.
type Program struct {
	layout      *layout
	metaHeaders []*headerDef
	std         stdMeta
	result      *fieldLoc // scratch word in which primitives pass results
	tmpWords    int

	parser   *parserDef
	ingress  *pipelineDef
	egress   *pipelineDef
	deparser []*headerDef
	update   []*checksumDef

	actions      []*actionDef
	actionByID   map[int]*actionDef
	tables       []*tableDef
	tableByName  map[string]*tableDef
	calcs        map[string]*calcDef
	registers    map[string]*registerDef
	registerList []*registerDef
	wideReads    []wideRead
	counters     map[string]*counterDef // indexed ones
	counterList  []*counterDef
	counterInfos []*CounterInfo
	meters       map[string]*meterDef // indexed ones
	directMeters map[string]*meterDef
	meterInfos   []*MeterInfo
	meterList    []*meterDef
	fieldLists   map[int][]*fieldLoc
	digestByID   map[int]*digestDef
	digestInfos  []*DigestInfo
}

type registerDef struct {
	info  *RegisterInfo
	index int
}

func (r *registerDef) wide() bool { return r.info.Bits > 64 }

type counterDef struct {
	info  *CounterInfo
	index int
}

type meterDef struct {
	info  *MeterInfo
	index int
	put   step // direct meters: stores Program.result in the result field
}

// maxStateBytes bounds registers, counters and meters of one switch, so that
// a broken program cannot take all memory.
const maxStateBytes = 4 << 30

// Compile decodes a BMv2 JSON and compiles it. What the engine does not
// support is refused with an error that wraps ErrUnsupported and names it and
// its source line.
func Compile(json []byte) (p *Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("compiler bug: %v\n%s", r, debug.Stack())
		}
	}()
	j, err := bmv2json.Decode(json)
	if err != nil {
		return nil, err
	}
	p = &Program{
		actionByID: map[int]*actionDef{}, tableByName: map[string]*tableDef{}, calcs: map[string]*calcDef{},
		registers: map[string]*registerDef{}, counters: map[string]*counterDef{}, meters: map[string]*meterDef{},
		directMeters: map[string]*meterDef{}, fieldLists: map[int][]*fieldLoc{}, digestByID: map[int]*digestDef{},
	}
	for _, build := range []func(*bmv2json.Program) error{
		p.refuse, p.buildLayout, p.buildState, p.buildLists, p.buildCalcs, p.buildActions, p.buildPipelines,
		p.buildParser, p.buildDeparser, p.buildChecksums, p.finish,
	} {
		if err := build(j); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// refuse names what no part of the engine handles.
func (p *Program) refuse(j *bmv2json.Program) error {
	if len(j.Externs) > 0 {
		return unsupported("extern instance "+j.Externs[0].Name, j.Externs[0].Source)
	}
	if len(j.ValueSets) > 0 {
		return unsupported("parser value set "+j.ValueSets[0].Name, j.ValueSets[0].Source)
	}
	for i := range j.Deparsers {
		if d := &j.Deparsers[i]; len(d.Primitives) > 0 {
			return unsupported("extern call "+d.Primitives[0].Op+" in deparser "+d.Name, d.Source)
		}
	}
	return nil
}

func (p *Program) buildLayout(j *bmv2json.Program) (err error) {
	if p.layout, err = newLayout(j); err != nil {
		return err
	}
	l := p.layout
	for _, h := range l.headers {
		if h.meta {
			p.metaHeaders = append(p.metaHeaders, h)
		}
	}
	engineType := &headerType{name: "engine"}
	p.result = &fieldLoc{
		name: "result", bits: 64, live: true, slot: l.words,
		hdr: &headerDef{name: "engine", meta: true, typ: engineType},
	}
	l.words += 3 // and the two operands of a comparison
	return p.std.bind(l)
}

func (p *Program) buildCalcs(j *bmv2json.Program) error {
	for i := range j.Calculations {
		d, err := p.compileCalc(&j.Calculations[i])
		if err != nil {
			return err
		}
		p.calcs[d.name] = d
	}
	return nil
}

func (p *Program) buildActions(j *bmv2json.Program) error {
	for i := range j.Actions {
		a, err := newAction(&j.Actions[i], i)
		if err != nil {
			return err
		}
		if p.actionByID[j.Actions[i].ID] != nil {
			return fmt.Errorf("action %s: id %d is used twice", j.Actions[i].Name, j.Actions[i].ID)
		}
		p.actions = append(p.actions, a)
		p.actionByID[j.Actions[i].ID] = a
		if err := p.compileAction(a, &j.Actions[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *Program) actionByName(name string) *actionDef {
	for _, a := range p.actions {
		if a.info.Name == name {
			return a
		}
	}
	return nil
}

func (p *Program) buildPipelines(j *bmv2json.Program) error {
	for i := range j.Pipelines {
		d, err := p.compilePipeline(&j.Pipelines[i])
		if err != nil {
			return err
		}
		switch j.Pipelines[i].Name {
		case "ingress":
			p.ingress = d
		case "egress":
			p.egress = d
		default:
			return fmt.Errorf("pipeline %s: v1model has ingress and egress: %w", j.Pipelines[i].Name, ErrUnsupported)
		}
	}
	if p.ingress == nil || p.egress == nil {
		return fmt.Errorf("the program lacks an ingress or egress pipeline: is it v1model?")
	}
	return nil
}

func (p *Program) buildParser(j *bmv2json.Program) error {
	p.parser = &parserDef{init: accept, errs: newCoreErrors(j)}
	for i := range j.Parsers {
		if j.Parsers[i].Name != "parser" {
			return fmt.Errorf("parser %s: v1model has one, named parser: %w", j.Parsers[i].Name, ErrUnsupported)
		}
		d, err := p.compileParser(&j.Parsers[i], p.parser.errs)
		if err != nil {
			return err
		}
		p.parser = d
	}
	return nil
}

func (p *Program) buildDeparser(j *bmv2json.Program) error {
	for i := range j.Deparsers {
		for _, name := range j.Deparsers[i].Order {
			h, err := p.layout.header(name)
			if err != nil {
				return fmt.Errorf("deparser: %w", err)
			}
			if h.meta {
				return fmt.Errorf("deparser: %s is metadata", name)
			}
			p.deparser = append(p.deparser, h)
		}
	}
	return nil
}

func (p *Program) buildChecksums(j *bmv2json.Program) error {
	for i := range j.Checksums {
		c := &j.Checksums[i]
		d, err := p.compileChecksum(c)
		if err != nil {
			return err
		}
		if c.Verify == nil || *c.Verify {
			p.parser.verify = append(p.parser.verify, d)
		}
		if d.put != nil {
			p.update = append(p.update, d)
		}
	}
	return nil
}

// finish closes the layout and makes each table once, to find entries that do
// not fit it.
func (p *Program) finish(*bmv2json.Program) error {
	for _, t := range p.tables {
		if _, err := newTable(t, 0); err != nil {
			return err
		}
	}
	if err := p.layout.close(); err != nil {
		return err
	}
	after := newBitset(p.layout.words)
	for _, h := range p.deparser {
		after.add(h.index)
	}
	for _, u := range p.update {
		u.when.reads(after)
		after.add(u.target.hdr.index)
	}
	p.findOwn()
	p.egress.findWanted(after)
	p.ingress.findWanted(p.egress.want(p.egress.init))
	return nil
}

// findOwn finds the indexes that are computed for one operation alone, as p4c
// does for every index that is an expression.
func (p *Program) findOwn() {
	const once = 4 // an assignment and an index name the field twice each, see compileAction
	for _, a := range p.actions {
		for i := range a.prims {
			d := a.prims[i].direct
			if d == nil || d.index == nil || !d.index.hdr.meta || slices.Contains(p.std.all(), d.index) {
				continue
			}
			f := d.index
			d.own = f.hdr.typ.named[f.hdr.byName[f.name]] == once
		}
	}
}
