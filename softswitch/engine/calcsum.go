package engine

import "github.com/corecast/corecast/softswitch/bmv2json"

// planSum finds out whether a checksum can be added up from words: all its
// fields are metadata, or all are of one header, none wider than 48 bits.
func (p *Program) planSum(d *calcDef, j *bmv2json.Calculation) {
	if d.payload || j.Algo != "csum16" && j.Algo != "cksum16" {
		return
	}
	var sum []sumPart
	var of *headerDef
	end := 0
	for _, v := range j.Input {
		end += v.Bits
		switch v.Kind {
		case bmv2json.KindHex:
			if v.Int.Sign() != 0 {
				return
			}
			continue
		case bmv2json.KindField:
		default:
			return
		}
		h, i, ok := p.layout.lookup(bmv2json.FieldRef{Header: v.Name, Field: v.Member})
		if !ok || h.fields[i].bits > 48 {
			return
		}
		owner := h
		if h.meta {
			owner = nil
		}
		if len(sum) > 0 && owner != of {
			return
		}
		f := h.fields[i]
		p.layout.touch(h.typ, i)
		end += f.bits
		of, sum = owner, append(sum, sumPart{slot: f.slot, shl: uint(-end & 15)})
	}
	d.sum, d.of = sum, of
}

// sumWords is csum16 of the fields, without putting them together first: the
// sum modulo 0xffff does not depend on which 16-bit word a field is in.
func (d *calcDef) sumWords(c *packet) uint64 {
	if d.of != nil && c.w[d.of.index] == 0 {
		return 0xffff
	}
	var sum uint64 // of less than 2^63: at most 48+15 bits each, folded at once
	for i := range d.sum {
		p := &d.sum[i]
		v := c.w[p.slot] << p.shl
		sum += v>>32 + v&0xffffffff
	}
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return ^sum & 0xffff
}
