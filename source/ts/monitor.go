package ts

import "time"

// Well-known PIDs.
const (
	pidPAT  = 0
	pidNull = 0x1fff
	pids    = 0x2000
)

// Intervals that players and ETSI TR 101 290 want.
const (
	// MaxTableInterval is the longest time between two PATs or PMTs.
	MaxTableInterval = 500 * time.Millisecond
)

// Health is what a Monitor has seen of a stream.
type Health struct {
	Packets    uint64
	Lost       uint64 // continuity errors: packets are missing before this one
	LostPID    uint16 // of the last of them
	Damaged    uint64 // packets marked so (transport error indicator)
	Scrambled  uint64 // packets that players cannot read
	Programs   int    // in the last PAT
	PATs, PMTs uint64
	// The time between the last two tables, by the stream's own clock, or
	// since the last one if that is longer; 0 before there is a clock.
	PATInterval, PMTInterval time.Duration
	Bitrate                  int // bit/s by the stream's own clock; 0 before it has passed a second
}

// Monitor watches the packets of a stream. The zero Monitor is ready.
type Monitor struct {
	health Health
	last   [pids]continuity
	pmt    [pids]bool // PIDs that the PAT names

	clock    uint64 // of the last reference
	pid      uint16 // whose references count
	started  bool
	now      time.Duration // by the clock, from the first reference
	pat, pmd time.Duration // when the last tables came
	// For the bitrate: where the present second began.
	second      time.Duration
	secondBytes uint64
	bytes       uint64
}

// continuity is what is known of a PID's counter.
type continuity struct {
	seen     bool
	repeated bool // one repetition of a packet is allowed
	counter  uint8
}

// Packet watches one packet, as found by a Scanner.
//
//	+---------------+-+-+-+-------------------------+---+---+-------+
//	|  sync = 0x47  |E|S|T|           PID           |TSC|AFC|  CC   |
//	+---------------+-+-+-+-------------------------+---+---+-------+
//
// E is the transport error indicator, S says that a section or PES packet
// starts, TSC is the scrambling control, CC the continuity counter.
func (m *Monitor) Packet(p []byte) {
	if len(p) < PacketSize {
		return
	}
	m.health.Packets++
	m.bytes += PacketSize
	if p[1]&0x80 != 0 {
		m.health.Damaged++
		return // nothing in it can be believed
	}
	pid := uint16(p[1]&0x1f)<<8 | uint16(p[2])
	if p[3]&0xc0 != 0 {
		m.health.Scrambled++
	}
	m.continuity(pid, p)
	if ref, ok := ReadPCR(p); ok {
		m.tick(ref)
	}
	if starts := p[1]&0x40 != 0; starts {
		m.table(pid, p)
	}
}

// continuity checks the counter: it goes up by one with each packet that has a
// payload, one packet may be sent twice, and a discontinuity starts it afresh.
func (m *Monitor) continuity(pid uint16, p []byte) {
	if pid == pidNull {
		return
	}
	c := &m.last[pid]
	counter, hasPayload := p[3]&0xf, p[3]&0x10 != 0
	discontinuity := p[3]&0x20 != 0 && p[4] > 0 && p[5]&0x80 != 0
	want := c.counter
	if hasPayload {
		want = (c.counter + 1) & 0xf
	}
	switch {
	case !c.seen || discontinuity || counter == want:
		c.repeated = false
	case hasPayload && counter == c.counter && !c.repeated:
		c.repeated = true
	default:
		c.repeated = false
		m.health.Lost++
		m.health.LostPID = pid
	}
	c.seen, c.counter = true, counter
}

// tick takes the time from a clock reference. Jumps take no time.
func (m *Monitor) tick(ref ClockReference) {
	if !m.started {
		m.started, m.pid, m.clock = true, ref.PID, ref.Ticks
		return
	}
	if ref.PID != m.pid {
		return
	}
	passed := (ref.Ticks + clockModulus - m.clock) % clockModulus
	m.clock = ref.Ticks
	if ref.Discontinuity || passed > maxGap {
		return
	}
	m.now += duration(int64(passed))
	if d := m.now - m.second; d >= time.Second {
		m.health.Bitrate = int(float64(m.bytes-m.secondBytes) * 8 / d.Seconds())
		m.second, m.secondBytes = m.now, m.bytes
	}
}

// table notes PATs and PMTs, of which the first packet is enough.
func (m *Monitor) table(pid uint16, p []byte) {
	switch {
	case pid == pidPAT:
		if section := payload(p); m.readPAT(section) {
			m.health.PATs++
			m.health.PATInterval, m.pat = m.now-m.pat, m.now
		}
	case m.pmt[pid]:
		m.health.PMTs++
		m.health.PMTInterval, m.pmd = m.now-m.pmd, m.now
	}
}

// payload is what follows the header and the adaptation field.
func payload(p []byte) []byte {
	start := 4
	if p[3]&0x20 != 0 {
		start += 1 + int(p[4])
	}
	if p[3]&0x10 == 0 || start >= PacketSize {
		return nil
	}
	return p[start:PacketSize]
}

// readPAT learns the PIDs of the PMTs from a program association section:
//
//	pointer (1), table id = 0 (1), section length (12 bits of 2), stream id (2),
//	version (1), section (1), last section (1), then {program (2), PID (13 bits
//	of 2)} and a CRC (4)
//
// It reports whether this is one.
func (m *Monitor) readPAT(b []byte) bool {
	if len(b) == 0 || len(b) < 1+int(b[0])+8 {
		return false
	}
	b = b[1+int(b[0]):]
	length := int(b[1]&0xf)<<8 | int(b[2])
	if b[0] != 0 || length < 9 {
		return false
	}
	programs := b[8:min(len(b), max(3+length-4, 8))]
	clear(m.pmt[:])
	m.health.Programs = 0
	for ; len(programs) >= 4; programs = programs[4:] {
		if number := uint16(programs[0])<<8 | uint16(programs[1]); number != 0 {
			m.pmt[uint16(programs[2]&0x1f)<<8|uint16(programs[3])] = true
			m.health.Programs++
		}
	}
	return true
}

// Health returns what was seen so far.
func (m *Monitor) Health() Health {
	h := m.health
	if m.started {
		h.PATInterval = max(h.PATInterval, m.now-m.pat)
		h.PMTInterval = max(h.PMTInterval, m.now-m.pmd)
	}
	return h
}
