package engine

import (
	"encoding/binary"
)

// Headers between a packet's bytes and its slots.

// setValid makes h valid with all fields zero, unless it is valid.
func (c *packet) setValid(h *headerDef) {
	if c.w[h.index] != 0 {
		return
	}
	c.w[h.index] = 1
	c.hdr[h.index] = hdrState{} // offset 0: zeros
}

// setInvalid makes h invalid; its fields read 0 from now on.
func (c *packet) setInvalid(h *headerDef) {
	if c.w[h.index] == 0 {
		return
	}
	c.w[h.index] = 0
	for _, s := range h.clearSlots {
		c.w[s] = 0
	}
	for i := range h.extractWide {
		c.off[h.extractWide[i].slot] = 0
	}
}

// extract makes h valid with the bytes at offset o of mem.
func (c *packet) extract(h *headerDef, o int) {
	c.w[h.index] = 1
	c.hdr[h.index] = hdrState{raw: int32(o)}
	mem, w := c.mem, c.w
	for i := range h.loads {
		k := &h.loads[i]
		v := binary.BigEndian.Uint64(mem[o+k.off:])
		for _, p := range k.pieces {
			w[p.slot] = v << (p.shl & 63) >> (p.shr & 63)
		}
	}
	for i := range h.oddLoads {
		m := &h.oddLoads[i]
		w[m.slot] = m.load(mem[o+m.off:])
	}
	for i := range h.extractWide {
		m := &h.extractWide[i]
		if m.aligned {
			c.off[m.slot] = int32(o + m.off)
			continue
		}
		getBits(mem[m.home:m.home+m.bytes], mem[o+m.off:], m.shift, m.bits)
		c.off[m.slot] = int32(m.home)
	}
}

// load reads a field of nine bytes from b, which holds the header from m.off on.
func (m *wordMove) load(b []byte) uint64 {
	return (binary.BigEndian.Uint64(b)<<m.ninth | uint64(b[8])>>(8-m.ninth)) & m.mask
}

// emit writes h's bytes to b, which has slack after them.
func (c *packet) emit(h *headerDef, b []byte) {
	s := c.hdr[h.index]
	if s.dirty && h.whole != nil {
		copy(b[:h.size], c.mem[c.off[h.whole.slot]:])
		return
	}
	raw := c.mem[s.raw:]
	if !s.dirty || !h.overlaid {
		copy(b[:h.size], raw)
		if !s.dirty {
			return
		}
	}
	for i := range h.overlay {
		k := &h.overlay[i]
		v := binary.BigEndian.Uint64(raw[k.off:]) &^ k.mask
		for _, p := range k.pieces {
			v |= c.w[p.slot] << p.shl >> p.shr
		}
		binary.BigEndian.PutUint64(b[k.off:], v)
	}
	for i := range h.overlayWide {
		m := &h.overlayWide[i]
		v := c.mem[c.off[m.slot]:][:m.bytes]
		if m.aligned {
			copy(b[m.off:], v)
		} else {
			putBits(b[m.off:], v, m.shift, m.bits)
		}
	}
}

// copyHeader assigns src to dst, two headers of one type.
func (c *packet) copyHeader(dst, src *headerDef) {
	if dst == src {
		return
	}
	if c.w[src.index] == 0 {
		c.setInvalid(dst)
		return
	}
	c.w[dst.index] = 1
	c.hdr[dst.index] = c.hdr[src.index]
	for i := range src.extractWords {
		c.w[dst.extractWords[i].slot] = c.w[src.extractWords[i].slot]
	}
	for i := range src.extractWide {
		c.copyWide(&dst.extractWide[i], &src.extractWide[i])
	}
}

// copyWide copies a wide field: bytes of the frame never change and are
// shared, those in a home are copied.
func (c *packet) copyWide(dst, src *wideMove) {
	o := c.off[src.slot]
	if int(o) == src.home {
		copy(c.mem[dst.home:dst.home+dst.bytes], c.mem[src.home:])
		o = int32(dst.home)
	}
	c.off[dst.slot] = o
}
