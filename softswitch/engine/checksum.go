package engine

import (
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// checksumDef verifies or updates a field with a calculation.
type checksumDef struct {
	calc   *calcDef
	target *fieldLoc
	when   *node  // condition
	cond   boolFn // when, compiled; nil is always
	put    step   // stores Program.result
}

func (p *Program) compileChecksum(j *bmv2json.Checksum) (*checksumDef, error) {
	if j.Type != "generic" {
		return nil, unsupported(fmt.Sprintf("checksum %s of type %s", j.Name, j.Type), j.Source)
	}
	calc := p.calcs[j.Calculation]
	if calc == nil {
		return nil, at(j.Source, fmt.Errorf("checksum %s: no calculation %s", j.Name, j.Calculation))
	}
	f, err := p.layout.field(j.Target.Header, j.Target.Field)
	if err != nil {
		return nil, at(j.Source, fmt.Errorf("checksum %s: %w", j.Name, err))
	}
	if f.wide() {
		return nil, unsupported(fmt.Sprintf("checksum %s into a field of %d bits", j.Name, f.bits), j.Source)
	}
	d := &checksumDef{calc: calc, target: f, when: truthNode(true)}
	s := &scope{p: p}
	if j.If != nil {
		n, err := s.truth(j.If)
		if err != nil {
			return nil, at(j.Source, fmt.Errorf("checksum %s: condition: %w", j.Name, err))
		}
		d.when, d.cond = n, s.gen().truth(n)
	}
	if j.Update == nil || *j.Update {
		if err := p.layout.write(f); err != nil {
			return nil, err
		}
		d.put = s.gen().assign(fieldNode(f), fieldNode(p.result))
	}
	return d, nil
}

// verify says whether the target holds the calculation's result; a target
// that is not valid passes.
func (d *checksumDef) verify(c *packet) bool {
	h := d.target.hdr
	if !h.meta && c.w[h.index] == 0 || d.cond != nil && !d.cond(c) {
		return true
	}
	return d.calc.output(c) == c.w[d.target.slot]
}

func (d *checksumDef) update(c *packet) {
	if d.cond == nil || d.cond(c) {
		c.w[c.dp.prog.result.slot] = d.calc.output(c)
		d.put(c)
	}
}
