package engine

import (
	"encoding/binary"
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// calcDef is a named calculation: an algorithm over a list of fields. As in
// bmv2, what belongs to a header that is not valid is skipped.
type calcDef struct {
	name    string
	algo    func([]byte) uint64
	parts   []calcPart
	payload bool

	// The Internet checksum of fields in words needs no bytes; see sumWords.
	sum    []sumPart
	sumRaw []uint64   // masks of the bytes of a header as received, to the same end
	of     *headerDef // they belong to; nil is metadata
}

// sumPart is a field and how far it is from the end of its 16-bit word.
type sumPart struct {
	slot int
	shl  uint
}

// calcPart appends bits to the input: a bit range of a header, a metadata
// field, or a constant.
type calcPart struct {
	hdr   *headerDef // header range
	from  int        // bit
	bits  int
	field *fieldLoc // metadata field
	konst []byte    // right-aligned
}

func (p *Program) compileCalc(j *bmv2json.Calculation) (*calcDef, error) {
	algo := algorithms[j.Algo]
	if algo == nil {
		return nil, unsupported(fmt.Sprintf("calculation %s: algorithm %s", j.Name, j.Algo), j.Source)
	}
	d := &calcDef{name: j.Name, algo: algo}
	defer func() { p.planSum(d, j) }()
	for _, v := range j.Input {
		if v.Kind == bmv2json.KindPayload {
			d.payload = true
			continue
		}
		part, err := p.calcPart(v)
		if err != nil {
			return nil, at(j.Source, fmt.Errorf("calculation %s: %w", j.Name, err))
		}
		d.add(part)
	}
	return d, nil
}

func (p *Program) calcPart(v *bmv2json.Value) (calcPart, error) {
	switch {
	case v.Kind == bmv2json.KindHex:
		if v.Bits < 1 || v.Bits > maxHeaderBytes*8 || v.Int.Sign() < 0 || v.Int.BitLen() > v.Bits {
			return calcPart{}, fmt.Errorf("constant %s does not fit its bitwidth %d", v.Int, v.Bits)
		}
		return calcPart{bits: v.Bits, konst: v.Int.FillBytes(make([]byte, (v.Bits+7)/8))}, nil
	case v.Kind == bmv2json.KindNamed && v.Type == "header":
		h, err := p.layout.header(v.Name)
		if err != nil {
			return calcPart{}, err
		}
		if h.meta {
			return calcPart{}, fmt.Errorf("whole metadata %s: %w", h.name, ErrUnsupported)
		}
		return calcPart{hdr: h, bits: h.size * 8}, nil
	case v.Kind == bmv2json.KindField:
		h, i, ok := p.layout.lookup(bmv2json.FieldRef{Header: v.Name, Field: v.Member})
		if !ok {
			return calcPart{}, fmt.Errorf("no field %s.%s", v.Name, v.Member)
		}
		f := h.fields[i]
		if h.meta {
			p.layout.touch(h.typ, i)
			return calcPart{field: f, bits: f.bits}, nil
		}
		return calcPart{hdr: h, from: f.bitOff, bits: f.bits}, nil
	}
	return calcPart{}, fmt.Errorf("input of type %s: %w", v.Type, ErrUnsupported)
}

// add appends a part, joined to the last one where the bits are adjacent.
func (d *calcDef) add(part calcPart) {
	if n := len(d.parts); n > 0 && part.hdr != nil {
		last := &d.parts[n-1]
		if last.hdr == part.hdr && last.from+last.bits == part.from {
			last.bits += part.bits
			return
		}
	}
	d.parts = append(d.parts, part)
}

// output runs the calculation on the packet as it is.
func (d *calcDef) output(c *packet) uint64 {
	if d.sum != nil {
		return d.sumWords(c)
	}
	dp := c.dp
	buf, n := dp.calcBuf[:0], 0 // n bits
	for i := range d.parts {
		part := &d.parts[i]
		switch {
		case part.hdr != nil:
			if c.w[part.hdr.index] == 0 {
				continue
			}
			buf = appendBits(buf, n, dp.headerBytes(c, part.hdr), part.from, part.bits)
		case part.field != nil:
			buf = d.appendField(c, buf, n, part.field)
		default:
			buf = appendBits(buf, n, part.konst, len(part.konst)*8-part.bits, part.bits)
		}
		n += part.bits
	}
	if d.payload {
		buf = append(buf, c.payload()...)
	}
	dp.calcBuf = buf
	return d.algo(buf)
}

func (d *calcDef) appendField(c *packet, buf []byte, n int, f *fieldLoc) []byte {
	size := f.bytes()
	if f.wide() {
		return appendBits(buf, n, c.mem[c.off[f.slot]:][:size], size*8-f.bits, f.bits)
	}
	if n%8 == 0 && f.bits%8 == 0 {
		return binary.BigEndian.AppendUint64(buf, c.w[f.slot]<<uint(64-f.bits))[:len(buf)+size]
	}
	binary.BigEndian.PutUint64(c.dp.calcWord[:], c.w[f.slot])
	return appendBits(buf, n, c.dp.calcWord[:], 64-f.bits, f.bits)
}

// headerBytes returns a valid header as it would be deparsed now.
func (d *Dataplane) headerBytes(c *packet, h *headerDef) []byte {
	s := c.hdr[h.index]
	if !s.dirty {
		return c.mem[s.raw:][:h.size]
	}
	c.emit(h, d.hdrBuf)
	return d.hdrBuf[:h.size]
}
