package engine

import (
	"errors"
	"time"
)

// What the control-plane methods of Dataplane answer, always wrapped with the
// name of the object: test with errors.Is.
var (
	ErrUnknownTable   = errors.New("no such table")
	ErrUnknownAction  = errors.New("no such action")
	ErrUnknownObject  = errors.New("no such object")
	ErrExists         = errors.New("already exists")
	ErrNotFound       = errors.New("not found")
	ErrTableFull      = errors.New("table is full")
	ErrBadValue       = errors.New("bad value")
	ErrConst          = errors.New("is const in the program and cannot be changed")
	ErrOutOfRange     = errors.New("index out of range")
	ErrNotImplemented = errors.New("not implemented")
)

// MatchKind is the P4 match kind of a key field.
type MatchKind uint8

const (
	Exact MatchKind = iota
	LPM
	Ternary
	Range
	Optional
)

// String returns the kind's name in P4.
func (k MatchKind) String() string {
	switch k {
	case Exact:
		return "exact"
	case LPM:
		return "lpm"
	case Ternary:
		return "ternary"
	case Range:
		return "range"
	case Optional:
		return "optional"
	}
	return "unknown"
}

// TableInfo describes a table for a control plane. Names are those of the
// BMv2 JSON, which are the fully qualified P4 names that P4Info carries too.
type TableInfo struct {
	Name    string
	ID      int // in the BMv2 JSON; not the P4Info id
	Keys    []KeyInfo
	Actions []*ActionInfo
	// NeedsPriority says that a key is ternary, range or optional, so that
	// entries are ordered by Entry.Priority.
	NeedsPriority bool
	MaxSize       int
	ConstEntries  bool
	ConstDefault  bool // action and parameters fixed by the program
	DirectCounter string
	DirectMeter   string
	IdleTimeout   bool
	Hidden        bool // made by the compiler; no control plane sees it

	index int
}

// Action returns the action of that name among those the table lists.
func (t *TableInfo) Action(name string) (*ActionInfo, bool) {
	for _, a := range t.Actions {
		if a.Name == name {
			return a, true
		}
	}
	return nil, false
}

// KeyInfo describes one key field of a table.
type KeyInfo struct {
	Name string
	Kind MatchKind
	Bits int
}

// ActionInfo describes an action and its control-plane parameters. p4c emits
// one action of the same name per table that uses it, so an action is only
// unique by name within a table.
type ActionInfo struct {
	Name   string
	ID     int
	Params []ParamInfo

	index int
}

// ParamInfo describes one control-plane parameter of an action.
type ParamInfo struct {
	Name string
	Bits int
}

// CounterInfo describes a counter array. bmv2 counters always count both
// packets and bytes.
type CounterInfo struct {
	Name   string
	ID     int
	Size   int    // 0 for a direct counter
	Direct string // the table, for a direct counter
}

// RegisterInfo describes a register array.
type RegisterInfo struct {
	Name string
	ID   int
	Size int
	Bits int
}

// MeterInfo describes a meter array.
type MeterInfo struct {
	Name   string
	ID     int
	Size   int
	Bytes  bool   // bytes, else packets
	Rates  int    // 1: two colours, 2: three colours
	Direct string // the table, for a direct meter
}

// DigestInfo describes a digest (a BMv2 learn list).
type DigestInfo struct {
	Name   string
	ID     int
	Fields []ParamInfo
}

// Match is the value of one key field of an entry. Values are big-endian and
// may be shorter or longer than the field as long as the number fits. The
// zero Match is "don't care" for every kind but Exact.
type Match struct {
	Value     []byte // exact, lpm, ternary, optional (nil: don't care)
	Mask      []byte // ternary; nil is don't care
	PrefixLen int    // lpm
	Low, High []byte // range, inclusive; both nil is don't care
}

// Entry is one table entry, as written and as read back.
type Entry struct {
	Match []Match
	// Priority orders entries of tables with NeedsPriority; the larger wins,
	// as in P4Runtime. It is part of the entry's identity there and must be 0
	// in other tables.
	Priority int
	Action   string
	Params   [][]byte // big-endian, in the order of ActionInfo.Params

	// IdleTimeout asks for the entry to be reported after that long without
	// a hit. Zero: never.
	IdleTimeout time.Duration

	// Set on reads only.
	Counter CounterValue  // of the direct counter, if the table has one
	Idle    time.Duration // since the last hit, in tables with IdleTimeout
	Const   bool          // written by the program
}

// CounterValue is the value of one counter cell.
type CounterValue struct {
	Packets, Bytes uint64
}

// MeterConfig is the configuration of one meter cell in units (bytes or
// packets) per second and burst units, as in P4Runtime. A zero rate pair with
// zero bursts marks everything red.
type MeterConfig struct {
	CIR, CBurst uint64
	PIR, PBurst uint64
}

// Replica is one copy that a multicast group or clone session makes.
type Replica struct {
	Port     uint32
	Instance uint32 // becomes standard_metadata.egress_rid
}

// MulticastGroup is an ordered list of replicas; copies are made in that order.
type MulticastGroup struct {
	ID       uint32
	Replicas []Replica
}

// CloneSession says where the clones of a session go, in order.
type CloneSession struct {
	ID       uint32
	Replicas []Replica
	// PacketLength, if not zero, truncates the clone to that many bytes.
	PacketLength uint32
}

// Digest is one message of a digest() call: the field values in the order of
// DigestInfo.Fields, big-endian, as wide as the field.
type Digest struct {
	Name   string
	ID     int
	Fields [][]byte
	At     time.Time
}

// Emit takes a frame that leaves the switch. The frame is valid only during
// the call. Emit must not call back into the Dataplane.
type Emit func(port uint32, frame []byte)

// Config holds what a switch sets before packets flow. The zero value works.
type Config struct {
	// DropPort is the egress_spec that means drop; 0 is bmv2's 511.
	DropPort uint32
	// CPUPort is the port number of the control plane, for the caller's use:
	// the engine treats it as any other port. 0 is none.
	CPUPort uint32
	// MaxPasses bounds how often one received packet may go through ingress
	// (resubmit, recirculate) and how deep clones may clone; 0 is 64.
	MaxPasses int
	// MaxCopies bounds how many packets one received packet may become; 0 is 4096.
	MaxCopies int
	// DigestBuffer is the capacity of the digest channel; 0 is 1024.
	DigestBuffer int
	// Seed seeds random(); 0 is 1. Runs with one seed repeat.
	Seed uint64
	// Now is the clock; nil is time.Now. Timestamps count from New.
	Now func() time.Time
}

// Stats counts what happened to packets since New.
type Stats struct {
	Received, Emitted          uint64 // frames in, frames out
	ReceivedBytes              uint64
	EmittedBytes               uint64
	DropIngress, DropEgress    uint64 // dropped by the program
	DropPasses, DropCopies     uint64 // Config.MaxPasses or MaxCopies reached
	DropNoGroup, DropNoSession uint64 // group or session not configured
	DropTooLong                uint64 // deparsed to more than MaxFrame bytes
	Recirculated, Resubmitted  uint64
	Cloned, Replicated         uint64
	ParserErrors               uint64
	Digests, DigestsDropped    uint64
	RegisterRange              uint64 // register index out of range
	CounterRange, MeterRange   uint64
	StackRange                 uint64 // header stack index out of range
	Panics                     uint64 // a packet met an engine bug and was dropped
}
