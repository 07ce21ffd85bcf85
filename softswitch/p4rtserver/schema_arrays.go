package p4rtserver

import (
	configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"

	"github.com/corecast/corecast/softswitch/engine"
)

// The arrays of a program: counters, registers and meters, indexed and direct.

type counter struct {
	id   uint32
	name string
	size int
}

type register struct {
	id    uint32
	name  string
	size  int
	width int
}

type meter struct {
	id   uint32
	name string
	size int
}

func (s *schema) addCounters(info *configv1.P4Info, prog *engine.Program) error {
	known := map[string]*engine.CounterInfo{}
	for _, c := range prog.Counters() {
		known[c.Name] = c
	}
	for _, c := range info.Counters {
		name, id := c.GetPreamble().GetName(), c.GetPreamble().GetId()
		k := known[name]
		if k == nil || k.Direct != "" {
			return invalid("P4Info: counter %q is not in the device config", name)
		}
		if int64(k.Size) != c.Size {
			return invalid("P4Info: counter %q has %d cells, in the device config %d", name, c.Size, k.Size)
		}
		out := &counter{id: id, name: name, size: k.Size}
		s.counters[id] = out
		s.counterList = append(s.counterList, out)
	}
	return nil
}

func (s *schema) addDirectCounters(info *configv1.P4Info, prog *engine.Program) error {
	for _, c := range info.DirectCounters {
		t := s.tables[c.DirectTableId]
		if t == nil {
			return invalid("P4Info: direct counter %q is of table %d, which is not in the P4Info", c.GetPreamble().GetName(), c.DirectTableId)
		}
		if known, ok := prog.Table(t.name); !ok || known.DirectCounter == "" {
			return invalid("P4Info: direct counter %q: table %q has none in the device config", c.GetPreamble().GetName(), t.name)
		}
		t.counted = true
		s.directCounters[c.GetPreamble().GetId()] = t
	}
	return nil
}

func (s *schema) addRegisters(info *configv1.P4Info, prog *engine.Program) error {
	known := map[string]*engine.RegisterInfo{}
	for _, r := range prog.Registers() {
		known[r.Name] = r
	}
	for _, r := range info.Registers {
		name, id := r.GetPreamble().GetName(), r.GetPreamble().GetId()
		k := known[name]
		if k == nil {
			return invalid("P4Info: register %q is not in the device config", name)
		}
		width := r.GetTypeSpec().GetBitstring().GetBit().GetBitwidth()
		if width == 0 {
			continue // not of plain bits, so P4Runtime has no simple value for it
		}
		if int(width) != k.Bits || int(r.Size) != k.Size {
			return invalid("P4Info: register %q has %d cells of %d bits, in the device config %d of %d", name, r.Size, width, k.Size, k.Bits)
		}
		out := &register{id: id, name: name, size: k.Size, width: k.Bits}
		s.registers[id] = out
		s.registerList = append(s.registerList, out)
	}
	return nil
}

func (s *schema) addMeters(info *configv1.P4Info, prog *engine.Program) error {
	known := map[string]*engine.MeterInfo{}
	for _, m := range prog.Meters() {
		known[m.Name] = m
	}
	for _, m := range info.Meters {
		name, id := m.GetPreamble().GetName(), m.GetPreamble().GetId()
		k := known[name]
		if k == nil || k.Direct != "" {
			return invalid("P4Info: meter %q is not in the device config", name)
		}
		if int64(k.Size) != m.Size {
			return invalid("P4Info: meter %q has %d cells, in the device config %d", name, m.Size, k.Size)
		}
		out := &meter{id: id, name: name, size: k.Size}
		s.meters[id] = out
		s.meterList = append(s.meterList, out)
	}
	for _, m := range info.DirectMeters {
		if t := s.tables[m.DirectTableId]; t == nil || !t.metered {
			return invalid("P4Info: direct meter %q is of table %d, which has none in the device config", m.GetPreamble().GetName(), m.DirectTableId)
		}
	}
	return nil
}
