package engine

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
