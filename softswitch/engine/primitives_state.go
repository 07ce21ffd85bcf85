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
		if st := readWord(dst, r, o[2], s); st != nil {
			return st, nil
		}
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
	return readWide(dst.field, r, idx), nil
}

// readWord reads a cell into a metadata field that holds it, at an index that
// is a plain field; nil if the operands are others.
func readWord(dst *node, r *registerDef, index *bmv2json.Value, s *scope) step {
	n, err := s.data(index)
	if err != nil || dst.op != "field" || dst.field.wide() || !dst.field.hdr.meta || dst.field.bits < r.info.Bits {
		return nil
	}
	to, at := dst.field.slot, r.index
	from, ok := n.plainSlot()
	if !ok {
		return nil
	}
	return func(c *packet) {
		cells := c.dp.registers[at].words
		if i := c.w[from]; i < uint64(len(cells)) {
			c.w[to] = cells[i]
			return
		}
		c.dp.stats.RegisterRange++
		c.w[to] = 0
	}
}

// readWide copies a wide cell to the field's home.
func readWide(f *fieldLoc, r *registerDef, idx wordFn) step {
	slot, home, size, hdr, meta := f.slot, f.home, f.bytes(), f.hdr.index, f.hdr.meta
	return func(c *packet) {
		if !meta {
			if c.w[hdr] == 0 {
				return
			}
			c.hdr[hdr].dirty = true
		}
		cells := c.dp.registers[r.index].bytes
		i := idx(c)
		if i >= uint64(r.info.Size) {
			c.dp.stats.RegisterRange++
			c.off[slot] = 0
			return
		}
		copy(c.mem[home:home+size], cells[int(i)*size:])
		c.off[slot] = int32(home)
	}
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
	return func(c *packet) {
		cells := c.dp.counters[at]
		i := idx(c)
		if i >= uint64(len(cells)) {
			c.dp.stats.CounterRange++
			return
		}
		cells[i].Packets++
		cells[i].Bytes += uint64(c.inLen)
	}, nil
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
	return s.storeUnless(dst, func(c *packet) (uint64, bool) {
		cells := c.dp.meters[at]
		i := idx(c)
		if i >= uint64(len(cells)) {
			c.dp.stats.MeterRange++
			return 0, false
		}
		return cells[i].run(c.dp.micros(), m.units(c)), true
	}), nil
}
