package p4rtserver

import (
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corecast/corecast/softswitch/engine"
)

func counterData(v engine.CounterValue) *p4v1.CounterData {
	return &p4v1.CounterData{ByteCount: int64(v.Bytes), PacketCount: int64(v.Packets)}
}

func counterValue(d *p4v1.CounterData) engine.CounterValue {
	return engine.CounterValue{Bytes: uint64(d.GetByteCount()), Packets: uint64(d.GetPacketCount())}
}

// cellIndex checks an index into an array; ok is false when it is unset,
// which means all cells.
func cellIndex(what string, i *p4v1.Index, size int) (index int, ok bool, err error) {
	switch {
	case i == nil:
		return 0, false, nil
	case i.Index < 0:
		return 0, false, invalid("%s: index %d is negative", what, i.Index)
	case i.Index >= int64(size):
		return 0, false, status.Errorf(codes.OutOfRange, "%s: index %d is beyond the last, %d", what, i.Index, size-1)
	}
	return int(i.Index), true, nil
}

func (p *pipeline) writeCounter(op p4v1.Update_Type, m *p4v1.CounterEntry) error {
	c := p.schema.counters[m.GetCounterId()]
	if c == nil {
		return invalid("counter_id %d (%#x) is not in the P4Info", m.GetCounterId(), m.GetCounterId())
	}
	what := "counter \"" + c.name + "\""
	if op != p4v1.Update_MODIFY {
		return invalid("%s can only be modified", what)
	}
	index, one, err := cellIndex(what, m.Index, c.size)
	if err != nil || m.Data == nil {
		return err
	}
	first, last := 0, c.size
	if one {
		first, last = index, index+1
	}
	for i := first; i < last; i++ {
		if err := p.plane.WriteCounter(c.name, i, counterValue(m.Data)); err != nil {
			return engineError(err)
		}
	}
	return nil
}

func (p *pipeline) readCounters(m *p4v1.CounterEntry, yield func(*p4v1.Entity) bool) error {
	list := p.schema.counterList
	if m.CounterId != 0 {
		c := p.schema.counters[m.CounterId]
		if c == nil {
			return invalid("counter_id %d (%#x) is not in the P4Info", m.CounterId, m.CounterId)
		}
		list = []*counter{c}
	}
	for _, c := range list {
		if err := p.readCounter(c, m.Index, yield); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipeline) readCounter(c *counter, at *p4v1.Index, yield func(*p4v1.Entity) bool) error {
	emit := func(i int, v engine.CounterValue) bool {
		return yield(&p4v1.Entity{Entity: &p4v1.Entity_CounterEntry{CounterEntry: &p4v1.CounterEntry{
			CounterId: c.id, Index: &p4v1.Index{Index: int64(i)}, Data: counterData(v),
		}}})
	}
	index, one, err := cellIndex("counter \""+c.name+"\"", at, c.size)
	switch {
	case err != nil:
		return err
	case !one:
		return engineError(p.plane.ReadCounters(c.name, emit))
	}
	v, err := p.plane.ReadCounter(c.name, index)
	if err == nil {
		emit(index, v)
	}
	return engineError(err)
}

func (p *pipeline) writeDirectCounter(op p4v1.Update_Type, m *p4v1.DirectCounterEntry) error {
	te := m.GetTableEntry()
	t, err := p.countedTable(te)
	if err != nil {
		return err
	}
	if op != p4v1.Update_MODIFY {
		return invalid("the direct counter of table %q can only be modified", t.name)
	}
	if te.IsDefaultAction {
		return unimplemented("the direct counter of a default entry")
	}
	if err := t.checkPriority(te.Priority); err != nil {
		return err
	}
	e, err := t.parseKey(te.Match, te.Priority)
	if err != nil {
		return err
	}
	if m.Data == nil {
		_, err := p.plane.ReadEntry(t.name, e)
		return engineError(err)
	}
	return p.setDirectCounter(t, e, m.Data)
}

func (p *pipeline) countedTable(te *p4v1.TableEntry) (*table, error) {
	t, err := p.schema.tableByID(te.GetTableId())
	if err == nil && !t.counted {
		err = invalid("table %q has no direct counter", t.name)
	}
	return t, err
}

func (p *pipeline) readDirectCounters(m *p4v1.DirectCounterEntry, yield func(*p4v1.Entity)) error {
	found := 0
	emit := func(t *table, e engine.Entry, isDefault bool) {
		found++
		key := &p4v1.TableEntry{TableId: t.id, IsDefaultAction: isDefault}
		if !isDefault {
			key.Match, key.Priority = t.formatKey(e), int32(e.Priority)
		}
		yield(&p4v1.Entity{Entity: &p4v1.Entity_DirectCounterEntry{DirectCounterEntry: &p4v1.DirectCounterEntry{
			TableEntry: key, Data: counterData(e.Counter),
		}}})
	}
	te := m.GetTableEntry()
	if te.GetTableId() == 0 {
		for _, t := range p.schema.tableList {
			if !t.counted {
				continue
			}
			if err := p.scan(t, &tableFilter{req: &p4v1.TableEntry{}}, emit); err != nil {
				return err
			}
		}
		return nil
	}
	t, err := p.countedTable(te)
	if err != nil {
		return err
	}
	f, err := t.newFilter(te)
	if err != nil {
		return err
	}
	if err := p.scan(t, f, emit); err != nil {
		return err
	}
	if f.key != nil && found == 0 {
		return status.Errorf(codes.NotFound, "table %q has no such entry", t.name)
	}
	return nil
}
