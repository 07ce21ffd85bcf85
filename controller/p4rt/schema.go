package p4rt

import (
	"fmt"
	"slices"
	"strings"

	p4configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
)

// Schema is a P4Info by name and by id. It is immutable and may be shared.
type Schema struct {
	tables     map[string]*table
	tablesByID map[uint32]*table
	actions    map[string]*action
	actionByID map[uint32]*action
	counters   map[string]array
	meters     map[string]array // indexed ones
	meterByID  map[uint32]string
	packetIn   []member
	packetOut  []member
	room       int // for entries, in all tables
}

type matchKind uint8

const (
	exact matchKind = iota + 1
	lpm
	ternary
	ranged
	optional
)

// member is a match field, an action parameter or a metadata field.
type member struct {
	name string
	id   uint32
	bits int
	kind matchKind // of a match field
}

type table struct {
	name         string
	id           uint32
	fields       []member        // by id
	actions      map[uint32]bool // false: default action only
	constDefault bool
	priority     bool // entries have one
	size         int64
}

type action struct {
	name   string
	id     uint32
	params []member // by id
}

// array is an indexed counter or meter.
type array struct {
	id   uint32
	size int64
}

var kinds = map[p4configv1.MatchField_MatchType]matchKind{
	p4configv1.MatchField_EXACT:    exact,
	p4configv1.MatchField_LPM:      lpm,
	p4configv1.MatchField_TERNARY:  ternary,
	p4configv1.MatchField_RANGE:    ranged,
	p4configv1.MatchField_OPTIONAL: optional,
}

// NewSchema indexes a P4Info. Fields that are not bit strings are refused.
func NewSchema(info *p4configv1.P4Info) (*Schema, error) {
	s := &Schema{
		tables: map[string]*table{}, tablesByID: map[uint32]*table{},
		actions: map[string]*action{}, actionByID: map[uint32]*action{},
		counters: map[string]array{}, meters: map[string]array{}, meterByID: map[uint32]string{},
	}
	for _, a := range info.GetActions() {
		act := &action{name: a.GetPreamble().GetName(), id: a.GetPreamble().GetId()}
		for _, p := range a.GetParams() {
			act.params = append(act.params, member{name: p.GetName(), id: p.GetId(), bits: int(p.GetBitwidth())})
		}
		sortMembers(act.params)
		s.actions[act.name], s.actionByID[act.id] = act, act
	}
	for _, t := range info.GetTables() {
		if err := s.addTable(t); err != nil {
			return nil, err
		}
	}
	for _, c := range info.GetCounters() {
		s.counters[c.GetPreamble().GetName()] = array{c.GetPreamble().GetId(), c.GetSize()}
	}
	for _, m := range info.GetMeters() {
		name, id := m.GetPreamble().GetName(), m.GetPreamble().GetId()
		s.meters[name], s.meterByID[id] = array{id, m.GetSize()}, name
	}
	for _, m := range info.GetControllerPacketMetadata() {
		var fields []member
		for _, f := range m.GetMetadata() {
			fields = append(fields, member{name: f.GetName(), id: f.GetId(), bits: int(f.GetBitwidth())})
		}
		switch m.GetPreamble().GetName() {
		case "packet_in":
			s.packetIn = fields
		case "packet_out":
			s.packetOut = fields
		}
	}
	return s, nil
}

func (s *Schema) addTable(t *p4configv1.Table) error {
	tab := &table{name: t.GetPreamble().GetName(), id: t.GetPreamble().GetId(), actions: map[uint32]bool{},
		constDefault: t.GetConstDefaultActionId() != 0, size: t.GetSize()}
	for _, f := range t.GetMatchFields() {
		kind, ok := kinds[f.GetMatchType()]
		if !ok || f.GetBitwidth() <= 0 {
			return fmt.Errorf("table %s: field %s has match type %v and %d bits: not supported",
				tab.name, f.GetName(), f.GetMatchType(), f.GetBitwidth())
		}
		tab.fields = append(tab.fields, member{f.GetName(), f.GetId(), int(f.GetBitwidth()), kind})
		tab.priority = tab.priority || kind == ternary || kind == ranged || kind == optional
	}
	sortMembers(tab.fields)
	for _, a := range t.GetActionRefs() {
		if s.actionByID[a.GetId()] == nil {
			return fmt.Errorf("table %s: action id 0x%x is not defined", tab.name, a.GetId())
		}
		tab.actions[a.GetId()] = a.GetScope() != p4configv1.ActionRef_DEFAULT_ONLY
	}
	s.room += max(int(t.GetSize()), 1024) + 1 // and the default entry
	s.tables[tab.name], s.tablesByID[tab.id] = tab, tab
	return nil
}

func sortMembers(m []member) {
	slices.SortFunc(m, func(a, b member) int { return int(a.id) - int(b.id) })
}

// Tables lists the tables by name, sorted.
func (s *Schema) Tables() []string { return sortedKeys(s.tables) }

// Size is how many entries a table has room for; 0 if there is no such table.
func (s *Schema) Size(table string) int {
	if t := s.tables[table]; t != nil {
		return int(t.size)
	}
	return 0
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Schema) table(name string) (*table, error) {
	if t := s.tables[name]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("no table %q in the program; it has %s", name, strings.Join(s.Tables(), ", "))
}

func find(members []member, name string) (member, bool) {
	i := slices.IndexFunc(members, func(m member) bool { return m.name == name })
	if i < 0 {
		return member{}, false
	}
	return members[i], true
}

func findID(members []member, id uint32) (member, bool) {
	i := slices.IndexFunc(members, func(m member) bool { return m.id == id })
	if i < 0 {
		return member{}, false
	}
	return members[i], true
}

func names(members []member) string {
	list := make([]string, len(members))
	for i, m := range members {
		list[i] = m.name
	}
	return strings.Join(list, ", ")
}
