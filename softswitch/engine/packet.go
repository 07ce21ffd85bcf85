package engine

import (
	"encoding/binary"
)

// slack is how far 8-byte loads and stores may reach past a field.
const slack = 16

// hdrState is what a valid header has besides its fields.
type hdrState struct {
	raw   int32 // offset in packet.mem of the bytes it was extracted from
	dirty bool  // a field was written since
}

// packet is the context of one packet: header fields, metadata and the frame.
// It is reused; reset clears what the last packet left.
type packet struct {
	dp *Dataplane
	l  *layout

	w    []uint64   // validity words, then fields of up to 64 bits
	off  []int32    // offsets of wide fields in mem
	hdr  []hdrState // per header
	next []int      // per stack: index of the next element
	mem  []byte     // zeros, homes, frame, slack
	tmp  []uint64   // scratch of wide expressions

	frame, end int // the received frame in mem
	pos        int // what the parser has consumed, in mem
	trunc      int // limit of get_data_size, see truncate
	limit      int // of a clone session's copies; 0 is none

	args  []uint64 // parameters of the running action
	wargs []byte

	inPort   uint32
	inLen    int // counted by counters and meters
	length   int // bmv2's packet length register
	parseErr uint64
	sumErr   bool
	exit     bool
	passes   int
	at       *block // where ingress left it; nil if nothing is known

	cloneSession uint32 // valid if cloneSet
	cloneSet     bool
	cloneList    int
	digestID     int
	resubmitID   int
	recircID     int
}

const noTrunc = int(^uint(0) >> 1)

func newPacket(d *Dataplane) *packet {
	l := d.prog.layout
	return &packet{
		dp: d, l: l,
		w: make([]uint64, l.words), off: make([]int32, l.wides), hdr: make([]hdrState, len(l.headers)),
		next: make([]int, len(l.stackAt)), mem: make([]byte, l.homes+2048+slack), tmp: make([]uint64, d.prog.tmpWords),
	}
}

// load makes frame the packet's content.
func (c *packet) load(frame []byte) {
	c.frame = c.l.homes
	c.end = c.frame + len(frame)
	c.grow(c.end)
	copy(c.mem[c.frame:], frame)
	c.trunc = noTrunc
}

func (c *packet) grow(end int) {
	if end+slack > len(c.mem) {
		mem := make([]byte, end+slack)
		copy(mem, c.mem)
		c.mem = mem
	}
}

// reset clears fields, metadata and stacks: all of a packet but its frame.
func (c *packet) reset() {
	clear(c.w)
	clear(c.off)
	clear(c.next)
	c.resetFlags()
	c.pos = c.frame
	c.parseErr, c.sumErr, c.exit, c.at = 0, false, false, nil
}

// resetMetadata clears the metadata headers only.
func (c *packet) resetMetadata() {
	for _, h := range c.dp.prog.metaHeaders {
		for _, s := range h.clearSlots {
			c.w[s] = 0
		}
		for i := range h.extractWide {
			c.off[h.extractWide[i].slot] = 0
		}
	}
}

// resetFlags is bmv2's RegisterAccess::clear_all.
func (c *packet) resetFlags() {
	c.cloneSet, c.cloneSession, c.cloneList = false, 0, 0
	c.digestID, c.resubmitID, c.recircID = 0, 0, 0
}

// copyFrom makes c a replica of s, as bmv2's clone_with_phv does: flags are
// cleared, and what truncate allowed is all that is left of the payload.
func (c *packet) copyFrom(s *packet) {
	copy(c.w, s.w)
	copy(c.off, s.off)
	copy(c.hdr, s.hdr)
	copy(c.next, s.next)
	end := s.end
	if s.trunc < s.end-s.pos {
		end = s.pos + s.trunc
	}
	c.grow(end)
	copy(c.mem[s.frame:end], s.mem[s.frame:end])
	homes := int32(c.l.homes)
	for i, o := range s.off {
		if o != 0 && o < homes {
			copy(c.mem[o:o+c.l.wideBytes[i]], s.mem[o:])
		}
	}
	c.frame, c.end, c.pos, c.trunc = s.frame, end, s.pos, noTrunc
	c.inPort, c.inLen, c.length, c.passes, c.limit = s.inPort, s.inLen, s.length, s.passes, s.limit
	c.parseErr, c.sumErr, c.exit, c.at = s.parseErr, s.sumErr, false, s.at
	c.resetFlags()
}

// asReplica does to c itself what copyFrom does to a copy.
func (c *packet) asReplica() {
	if c.trunc < c.end-c.pos {
		c.end = c.pos + c.trunc
	}
	c.trunc = noTrunc
	c.resetFlags()
}

// set stores a field of up to 64 bits if the program has it.
func (c *packet) set(f *fieldLoc, v uint64) {
	if f != nil && f.live {
		c.w[f.slot] = v & widthMask(f.bits)
	}
}

func (c *packet) get(f *fieldLoc) uint64 {
	if f == nil || !f.live {
		return 0
	}
	return c.w[f.slot]
}

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

// getBits copies bits [shift, shift+bits) of src, right-aligned, to dst,
// which is as long as that many bits need.
func getBits(dst, src []byte, shift uint, bits int) {
	// Bit i of the value, counted from its end, is bit i of src counted from
	// the end of the field.
	endBit := int(shift) + bits
	last := (endBit - 1) / 8
	down := uint(7 - (endBit-1)%8)
	for i := len(dst) - 1; i >= 0; i-- {
		j := last - (len(dst) - 1 - i)
		var v uint16
		if j >= 0 {
			v = uint16(src[j])
		}
		if j > 0 {
			v |= uint16(src[j-1]) << 8
		}
		dst[i] = byte(v >> down)
	}
	if r := bits % 8; r != 0 {
		dst[0] &= 1<<r - 1
	}
}

// putBits is the inverse of getBits: it writes the low bits of src into dst
// at bit shift and leaves the bits around them.
func putBits(dst, src []byte, shift uint, bits int) {
	for i := range bits {
		from := len(src)*8 - bits + i
		bit := src[from/8] >> (7 - from%8) & 1
		to := int(shift) + i
		m := byte(0x80) >> (to % 8)
		if bit != 0 {
			dst[to/8] |= m
		} else {
			dst[to/8] &^= m
		}
	}
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
