package engine

import "sync"

// Dataplane is one running switch: the state (tables, registers, counters,
// meters, multicast groups, clone sessions) of one Program. mu guards all of
// it: a packet, or a batch of packets, runs to completion under mu, and every
// control-plane call takes mu for a short, bounded time.
type Dataplane struct {
	mu      sync.Mutex
	prog    *Program
	cfg     Config
	digests chan Digest
	stats   Stats
}

// Program is a compiled v1model program. It is immutable and may be shared by
// any number of Dataplanes.
type Program struct{}

// Compile decodes a BMv2 JSON and compiles it. What the engine does not
// support is refused here, by name and source line.
func Compile(json []byte) (*Program, error) { return nil, ErrNotImplemented }

func (p *Program) Tables() []*TableInfo                 { return nil }
func (p *Program) Table(name string) (*TableInfo, bool) { return nil, false }
func (p *Program) Actions() []*ActionInfo               { return nil }
func (p *Program) Counters() []*CounterInfo             { return nil }
func (p *Program) Registers() []*RegisterInfo           { return nil }
func (p *Program) Meters() []*MeterInfo                 { return nil }
func (p *Program) Digests() []*DigestInfo               { return nil }

// New makes a switch that runs p, with the program's const entries, initial
// default actions and zeroed state.
func New(p *Program, cfg Config) *Dataplane { return &Dataplane{prog: p, cfg: cfg} }

// Program returns what d runs.
func (d *Dataplane) Program() *Program { return d.prog }

// Process runs one received frame to completion and calls out for each frame
// that leaves, in order.
func (d *Dataplane) Process(inPort uint32, frame []byte, out Emit) {}

// ProcessBatch is Process for each frame in order, under one lock.
func (d *Dataplane) ProcessBatch(inPort uint32, frames [][]byte, out Emit) {}

// Stats returns the counters so far.
func (d *Dataplane) Stats() Stats { return Stats{} }

// Digests delivers digest messages. The channel is bounded (a full one drops
// and counts) and never closed.
func (d *Dataplane) Digests() <-chan Digest { return d.digests }

// InsertEntry adds an entry: ErrExists if there is one with the same match
// (and priority), ErrTableFull at the table's size.
func (d *Dataplane) InsertEntry(table string, e Entry) error { return ErrNotImplemented }

// ModifyEntry replaces action and parameters of an entry. Its direct counter
// goes on.
func (d *Dataplane) ModifyEntry(table string, e Entry) error { return ErrNotImplemented }

// DeleteEntry removes the entry with e's match (and priority).
func (d *Dataplane) DeleteEntry(table string, e Entry) error { return ErrNotImplemented }

// ReadEntry returns the entry with e's match (and priority).
func (d *Dataplane) ReadEntry(table string, e Entry) (Entry, error) {
	return Entry{}, ErrNotImplemented
}

// ReadEntries calls yield for each entry until it returns false, in no
// particular order, without holding the lock during yield. Entries written
// meanwhile may or may not be seen.
func (d *Dataplane) ReadEntries(table string, yield func(Entry) bool) error { return ErrNotImplemented }

// SetDefaultAction sets what runs on a miss.
func (d *Dataplane) SetDefaultAction(table, action string, params [][]byte) error {
	return ErrNotImplemented
}

// ResetDefaultAction restores the program's default action.
func (d *Dataplane) ResetDefaultAction(table string) error { return ErrNotImplemented }

// DefaultAction returns what runs on a miss: an Entry without Match. Action is
// "" if the table has no default action. Counter is its direct counter.
func (d *Dataplane) DefaultAction(table string) (Entry, error) { return Entry{}, ErrNotImplemented }

// ReadCounter returns one cell of an indexed counter.
func (d *Dataplane) ReadCounter(name string, index int) (CounterValue, error) {
	return CounterValue{}, ErrNotImplemented
}

// ReadCounters calls yield for each cell of an indexed counter until it returns false.
func (d *Dataplane) ReadCounters(name string, yield func(index int, v CounterValue) bool) error {
	return ErrNotImplemented
}

// WriteCounter sets one cell of an indexed counter.
func (d *Dataplane) WriteCounter(name string, index int, v CounterValue) error {
	return ErrNotImplemented
}

// WriteDirectCounter sets the direct counter of the entry with e's match.
// (ReadEntry and ReadEntries return it in Entry.Counter.)
func (d *Dataplane) WriteDirectCounter(table string, e Entry, v CounterValue) error {
	return ErrNotImplemented
}

// ReadRegister returns one cell, big-endian, as many bytes as the cell has.
func (d *Dataplane) ReadRegister(name string, index int) ([]byte, error) {
	return nil, ErrNotImplemented
}

// ReadRegisters calls yield for each cell until it returns false; value is valid during the call.
func (d *Dataplane) ReadRegisters(name string, yield func(index int, value []byte) bool) error {
	return ErrNotImplemented
}

// WriteRegister sets one cell from a big-endian value.
func (d *Dataplane) WriteRegister(name string, index int, value []byte) error {
	return ErrNotImplemented
}

// SetMeter configures one cell of an indexed meter; nil is the default: everything green.
func (d *Dataplane) SetMeter(name string, index int, c *MeterConfig) error { return ErrNotImplemented }

// Meter returns the configuration of one cell; nil if it has none.
func (d *Dataplane) Meter(name string, index int) (*MeterConfig, error) {
	return nil, ErrNotImplemented
}

// SetDirectMeter configures the direct meter of the entry with e's match.
func (d *Dataplane) SetDirectMeter(table string, e Entry, c *MeterConfig) error {
	return ErrNotImplemented
}

// DirectMeter returns the configuration of an entry's direct meter.
func (d *Dataplane) DirectMeter(table string, e Entry) (*MeterConfig, error) {
	return nil, ErrNotImplemented
}

// InsertMulticastGroup adds a group; ErrExists if its id is taken.
func (d *Dataplane) InsertMulticastGroup(g MulticastGroup) error { return ErrNotImplemented }

// ModifyMulticastGroup replaces the replicas of a group.
func (d *Dataplane) ModifyMulticastGroup(g MulticastGroup) error { return ErrNotImplemented }

// DeleteMulticastGroup removes a group.
func (d *Dataplane) DeleteMulticastGroup(id uint32) error { return ErrNotImplemented }

// MulticastGroups returns all groups, ordered by id.
func (d *Dataplane) MulticastGroups() []MulticastGroup { return nil }

// InsertCloneSession adds a session; ErrExists if its id is taken.
func (d *Dataplane) InsertCloneSession(s CloneSession) error { return ErrNotImplemented }

// ModifyCloneSession replaces a session.
func (d *Dataplane) ModifyCloneSession(s CloneSession) error { return ErrNotImplemented }

// DeleteCloneSession removes a session.
func (d *Dataplane) DeleteCloneSession(id uint32) error { return ErrNotImplemented }

// CloneSessions returns all sessions, ordered by id.
func (d *Dataplane) CloneSessions() []CloneSession { return nil }
