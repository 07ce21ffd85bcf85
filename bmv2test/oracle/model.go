package oracle

import (
	"time"

	"github.com/corecast/corecast/p4/build"
)

// Out is a frame that leaves by a port. By build.CPUPort leaves what is punted,
// behind the packet_in header.
type Out struct {
	Port  uint16
	Frame []byte
}

// Switch is the model of one switch. It is for one goroutine.
type Switch struct {
	Config *Config
	Now    time.Duration // the clock, moved by the caller

	// What was counted.
	Drops  [build.ReasonCells]uint64
	Punts  [build.ReasonCells]uint64
	Events map[SlotEvent]uint64
	Served map[Stamp]Sent
	// Hits counts lookups by "table action", the default action included.
	Hits map[string]uint64

	slots  map[uint16]*slot
	stamps map[Stamp]stamp
	misses map[uint16]missed
	meters map[meterKey]*bucket

	out []Out
}

// SlotEvent is one event counter of a channel or stream.
type SlotEvent struct {
	Slot  uint16
	Event uint8
}

// Stamp names a served stamp: of a channel, for an RLOC.
type Stamp struct{ Slot, RLOC uint16 }

// Sent is what a channel sent to an RLOC.
type Sent struct{ Headers, Copies uint64 }

// slot is the payload store of a channel or stream.
type slot struct {
	generation uint32
	cells      [2]cell
}

// cell is a stored payload; Media is empty until there is one.
type cell struct {
	sequence, hash uint32
	media          []byte
	generation     uint32
	flow           uint16 // number of the flow that it came in
	made           uint64 // payload-sized packets made of it
}

// stamp says what an RLOC was sent last.
type stamp struct {
	generation uint32
	headers    int // since the copy
}

// New returns a switch with that configuration, at time 0.
func New(c *Config) *Switch {
	s := &Switch{
		Config: c,
		Events: make(map[SlotEvent]uint64), Served: make(map[Stamp]Sent), Hits: make(map[string]uint64),
		slots: make(map[uint16]*slot), stamps: make(map[Stamp]stamp),
		misses: make(map[uint16]missed), meters: make(map[meterKey]*bucket),
	}
	for n, generation := range c.Generations {
		s.slot(n).generation = generation
	}
	return s
}

func (s *Switch) slot(n uint16) *slot {
	if s.slots[n] == nil {
		s.slots[n] = new(slot)
	}
	return s.slots[n]
}

func (s *Switch) hit(table, action string)   { s.Hits[table+" "+action]++ }
func (s *Switch) event(slot uint16, e uint8) { s.Events[SlotEvent{slot, e}]++ }

// verdict ends the handling of a packet: dropped or punted for a reason, or,
// as the zero value, sent or kept.
type verdict struct {
	drop, punt uint8
	reported   func() // notes that a punt reached the controller; may be nil
}

func drop(reason uint8) *verdict { return &verdict{drop: reason} }
func punt(reason uint8) *verdict { return &verdict{punt: reason} }

// done is the verdict on a packet that was handled.
var done = &verdict{}

// job is a packet in handling.
type job struct {
	received int    // bytes of the frame as it was received
	frame    []byte // the frame as it first entered the switch
	port     uint16 // where it first entered
	role     uint8
	mac      [6]byte // of the port
	portInst uint32  // instance-id of that port
	pads     int     // pads it came back with

	outer    *ip    // when it is LISP for us
	ip       ip     // the packet to forward: the inner one when it is LISP for us
	instance uint32 // of that packet
	ttl      uint8  // of that packet, the outer one's counted

	member  *member // the channel or stream it belongs to
	cell    *cell   // the payload that it is to be served with, at the ITR
	peer    Peer    // who sent it, if it is CoreCast inside LISP
	strange bool    // CoreCast inside LISP; without a member, of no stream of ours
}
