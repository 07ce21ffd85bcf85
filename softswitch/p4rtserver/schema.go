package p4rtserver

import (
	"fmt"

	configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"

	"github.com/corecast/corecast/softswitch/engine"
)

// schema is a P4Info married to the program it describes: what a client names
// by id, with what the engine knows of it by name.
type schema struct {
	tables    map[uint32]*table
	counters  map[uint32]*counter
	registers map[uint32]*register
	meters    map[uint32]*meter // indexed ones
	digests   map[uint32]*digest
	// The same, in the order of the P4Info, for wildcard reads.
	tableList    []*table
	counterList  []*counter
	registerList []*register
	meterList    []*meter

	// directCounters finds the table of a direct counter.
	directCounters      map[uint32]*table
	packetIn, packetOut *packetHeader // nil: frames pass as they are
}

type table struct {
	id            uint32
	name          string
	fields        []field
	fieldByID     map[uint32]int
	actions       map[uint32]*action
	actionByName  map[string]*action
	needsPriority bool
	isConst       bool
	counted       bool // has a direct counter
	metered       bool // has a direct meter
	ages          bool // supports idle timeouts
}

type field struct {
	id    uint32
	name  string
	kind  engine.MatchKind
	width int
	// masked says that the field is optional to the client and ternary to the
	// engine, which is how p4c compiles it for bmv2.
	masked bool
}

type action struct {
	id        uint32
	name      string
	params    []param
	paramByID map[uint32]int
	// Where the table allows the action; both unless the program says so.
	inEntries, asDefault bool
}

type param struct {
	id    uint32
	name  string
	width int
}

// newSchema checks that everything the P4Info names is in the program, and of
// the same shape.
func newSchema(info *configv1.P4Info, prog *engine.Program) (*schema, error) {
	s := &schema{
		tables:         map[uint32]*table{},
		counters:       map[uint32]*counter{},
		registers:      map[uint32]*register{},
		meters:         map[uint32]*meter{},
		digests:        map[uint32]*digest{},
		directCounters: map[uint32]*table{},
	}
	steps := []func(*configv1.P4Info, *engine.Program) error{
		s.addTables, s.addCounters, s.addDirectCounters, s.addRegisters, s.addMeters, s.addDigests, s.addPacketHeaders,
	}
	for _, step := range steps {
		if err := step(info, prog); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *schema) addTables(info *configv1.P4Info, prog *engine.Program) error {
	actions := map[uint32]*configv1.Action{}
	for _, a := range info.Actions {
		actions[a.GetPreamble().GetId()] = a
	}
	for _, t := range info.Tables {
		built, err := newTable(t, actions, prog)
		if err != nil {
			return err
		}
		if built.id == 0 || s.tables[built.id] != nil {
			return invalid("P4Info: table %q has id %d, which is 0 or taken", built.name, built.id)
		}
		s.tables[built.id] = built
		s.tableList = append(s.tableList, built)
	}
	return nil
}

func newTable(t *configv1.Table, actions map[uint32]*configv1.Action, prog *engine.Program) (*table, error) {
	name := t.GetPreamble().GetName()
	known, ok := prog.Table(name)
	if !ok {
		return nil, invalid("P4Info: table %q is not in the device config", name)
	}
	out := &table{
		id: t.GetPreamble().GetId(), name: name, isConst: t.IsConstTable,
		metered: known.DirectMeter != "", ages: known.IdleTimeout,
		fieldByID: map[uint32]int{}, actions: map[uint32]*action{}, actionByName: map[string]*action{},
	}
	if len(t.MatchFields) != len(known.Keys) {
		return nil, invalid("P4Info: table %q has %d match fields, %d in the device config", name, len(t.MatchFields), len(known.Keys))
	}
	for i, m := range t.MatchFields {
		f, err := newField(name, m, known.Keys[i])
		if err != nil {
			return nil, err
		}
		out.fieldByID[f.id] = i
		out.fields = append(out.fields, f)
		out.needsPriority = out.needsPriority || f.kind == engine.Ternary || f.kind == engine.Range || f.kind == engine.Optional
	}
	if len(out.fieldByID) != len(out.fields) {
		return nil, invalid("P4Info: table %q has two match fields of one id", name)
	}
	for _, ref := range t.ActionRefs {
		a, err := newAction(name, ref, actions[ref.Id], known)
		if err != nil {
			return nil, err
		}
		out.actions[a.id], out.actionByName[a.name] = a, a
	}
	return out, nil
}

func newField(table string, m *configv1.MatchField, known engine.KeyInfo) (field, error) {
	kinds := map[configv1.MatchField_MatchType]engine.MatchKind{
		configv1.MatchField_EXACT:    engine.Exact,
		configv1.MatchField_LPM:      engine.LPM,
		configv1.MatchField_TERNARY:  engine.Ternary,
		configv1.MatchField_RANGE:    engine.Range,
		configv1.MatchField_OPTIONAL: engine.Optional,
	}
	kind, ok := kinds[m.GetMatchType()]
	masked := kind == engine.Optional && known.Kind == engine.Ternary
	if !ok || kind != known.Kind && !masked {
		return field{}, invalid("P4Info: table %q: field %q matches by %v, in the device config by %v", table, m.Name, m.GetMatchType(), known.Kind)
	}
	if int(m.Bitwidth) != known.Bits {
		return field{}, invalid("P4Info: table %q: field %q has %d bits, in the device config %d", table, m.Name, m.Bitwidth, known.Bits)
	}
	return field{id: m.Id, name: m.Name, kind: kind, width: known.Bits, masked: masked}, nil
}

func newAction(table string, ref *configv1.ActionRef, a *configv1.Action, known *engine.TableInfo) (*action, error) {
	name := a.GetPreamble().GetName()
	k, ok := known.Action(name)
	if a == nil || !ok {
		return nil, invalid("P4Info: table %q: action %q (id %d) is not in the device config", table, name, ref.Id)
	}
	if len(a.Params) != len(k.Params) {
		return nil, invalid("P4Info: action %q has %d parameters, in the device config %d", name, len(a.Params), len(k.Params))
	}
	out := &action{
		id: ref.Id, name: name, paramByID: map[uint32]int{},
		inEntries: ref.Scope != configv1.ActionRef_DEFAULT_ONLY,
		asDefault: ref.Scope != configv1.ActionRef_TABLE_ONLY,
	}
	for i, p := range a.Params {
		if int(p.Bitwidth) != k.Params[i].Bits {
			return nil, invalid("P4Info: action %q: parameter %q has %d bits, in the device config %d", name, p.Name, p.Bitwidth, k.Params[i].Bits)
		}
		out.paramByID[p.Id] = i
		out.params = append(out.params, param{id: p.Id, name: p.Name, width: int(p.Bitwidth)})
	}
	if len(out.paramByID) != len(out.params) {
		return nil, invalid("P4Info: action %q has two parameters of one id", name)
	}
	return out, nil
}

// tableByID finds the table an entity names.
func (s *schema) tableByID(id uint32) (*table, error) {
	if t := s.tables[id]; t != nil {
		return t, nil
	}
	return nil, invalid("table_id %d (%#x) is not in the P4Info", id, id)
}

func (f field) describe(t *table) string { return fmt.Sprintf("table %q: field %q", t.name, f.name) }
