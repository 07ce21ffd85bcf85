package engine

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"

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

var algorithms = map[string]func([]byte) uint64{
	"csum16":       func(b []byte) uint64 { return uint64(csum16(b)) },
	"cksum16":      func(b []byte) uint64 { return uint64(csum16(b)) },
	"crc32":        func(b []byte) uint64 { return uint64(crc32.ChecksumIEEE(b)) },
	"crc32_custom": func(b []byte) uint64 { return uint64(crc32.ChecksumIEEE(b)) }, // bmv2's initial configuration
	"crc16":        func(b []byte) uint64 { return uint64(crc16(b)) },
	"crc16_custom": func(b []byte) uint64 { return uint64(crc16(b)) },
	"crcCCITT":     func(b []byte) uint64 { return uint64(crcCCITT(b)) },
	"xor16":        func(b []byte) uint64 { return uint64(xor16(b)) },
	"identity":     identity,
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

// appendBits appends bits [from, from+count) of src to buf, which holds n
// bits; unused bits of its last byte are zero.
func appendBits(buf []byte, n int, src []byte, from, count int) []byte {
	if n%8 == 0 && from%8 == 0 {
		src = src[from/8:]
		buf = append(buf, src[:(count+7)/8]...)
		if r := count % 8; r != 0 {
			buf[len(buf)-1] &= 0xff << (8 - r)
		}
		return buf
	}
	for i := range count {
		if (n+i)%8 == 0 {
			buf = append(buf, 0)
		}
		bit := src[(from+i)/8] >> (7 - (from+i)%8) & 1
		buf[(n+i)/8] |= bit << (7 - (n+i)%8)
	}
	return buf
}

// csum16 is the Internet checksum.
func csum16(b []byte) uint16 {
	var sum, carry uint64
	for len(b) >= 32 {
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b), 0)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[8:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[16:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[24:]), carry)
		sum += carry // cannot overflow: a sum with carry is below its maximum
		b = b[32:]
	}
	for len(b) >= 8 {
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b), 0)
		sum += carry
		b = b[8:]
	}
	var tail [8]byte
	copy(tail[:], b)
	sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(tail[:]), 0)
	sum += carry
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum)
}

// crc16 is CRC-16/ARC: polynomial 0x8005, reflected.
func crc16(b []byte) uint16 {
	var r uint16
	for _, x := range b {
		r = r>>8 ^ crc16Table[byte(r)^x]
	}
	return r
}

// crcCCITT is CRC-16/IBM-3740: polynomial 0x1021 from 0xffff.
func crcCCITT(b []byte) uint16 {
	r := uint16(0xffff)
	for _, x := range b {
		r = r<<8 ^ ccittTable[byte(r>>8)^x]
	}
	return r
}

var crc16Table, ccittTable = crcTables()

func crcTables() (reflected, ccitt [256]uint16) {
	for i := range 256 {
		r, n := uint16(i), uint16(i)<<8
		for range 8 {
			if r&1 != 0 {
				r = r>>1 ^ 0xa001
			} else {
				r >>= 1
			}
			if n&0x8000 != 0 {
				n = n<<1 ^ 0x1021
			} else {
				n <<= 1
			}
		}
		reflected[i], ccitt[i] = r, n
	}
	return reflected, ccitt
}

func xor16(b []byte) uint16 {
	var x uint16
	for ; len(b) >= 2; b = b[2:] {
		x ^= binary.BigEndian.Uint16(b)
	}
	if len(b) == 1 {
		x ^= uint16(b[0]) << 8
	}
	return x
}

// identity is the first 8 bytes as a number.
func identity(b []byte) uint64 {
	var v uint64
	for _, x := range b[:min(8, len(b))] {
		v = v<<8 | uint64(x)
	}
	return v
}

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
