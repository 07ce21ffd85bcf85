package engine

import (
	"fmt"
	"sync"
	"time"
)

// MaxFrame is the longest frame that leaves or is recirculated.
const MaxFrame = 1<<16 - 1

// bmv2's values of standard_metadata.instance_type.
const (
	instNormal       = 0
	instIngressClone = 1
	instEgressClone  = 2
	instRecirc       = 4
	instReplication  = 5
	instResubmit     = 6
)

// Dataplane is one running switch: the state (tables, registers, counters,
// meters, multicast groups, clone sessions) of one Program. mu guards all of
// it but Digests' channel: a packet, or a batch of packets, runs to completion
// under mu, and every control-plane call takes mu for a short, bounded time.
type Dataplane struct {
	prog    *Program
	cfg     Config
	digests chan Digest
	start   time.Time

	mu        sync.Mutex
	stats     Stats
	tables    []*table
	registers []registerState
	counters  [][]CounterValue
	meters    [][]meterCell
	groups    map[uint32]*MulticastGroup
	sessions  map[uint32]*CloneSession
	rng       uint64

	// Code for the ways that packets took; see block.go.
	parser     *parseCode
	egressCode *code
	anyEgress  *block

	// Of the packet in process.
	emit     Emit
	watch    func(Step) // of Watch; nil otherwise
	inQueue  queue[*packet]
	egQueue  queue[job]
	free     []*packet
	copies   int
	timeKept bool
	timeNow  uint64

	// Scratch.
	out      []byte
	calcBuf  []byte
	hdrBuf   []byte
	calcWord [8]byte
}

// registerState is one register array: words for cells of up to 64 bits,
// big-endian bytes for wider ones.
type registerState struct {
	words []uint64
	bytes []byte
}

// New makes a switch that runs p, with the program's const entries, initial
// default actions and zeroed state.
func New(p *Program, cfg Config) *Dataplane {
	cfg.setDefaults()
	d := &Dataplane{
		prog: p, cfg: cfg, digests: make(chan Digest, cfg.DigestBuffer), start: cfg.Now(), rng: cfg.Seed,
		groups: map[uint32]*MulticastGroup{}, sessions: map[uint32]*CloneSession{},
		out: make([]byte, 4096), hdrBuf: make([]byte, p.layout.zeros+slack),
	}
	d.parser = newParseCode(p, newCode(p, p.ingress))
	d.egressCode = newCode(p, p.egress)
	d.anyEgress = d.egressCode.start()
	for _, t := range p.tables {
		tb, err := newTable(t, 0)
		if err != nil {
			panic(fmt.Sprintf("engine: Compile let pass: %v", err)) // Compile makes each table once to see
		}
		d.tables = append(d.tables, tb)
	}
	for _, r := range p.registerList {
		var s registerState
		if r.wide() {
			s.bytes = make([]byte, r.info.Size*((r.info.Bits+7)/8))
		} else {
			s.words = make([]uint64, r.info.Size)
		}
		d.registers = append(d.registers, s)
	}
	for _, c := range p.counterList {
		d.counters = append(d.counters, make([]CounterValue, c.info.Size))
	}
	for _, m := range p.meterList {
		d.meters = append(d.meters, make([]meterCell, m.info.Size))
	}
	return d
}

func (c *Config) setDefaults() {
	if c.DropPort == 0 {
		c.DropPort = 511
	}
	if c.MaxPasses == 0 {
		c.MaxPasses = 64
	}
	if c.MaxCopies == 0 {
		c.MaxCopies = 4096
	}
	if c.DigestBuffer == 0 {
		c.DigestBuffer = 1024
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// Program returns what d runs.
func (d *Dataplane) Program() *Program { return d.prog }

// Digests delivers digest messages. The channel is bounded (a full one drops
// and counts) and never closed.
func (d *Dataplane) Digests() <-chan Digest { return d.digests }

// Stats returns the counters so far.
func (d *Dataplane) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}

// micros is the time since New. It stands still while a packet, or
// a few of a batch, are processed.
func (d *Dataplane) micros() uint64 {
	if !d.timeKept {
		d.timeNow = uint64(max(0, d.cfg.Now().Sub(d.start).Microseconds()))
		d.timeKept = true
	}
	return d.timeNow
}

// random returns a number from 0 to top.
func (d *Dataplane) random(top uint64) uint64 {
	d.rng += 0x9e3779b97f4a7c15
	z := d.rng
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	if top == ^uint64(0) {
		return z
	}
	return z % (top + 1)
}

// queue is a first-in-first-out queue that keeps its memory.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) push(v T) { q.items = append(q.items, v) }

func (q *queue[T]) pop() (v T, ok bool) {
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
		return v, false
	}
	v = q.items[q.head]
	q.head++
	return v, true
}

func (q *queue[T]) reset() { q.items, q.head = q.items[:0], 0 }
