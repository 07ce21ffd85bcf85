package p4rtserver

import (
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
)

func (p *pipeline) writeRegister(op p4v1.Update_Type, m *p4v1.RegisterEntry) error {
	r := p.schema.registers[m.GetRegisterId()]
	if r == nil {
		return invalid("register_id %d (%#x) is not in the P4Info", m.GetRegisterId(), m.GetRegisterId())
	}
	what := "register \"" + r.name + "\""
	if op != p4v1.Update_MODIFY {
		return invalid("%s can only be modified", what)
	}
	index, one, err := cellIndex(what, m.Index, r.size)
	if err != nil {
		return err
	}
	data, ok := m.GetData().GetData().(*p4v1.P4Data_Bitstring)
	if !ok {
		return invalid("%s holds plain bits: set data.bitstring", what)
	}
	value, err := parseValue(what, data.Bitstring, r.width)
	if err != nil {
		return err
	}
	first, last := 0, r.size
	if one {
		first, last = index, index+1
	}
	for i := first; i < last; i++ {
		if err := p.plane.WriteRegister(r.name, i, value); err != nil {
			return engineError(err)
		}
	}
	return nil
}

func (p *pipeline) readRegisters(m *p4v1.RegisterEntry, yield func(*p4v1.Entity) bool) error {
	list := p.schema.registerList
	if m.RegisterId != 0 {
		r := p.schema.registers[m.RegisterId]
		if r == nil {
			return invalid("register_id %d (%#x) is not in the P4Info", m.RegisterId, m.RegisterId)
		}
		list = []*register{r}
	}
	for _, r := range list {
		if err := p.readRegister(r, m.Index, yield); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipeline) readRegister(r *register, at *p4v1.Index, yield func(*p4v1.Entity) bool) error {
	emit := func(i int, v []byte) bool {
		return yield(&p4v1.Entity{Entity: &p4v1.Entity_RegisterEntry{RegisterEntry: &p4v1.RegisterEntry{
			RegisterId: r.id, Index: &p4v1.Index{Index: int64(i)},
			Data: bitstring(append([]byte(nil), v...)),
		}}})
	}
	index, one, err := cellIndex("register \""+r.name+"\"", at, r.size)
	switch {
	case err != nil:
		return err
	case !one:
		return engineError(p.plane.ReadRegisters(r.name, emit))
	}
	v, err := p.plane.ReadRegister(r.name, index)
	if err == nil {
		emit(index, v)
	}
	return engineError(err)
}

func bitstring(v []byte) *p4v1.P4Data {
	return &p4v1.P4Data{Data: &p4v1.P4Data_Bitstring{Bitstring: canonical(v)}}
}
