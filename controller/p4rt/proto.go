package p4rt

import (
	"fmt"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
)

// Encode turns an object into its protobuf entity; an entry is checked first.
func (s *Schema) Encode(o Object) (*p4v1.Entity, error) {
	switch o := o.(type) {
	case *Entry:
		e, err := s.encodeEntry(o)
		if err != nil {
			return nil, err
		}
		return &p4v1.Entity{Entity: &p4v1.Entity_TableEntry{TableEntry: e}}, nil
	case *Group:
		return groupEntity(o), nil
	case *Meter:
		return s.encodeMeter(o)
	}
	return nil, fmt.Errorf("cannot encode %T", o)
}

func (s *Schema) encodeEntry(e *Entry) (*p4v1.TableEntry, error) {
	c := e
	if e.key == "" {
		var err error
		if c, err = s.Canonical(e); err != nil {
			return nil, err
		}
	}
	t, a := s.tables[c.Table], s.actions[c.Action]
	out := &p4v1.TableEntry{TableId: t.id, Priority: c.Priority, IsDefaultAction: c.Default}
	for _, m := range c.Match {
		f, _ := find(t.fields, m.Field)
		out.Match = append(out.Match, f.encode(m))
	}
	act := &p4v1.Action{ActionId: a.id}
	for _, p := range c.Params {
		f, _ := find(a.params, p.Name)
		act.Params = append(act.Params, &p4v1.Action_Param{ParamId: f.id, Value: []byte(p.Value)})
	}
	out.Action = &p4v1.TableAction{Type: &p4v1.TableAction_Action{Action: act}}
	return out, nil
}

func (f member) encode(m Match) *p4v1.FieldMatch {
	fm := &p4v1.FieldMatch{FieldId: f.id}
	switch f.kind {
	case lpm:
		fm.FieldMatchType = &p4v1.FieldMatch_Lpm{Lpm: &p4v1.FieldMatch_LPM{Value: []byte(m.Value), PrefixLen: int32(m.PrefixLen)}}
	case ternary:
		fm.FieldMatchType = &p4v1.FieldMatch_Ternary_{Ternary: &p4v1.FieldMatch_Ternary{Value: []byte(m.Value), Mask: []byte(m.Mask)}}
	case ranged:
		fm.FieldMatchType = &p4v1.FieldMatch_Range_{Range: &p4v1.FieldMatch_Range{Low: []byte(m.Value), High: []byte(m.High)}}
	case optional:
		fm.FieldMatchType = &p4v1.FieldMatch_Optional_{Optional: &p4v1.FieldMatch_Optional{Value: []byte(m.Value)}}
	default:
		fm.FieldMatchType = &p4v1.FieldMatch_Exact_{Exact: &p4v1.FieldMatch_Exact{Value: []byte(m.Value)}}
	}
	return fm
}

func groupEntity(g *Group) *p4v1.Entity {
	entry := &p4v1.MulticastGroupEntry{MulticastGroupId: g.ID}
	for _, r := range g.Replicas {
		// The deprecated numeric field is the one that bmv2 and P4Runtime
		// before 1.4 know.
		entry.Replicas = append(entry.Replicas, &p4v1.Replica{EgressPort: r.Port, Instance: r.Instance})
	}
	return &p4v1.Entity{Entity: &p4v1.Entity_PacketReplicationEngineEntry{
		PacketReplicationEngineEntry: &p4v1.PacketReplicationEngineEntry{
			Type: &p4v1.PacketReplicationEngineEntry_MulticastGroupEntry{MulticastGroupEntry: entry}}}}
}

// Decode turns what a switch sent into a canonical object.
func (s *Schema) Decode(e *p4v1.Entity) (Object, error) {
	if te := e.GetTableEntry(); te != nil {
		return s.decodeEntry(te)
	}
	if m := e.GetMeterEntry(); m != nil {
		return s.decodeMeter(m)
	}
	if g := e.GetPacketReplicationEngineEntry().GetMulticastGroupEntry(); g != nil {
		group := &Group{ID: g.GetMulticastGroupId()}
		for _, r := range g.GetReplicas() {
			group.Replicas = append(group.Replicas, Replica{r.GetEgressPort(), r.GetInstance()})
		}
		return group, nil
	}
	return nil, lie("a %T, which was not asked for", e.GetEntity())
}

func (s *Schema) decodeEntry(te *p4v1.TableEntry) (*Entry, error) {
	t := s.tablesByID[te.GetTableId()]
	if t == nil {
		return nil, lie("an entry of table id 0x%x, which the program does not have", te.GetTableId())
	}
	e := &Entry{Table: t.name, Priority: te.GetPriority(), Default: te.GetIsDefaultAction()}
	for _, fm := range te.GetMatch() {
		f, ok := findID(t.fields, fm.GetFieldId())
		if !ok {
			return nil, lie("field id %d of table %s, which the program does not have", fm.GetFieldId(), t.name)
		}
		e.Match = append(e.Match, f.decode(fm))
	}
	act := te.GetAction().GetAction()
	a := s.actionByID[act.GetActionId()]
	if a == nil {
		return nil, lie("action id 0x%x in table %s, which the program does not have", act.GetActionId(), t.name)
	}
	e.Action = a.name
	for _, p := range act.GetParams() {
		f, ok := findID(a.params, p.GetParamId())
		if !ok {
			return nil, lie("parameter id %d of action %s, which the program does not have", p.GetParamId(), a.name)
		}
		e.Params = append(e.Params, Param{f.name, Value(p.GetValue())})
	}
	c, err := s.Canonical(e)
	if err != nil {
		return nil, lie("an impossible entry: %v", err)
	}
	return c, nil
}

func (f member) decode(fm *p4v1.FieldMatch) Match {
	m := Match{Field: f.name}
	switch k := fm.GetFieldMatchType().(type) {
	case *p4v1.FieldMatch_Exact_:
		m.Value = Value(k.Exact.GetValue())
	case *p4v1.FieldMatch_Lpm:
		m.Value, m.PrefixLen = Value(k.Lpm.GetValue()), int(k.Lpm.GetPrefixLen())
	case *p4v1.FieldMatch_Ternary_:
		m.Value, m.Mask = Value(k.Ternary.GetValue()), Value(k.Ternary.GetMask())
	case *p4v1.FieldMatch_Range_:
		m.Value, m.High = Value(k.Range.GetLow()), Value(k.Range.GetHigh())
	case *p4v1.FieldMatch_Optional_:
		m.Value = Value(k.Optional.GetValue())
	}
	return m
}
