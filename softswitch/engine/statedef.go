package engine

import (
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// buildState declares registers, counters and meters.
func (p *Program) buildState(j *bmv2json.Program) error {
	total := 0
	charge := func(name string, src *bmv2json.Source, size, each int) error {
		if size < 0 || each < 0 || each > 0 && size > maxStateBytes/each {
			return at(src, fmt.Errorf("%s: size %d is out of range", name, size))
		}
		if total += size * each; total > maxStateBytes {
			return at(src, fmt.Errorf("%s: registers, counters and meters need more than %d bytes", name, maxStateBytes))
		}
		return nil
	}
	for i := range j.Registers {
		r := &j.Registers[i]
		if r.Bits < 1 || r.Bits > maxHeaderBytes*8 {
			return at(r.Source, fmt.Errorf("register %s: %d bits: want 1 to %d", r.Name, r.Bits, maxHeaderBytes*8))
		}
		if err := charge(r.Name, r.Source, r.Size, max(8, (r.Bits+7)/8)); err != nil {
			return err
		}
		d := &registerDef{info: &RegisterInfo{Name: r.Name, ID: r.ID, Size: r.Size, Bits: r.Bits}, index: len(p.registerList)}
		p.registers[r.Name] = d
		p.registerList = append(p.registerList, d)
	}
	for i := range j.Counters {
		c := &j.Counters[i]
		info := &CounterInfo{Name: c.Name, ID: c.ID, Size: c.Size}
		p.counterInfos = append(p.counterInfos, info)
		if c.Direct {
			info.Size, info.Direct = 0, c.Binding
			continue
		}
		if err := charge(c.Name, c.Source, c.Size, 16); err != nil {
			return err
		}
		d := &counterDef{info: info, index: len(p.counterList)}
		p.counters[c.Name] = d
		p.counterList = append(p.counterList, d)
	}
	for i := range j.Meters {
		if err := p.addMeter(&j.Meters[i], charge); err != nil {
			return err
		}
	}
	return nil
}

func (p *Program) addMeter(m *bmv2json.Meter, charge func(string, *bmv2json.Source, int, int) error) error {
	if m.Rates < 1 || m.Rates > 2 {
		return unsupported(fmt.Sprintf("meter %s with %d rates", m.Name, m.Rates), m.Source)
	}
	if m.Type != "packets" && m.Type != "bytes" {
		return at(m.Source, fmt.Errorf("meter %s: type %q: want packets or bytes", m.Name, m.Type))
	}
	info := &MeterInfo{Name: m.Name, ID: m.ID, Size: m.Size, Bytes: m.Type == "bytes", Rates: m.Rates}
	p.meterInfos = append(p.meterInfos, info)
	d := &meterDef{info: info}
	if m.Direct {
		info.Size, info.Direct = 0, m.Binding
		if m.Result == nil {
			return at(m.Source, fmt.Errorf("direct meter %s has no result field", m.Name))
		}
		f, err := p.layout.field(m.Result.Header, m.Result.Field)
		if err == nil {
			err = p.layout.write(f)
		}
		if err != nil {
			return at(m.Source, fmt.Errorf("direct meter %s: %w", m.Name, err))
		}
		d.put = (&gen{p: p}).assign(fieldNode(f), fieldNode(p.result))
		p.directMeters[m.Name] = d
		return nil
	}
	if err := charge(m.Name, m.Source, m.Size, 200); err != nil {
		return err
	}
	d.index = len(p.meterList)
	p.meters[m.Name] = d
	p.meterList = append(p.meterList, d)
	return nil
}

// The metadata below is what a control plane needs; what it returns must not
// be changed.

// Tables returns all tables, in the order of the JSON.
func (p *Program) Tables() []*TableInfo {
	var out []*TableInfo
	for _, t := range p.tables {
		out = append(out, t.info)
	}
	return out
}

// Table returns the table of that name.
func (p *Program) Table(name string) (*TableInfo, bool) {
	if t := p.tableByName[name]; t != nil {
		return t.info, true
	}
	return nil, false
}

// Actions returns all actions, in the order of the JSON.
func (p *Program) Actions() []*ActionInfo {
	var out []*ActionInfo
	for _, a := range p.actions {
		out = append(out, a.info)
	}
	return out
}

// Counters returns all counters, indexed and direct.
func (p *Program) Counters() []*CounterInfo { return p.counterInfos }

// Registers returns all register arrays.
func (p *Program) Registers() []*RegisterInfo {
	var out []*RegisterInfo
	for _, r := range p.registerList {
		out = append(out, r.info)
	}
	return out
}

// Meters returns all meters, indexed and direct.
func (p *Program) Meters() []*MeterInfo { return p.meterInfos }

// Digests returns all digests.
func (p *Program) Digests() []*DigestInfo { return p.digestInfos }
