package engine

import (
	"encoding/binary"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// planSum finds out whether a checksum can be added up from words: all its
// fields are metadata, or all are of one header, none wider than 48 bits.
func (p *Program) planSum(d *calcDef, j *bmv2json.Calculation) {
	if d.payload || j.Algo != "csum16" && j.Algo != "cksum16" {
		return
	}
	var sum []sumPart
	var of *headerDef
	var fields []*fieldLoc
	end, raw := 0, true
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
		raw = raw && owner != nil && (f.bitOff+f.bits-end)%16 == 0
		fields = append(fields, f)
	}
	d.sum, d.of = sum, of
	if raw {
		d.sumRaw = rawSum(fields)
	}
}

// rawSum returns the bits of a header that belong to some fields, 8 bytes at a
// time; nil if a field is there twice.
func rawSum(fields []*fieldLoc) (chunks []uint64) {
	for _, f := range fields {
		for bit := f.bitOff; bit < f.bitOff+f.bits; bit++ {
			for len(chunks) <= bit/64 {
				chunks = append(chunks, 0)
			}
			one := uint64(1) << (63 - bit%64)
			if chunks[bit/64]&one != 0 {
				return nil
			}
			chunks[bit/64] |= one
		}
	}
	return chunks
}

// sumWords is csum16 of the fields, without putting them together first: the
// sum modulo 0xffff does not depend on which 16-bit word a field is in.
func (d *calcDef) sumWords(c *packet) uint64 {
	if d.of != nil && c.w[d.of.index] == 0 {
		return 0xffff
	}
	var sum uint64 // of less than 2^63: at most 48+15 bits each, folded at once
	if d.sumRaw != nil && !c.hdr[d.of.index].dirty {
		raw := c.mem[c.hdr[d.of.index].raw:]
		for i := range d.sumRaw {
			v := binary.BigEndian.Uint64(raw[8*i:]) & d.sumRaw[i]
			sum += v>>32 + v&0xffffffff
		}
	} else {
		for i := range d.sum {
			p := &d.sum[i]
			v := c.w[p.slot] << p.shl
			sum += v>>32 + v&0xffffffff
		}
	}
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return ^sum & 0xffff
}
