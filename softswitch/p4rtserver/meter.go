package p4rtserver

import (
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corecast/corecast/softswitch/engine"
)

// parseMeterConfig checks a configuration; nil stands for none, which is the
// default: everything green.
func parseMeterConfig(what string, m *p4v1.MeterConfig) (*engine.MeterConfig, error) {
	if m == nil {
		return nil, nil
	}
	for _, v := range []struct {
		name  string
		value int64
	}{{"cir", m.Cir}, {"cburst", m.Cburst}, {"pir", m.Pir}, {"pburst", m.Pburst}} {
		if v.value < 0 {
			return nil, invalid("%s: %s %d is negative", what, v.name, v.value)
		}
	}
	return &engine.MeterConfig{
		CIR: uint64(m.Cir), CBurst: uint64(m.Cburst), PIR: uint64(m.Pir), PBurst: uint64(m.Pburst),
	}, nil
}

func formatMeterConfig(c *engine.MeterConfig) *p4v1.MeterConfig {
	if c == nil {
		return nil
	}
	return &p4v1.MeterConfig{Cir: int64(c.CIR), Cburst: int64(c.CBurst), Pir: int64(c.PIR), Pburst: int64(c.PBurst)}
}

func (p *pipeline) writeMeter(op p4v1.Update_Type, m *p4v1.MeterEntry) error {
	def := p.schema.meters[m.GetMeterId()]
	if def == nil {
		return invalid("meter_id %d (%#x) is not in the P4Info", m.GetMeterId(), m.GetMeterId())
	}
	what := "meter \"" + def.name + "\""
	switch {
	case op != p4v1.Update_MODIFY:
		return invalid("%s can only be modified", what)
	case m.CounterData != nil:
		return unimplemented("counter_data of a meter entry")
	}
	config, err := parseMeterConfig(what, m.Config)
	if err != nil {
		return err
	}
	index, one, err := cellIndex(what, m.Index, def.size)
	if err != nil {
		return err
	}
	first, last := 0, def.size
	if one {
		first, last = index, index+1
	}
	for i := first; i < last; i++ {
		if err := p.plane.SetMeter(def.name, i, config); err != nil {
			return engineError(err)
		}
	}
	return nil
}

// readMeters yields cells, those without a limit too: their config is unset.
func (p *pipeline) readMeters(m *p4v1.MeterEntry, yield func(*p4v1.Entity) bool) error {
	if m.CounterData != nil {
		return unimplemented("counter_data of a meter entry")
	}
	list := p.schema.meterList
	if m.MeterId != 0 {
		def := p.schema.meters[m.MeterId]
		if def == nil {
			return invalid("meter_id %d (%#x) is not in the P4Info", m.MeterId, m.MeterId)
		}
		list = []*meter{def}
	}
	for _, def := range list {
		if err := p.readMeter(def, m.Index, yield); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipeline) readMeter(def *meter, at *p4v1.Index, yield func(*p4v1.Entity) bool) error {
	index, one, err := cellIndex("meter \""+def.name+"\"", at, def.size)
	if err != nil {
		return err
	}
	first, last := 0, def.size
	if one {
		first, last = index, index+1
	}
	for i := first; i < last; i++ {
		config, err := p.plane.Meter(def.name, i)
		if err != nil {
			return engineError(err)
		}
		if !yield(&p4v1.Entity{Entity: &p4v1.Entity_MeterEntry{MeterEntry: &p4v1.MeterEntry{
			MeterId: def.id, Index: &p4v1.Index{Index: int64(i)}, Config: formatMeterConfig(config),
		}}}) {
			return nil
		}
	}
	return nil
}

// meteredTable finds the table of a direct meter.
func (p *pipeline) meteredTable(te *p4v1.TableEntry) (*table, error) {
	t, err := p.schema.tableByID(te.GetTableId())
	if err == nil && !t.metered {
		err = invalid("table %q has no direct meter", t.name)
	}
	return t, err
}

func (p *pipeline) writeDirectMeter(op p4v1.Update_Type, m *p4v1.DirectMeterEntry) error {
	te := m.GetTableEntry()
	t, err := p.meteredTable(te)
	if err != nil {
		return err
	}
	what := "the direct meter of table \"" + t.name + "\""
	switch {
	case op != p4v1.Update_MODIFY:
		return invalid("%s can only be modified", what)
	case te.IsDefaultAction:
		return unimplemented("the direct meter of a default entry")
	case m.CounterData != nil:
		return unimplemented("counter_data of a direct meter entry")
	}
	if err := t.checkPriority(te.Priority); err != nil {
		return err
	}
	e, err := t.parseKey(te.Match, te.Priority)
	if err != nil {
		return err
	}
	config, err := parseMeterConfig(what, m.Config)
	if err != nil {
		return err
	}
	return engineError(p.plane.SetDirectMeter(t.name, e, config))
}

func (p *pipeline) readDirectMeters(m *p4v1.DirectMeterEntry, yield func(*p4v1.Entity)) error {
	if m.CounterData != nil {
		return unimplemented("counter_data of a direct meter entry")
	}
	te := m.GetTableEntry()
	if te.GetTableId() == 0 {
		for _, t := range p.schema.tableList {
			if t.metered {
				if _, err := p.scanMeters(t, &tableFilter{req: &p4v1.TableEntry{}}, yield); err != nil {
					return err
				}
			}
		}
		return nil
	}
	t, err := p.meteredTable(te)
	if err != nil {
		return err
	}
	if te.IsDefaultAction {
		return unimplemented("the direct meter of a default entry")
	}
	f, err := t.newFilter(te)
	if err != nil {
		return err
	}
	found, err := p.scanMeters(t, f, yield)
	if err == nil && f.key != nil && found == 0 {
		err = status.Errorf(codes.NotFound, "table %q has no such entry", t.name)
	}
	return err
}

// scanMeters yields the meters of the entries that pass a filter.
func (p *pipeline) scanMeters(t *table, f *tableFilter, yield func(*p4v1.Entity)) (found int, err error) {
	var entries []engine.Entry
	if err := p.scan(t, f, func(_ *table, e engine.Entry, _ bool) { entries = append(entries, e) }); err != nil {
		return 0, err
	}
	for _, e := range entries {
		config, err := p.plane.DirectMeter(t.name, e)
		if err != nil {
			return found, engineError(err)
		}
		found++
		yield(&p4v1.Entity{Entity: &p4v1.Entity_DirectMeterEntry{DirectMeterEntry: &p4v1.DirectMeterEntry{
			TableEntry: &p4v1.TableEntry{TableId: t.id, Match: t.formatKey(e), Priority: int32(e.Priority)},
			Config:     formatMeterConfig(config),
		}}})
	}
	return found, nil
}
