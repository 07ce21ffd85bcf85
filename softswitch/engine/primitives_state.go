package engine

import (
	"fmt"

	"github.com/corecast/corecast/softswitch/bmv2json"
)

// Primitives on registers, counters and meters.

func (s *scope) primRegisterRead(o operands) (step, error) {
	dst, err := s.target(o[0])
	if err != nil {
		return nil, err
	}
	r, idx, err := s.registerAt(o[1], o[2])
	if err != nil {
		return nil, err
	}
	if !r.wide() {
		return s.storeUnless(dst, func(c *packet) (uint64, bool) {
			cells := c.dp.registers[r.index].words
			if i := idx(c); i < uint64(len(cells)) {
				return cells[i], true
			}
			c.dp.stats.RegisterRange++
			return 0, true
		}), nil
	}
	if dst.op != "field" || dst.field.bits != r.info.Bits {
		return nil, fmt.Errorf("register %s of %d bits read into a field of another width: %w", r.info.Name, r.info.Bits, ErrUnsupported)
	}
	read := wideRead{dst.field, r}
	return func(c *packet) { c.readWide(&read, idx(c)) }, nil
}

// directMove returns the move that does what a primitive does: a register read,
// a write of a field, a meter into metadata, or a count, at an index that is a
// plain field.
func (s *scope) directMove(p *bmv2json.Primitive) *directMove {
	switch p.Op {
	case "register_read":
		r := s.p.registers[p.Params[1].Name]
		dst, err1 := s.target(p.Params[0])
		n, err2 := s.data(p.Params[2])
		if r == nil || err1 != nil || err2 != nil || dst.op != "field" || r.wide() != dst.field.wide() || !r.wide() && !dst.field.hdr.meta {
			return nil
		}
		if at, ok := n.plainSlot(); ok && r.wide() {
			s.p.wideReads = append(s.p.wideReads, wideRead{dst.field, r})
			return &directMove{move: move{op: moveReadWide, src: int32(at), with: int32(len(s.p.wideReads) - 1)}}
		} else if ok {
			return direct(n, move{op: moveRead, dst: int32(dst.field.slot), src: int32(at), with: int32(r.index), keep: widthMask(dst.field.bits)})
		}
	case "execute_meter":
		dst, err1 := s.target(p.Params[2])
		n, err2 := s.data(p.Params[1])
		if err1 != nil || err2 != nil || dst.op != "field" || dst.field.wide() || !dst.field.hdr.meta {
			return nil
		}
		if at, ok := n.plainSlot(); ok {
			with := s.p.meters[p.Params[0].Name].index
			return direct(n, move{op: moveMeter, dst: int32(dst.field.slot), src: int32(at), with: int32(with), keep: widthMask(dst.field.bits)})
		}
	case "register_write":
		r := s.p.registers[p.Params[0].Name]
		n, err1 := s.data(p.Params[1])
		v, err2 := s.data(p.Params[2])
		if r == nil || r.wide() || err1 != nil || err2 != nil {
			return nil
		}
		at, ok1 := n.plainSlot()
		if value, ok2 := v.plainSlot(); ok1 && ok2 {
			return direct(n, move{op: moveWrite, src: int32(at), dst: int32(value), with: int32(r.index), keep: widthMask(r.info.Bits)})
		}
	case "count":
		n, err := s.data(p.Params[1])
		if err != nil {
			return nil
		}
		if at, ok := n.plainSlot(); ok {
			return direct(n, move{op: moveCount, src: int32(at), with: int32(s.p.counters[p.Params[0].Name].index)})
		}
	}
	return nil
}

func direct(index *node, m move) *directMove {
	m.mask = allBits
	return &directMove{move: m, index: index.field}
}

// count counts a packet in a cell of a counter array.
func (d *Dataplane) count(counter int, at uint64, length int) {
	cells := d.counters[counter]
	if at >= uint64(len(cells)) {
		d.stats.CounterRange++
		return
	}
	cells[at].Packets++
	cells[at].Bytes += uint64(length)
}

// wideRead is a field that a cell of its width is read into.
type wideRead struct {
	field *fieldLoc
	from  *registerDef
}

// readWide copies a wide cell to the field's home.
func (c *packet) readWide(r *wideRead, at uint64) {
	f := r.field
	if h := f.hdr; !h.meta {
		if c.w[h.index] == 0 {
			return
		}
		c.hdr[h.index].dirty = true
	}
	if at >= uint64(r.from.info.Size) {
		c.dp.stats.RegisterRange++
		c.off[f.slot] = 0
		return
	}
	size := f.bytes()
	copy(c.mem[f.home:f.home+size], c.dp.registers[r.from.index].bytes[int(at)*size:])
	c.off[f.slot] = int32(f.home)
}

func (s *scope) primRegisterWrite(o operands) (step, error) {
	r, idx, err := s.registerAt(o[0], o[1])
	if err != nil {
		return nil, err
	}
	src, err := s.data(o[2])
	if err != nil {
		return nil, err
	}
	g := s.gen()
	if !r.wide() {
		x, mask := g.word(src), widthMask(r.info.Bits)
		return func(c *packet) {
			cells := c.dp.registers[r.index].words
			if i := idx(c); i < uint64(len(cells)) {
				cells[i] = x(c) & mask
				return
			}
			c.dp.stats.RegisterRange++
		}, nil
	}
	return g.writeWide(r, idx, src), nil
}

func (g *gen) writeWide(r *registerDef, idx wordFn, src *node) step {
	size, width := (r.info.Bits+7)/8, r.info.Bits
	cell := func(c *packet) []byte {
		i := idx(c)
		if i >= uint64(r.info.Size) {
			c.dp.stats.RegisterRange++
			return nil
		}
		return c.dp.registers[r.index].bytes[int(i)*size:][:size]
	}
	if src.op == "field" && src.field.bits == width {
		slot := src.field.slot
		return func(c *packet) {
			if b := cell(c); b != nil {
				copy(b, c.mem[c.off[slot]:])
			}
		}
	}
	words := (width + 63) / 64
	lo, hi := g.temp(words)
	defer g.release(lo)
	x := g.wide(src, words)
	return func(c *packet) {
		if b := cell(c); b != nil {
			x(c, c.tmp[lo:hi])
			storeWords(b, c.tmp[lo:hi], width)
		}
	}
}

func (s *scope) registerAt(name, index *bmv2json.Value) (*registerDef, wordFn, error) {
	r := s.p.registers[name.Name]
	if r == nil {
		return nil, nil, fmt.Errorf("no register array %q", name.Name)
	}
	n, err := s.data(index)
	if err != nil {
		return nil, nil, err
	}
	return r, s.gen().exactUint(n), nil
}

func (s *scope) primCount(o operands) (step, error) {
	ctr := s.p.counters[o[0].Name]
	if ctr == nil {
		return nil, fmt.Errorf("no indexed counter %q", o[0].Name)
	}
	n, err := s.data(o[1])
	if err != nil {
		return nil, err
	}
	idx, at := s.gen().exactUint(n), ctr.index
	return func(c *packet) { c.dp.count(at, idx(c), c.inLen) }, nil
}

func (s *scope) primMeter(o operands) (step, error) {
	m := s.p.meters[o[0].Name]
	if m == nil {
		return nil, fmt.Errorf("no indexed meter %q", o[0].Name)
	}
	n, err := s.data(o[1])
	if err != nil {
		return nil, err
	}
	dst, err := s.target(o[2])
	if err != nil {
		return nil, err
	}
	idx, at := s.gen().exactUint(n), m.index
	return s.storeUnless(dst, func(c *packet) (uint64, bool) { return c.meter(at, idx(c)) }), nil
}

// meter runs a cell of a meter array; false is a cell that does not exist.
func (c *packet) meter(array int, at uint64) (color uint64, ok bool) {
	cells := c.dp.meters[array]
	if at >= uint64(len(cells)) {
		c.dp.stats.MeterRange++
		return 0, false
	}
	m := &cells[at]
	if !m.configured {
		return 0, true
	}
	return m.run(c.dp.micros(), c.dp.prog.meterList[array].units(c)), true
}
