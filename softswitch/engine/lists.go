package engine

import (
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// Field lists: what survives a clone, resubmit or recirculation, and what a
// digest tells.

type digestDef struct {
	info   *DigestInfo
	fields []*fieldLoc
}

func (p *Program) buildLists(j *bmv2json.Program) error {
	for i := range j.FieldLists {
		fields, err := p.listFields(&j.FieldLists[i])
		if err != nil {
			return err
		}
		p.fieldLists[j.FieldLists[i].ID] = fields
	}
	for i := range j.LearnLists {
		l := &j.LearnLists[i]
		fields, err := p.listFields(l)
		if err != nil {
			return err
		}
		d := &digestDef{info: &DigestInfo{Name: l.Name, ID: l.ID}, fields: fields}
		for _, f := range fields {
			d.info.Fields = append(d.info.Fields, ParamInfo{Name: f.String(), Bits: f.bits})
		}
		p.digestByID[l.ID] = d
		p.digestInfos = append(p.digestInfos, d.info)
	}
	return nil
}

func (p *Program) listFields(l *bmv2json.FieldList) ([]*fieldLoc, error) {
	fields := []*fieldLoc{}
	for _, v := range l.Elements {
		if v.Kind != bmv2json.KindField {
			return nil, unsupported(fmt.Sprintf("element of type %s in list %s", v.Type, l.Name), l.Source)
		}
		f, err := p.layout.field(v.Name, v.Member)
		if err != nil {
			return nil, at(l.Source, fmt.Errorf("list %s: %w", l.Name, err))
		}
		fields = append(fields, f)
	}
	return fields, nil
}
