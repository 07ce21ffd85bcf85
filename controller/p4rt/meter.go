package p4rt

import (
	"context"
	"fmt"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
)

// MeterConfig limits a meter's cell: units (bytes or packets) a second and the
// burst in units, committed and peak (RFC 2698). What exceeds the peak is red.
type MeterConfig struct{ CIR, CBurst, PIR, PBurst uint64 }

// Meter is one cell of an indexed meter.
type Meter struct {
	Name  string
	Index int64
	// Config is nil where the cell has no limit, which is how every cell
	// starts: everything is green.
	Config *MeterConfig
}

func (*Meter) isObject() {}

// Key implements Object.
func (m *Meter) Key() string { return fmt.Sprintf("%s[%d]", m.Name, m.Index) }

// String reads like `punt_meter[6] -> 100/s burst 100`.
func (m *Meter) String() string {
	c := m.Config
	if c == nil {
		return m.Key() + " -> no limit"
	}
	if c.CIR == c.PIR && c.CBurst == c.PBurst {
		return fmt.Sprintf("%s -> %d/s burst %d", m.Key(), c.PIR, c.PBurst)
	}
	return fmt.Sprintf("%s -> committed %d/s burst %d, peak %d/s burst %d", m.Key(), c.CIR, c.CBurst, c.PIR, c.PBurst)
}

// Same reports whether two cells have the same limit. Rates may differ by one:
// bmv2 keeps them as binary fractions of a microsecond.
func (m *Meter) Same(o *Meter) bool {
	if m.Config == nil || o.Config == nil {
		return m.Config == o.Config
	}
	a, b := m.Config, o.Config
	return near(a.CIR, b.CIR) && near(a.PIR, b.PIR) && a.CBurst == b.CBurst && a.PBurst == b.PBurst
}

func near(a, b uint64) bool { return max(a, b)-min(a, b) <= 1 }

func (s *Schema) encodeMeter(m *Meter) (*p4v1.Entity, error) {
	def, ok := s.meters[m.Name]
	if !ok {
		return nil, fmt.Errorf("no meter %q in the program", m.Name)
	}
	if m.Index < 0 || m.Index >= def.size {
		return nil, fmt.Errorf("meter %s: cell %d: it has %d", m.Name, m.Index, def.size)
	}
	return meterEntity(&p4v1.MeterEntry{MeterId: def.id, Index: &p4v1.Index{Index: m.Index}, Config: m.Config.proto()}), nil
}

func meterEntity(e *p4v1.MeterEntry) *p4v1.Entity {
	return &p4v1.Entity{Entity: &p4v1.Entity_MeterEntry{MeterEntry: e}}
}

func (c *MeterConfig) proto() *p4v1.MeterConfig {
	if c == nil {
		return nil
	}
	return &p4v1.MeterConfig{Cir: int64(c.CIR), Cburst: int64(c.CBurst), Pir: int64(c.PIR), Pburst: int64(c.PBurst)}
}

func (s *Schema) decodeMeter(e *p4v1.MeterEntry) (*Meter, error) {
	name, ok := s.meterByID[e.GetMeterId()]
	if !ok {
		return nil, lie("a cell of meter id 0x%x, which the program does not have", e.GetMeterId())
	}
	m := &Meter{Name: name, Index: e.GetIndex().GetIndex()}
	if m.Index < 0 || m.Index >= s.meters[name].size {
		return nil, lie("cell %d of meter %s, which has %d", m.Index, name, s.meters[name].size)
	}
	if c := e.GetConfig(); c != nil {
		if min(c.GetCir(), c.GetCburst(), c.GetPir(), c.GetPburst()) < 0 {
			return nil, lie("an impossible limit of %s: %v", m.Key(), c)
		}
		m.Config = &MeterConfig{uint64(c.GetCir()), uint64(c.GetCburst()), uint64(c.GetPir()), uint64(c.GetPburst())}
	}
	return m, nil
}

// ReadMeters returns the cells of the program's indexed meters that have a
// limit.
func (s *Session) ReadMeters(ctx context.Context) ([]*Meter, error) {
	var ask []*p4v1.Entity
	cells := 0
	for _, name := range sortedKeys(s.schema.meters) {
		ask = append(ask, meterEntity(&p4v1.MeterEntry{MeterId: s.schema.meters[name].id}))
		cells += int(s.schema.meters[name].size)
	}
	var meters []*Meter
	err := s.read(ctx, "read meters", ask, cells, func(e *p4v1.Entity) error {
		o, err := s.schema.Decode(e)
		if m, ok := o.(*Meter); ok && err == nil && m.Config != nil {
			meters = append(meters, m)
		}
		return err
	})
	return meters, err
}
