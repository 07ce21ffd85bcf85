package oracle

import (
	"hash/crc32"
	"slices"
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

// Receive takes a frame that arrives at a port (build.CPUPort: a packet-out)
// and returns what leaves. The frames are the caller's.
func (s *Switch) Receive(port uint16, frame []byte) []Out {
	s.out = nil
	frame = slices.Clone(frame)
	j := &job{received: len(frame)}
	v := s.enter(j, port, frame)
	if v.punt != 0 {
		v = s.limitPunt(v)
	}
	switch {
	case v.drop != 0:
		s.Drops[v.drop]++
	case v.punt != 0:
		s.Punts[v.punt]++
		if v.reported != nil {
			v.reported()
		}
		head := be.AppendUint16(be.AppendUint16(nil, j.port), uint16(v.punt))
		s.send(build.CPUPort, append(head, j.frame...))
	}
	return s.out
}

func (s *Switch) send(port uint16, frame []byte) { s.out = append(s.out, Out{port, frame}) }

// enter does what the controller asks for, or receives.
func (s *Switch) enter(j *job, port uint16, frame []byte) *verdict {
	if port == build.CPUPort && len(frame) >= 4 {
		target, mode := be.Uint16(frame), be.Uint16(frame[2:])
		switch mode {
		case build.OutSend:
			s.send(target, frame[4:])
			return done
		case build.OutReceive:
			return s.receive(j, target, frame[4:])
		}
		return drop(build.DropPacketOut)
	}
	return s.receive(j, port, frame)
}

// receive admits a frame that enters by a port.
func (s *Switch) receive(j *job, port uint16, frame []byte) *verdict {
	p, known := s.Config.Ports[port]
	if !known {
		s.hit("ports", "unknown_port")
		return drop(build.DropUnknownPort)
	}
	s.hit("ports", "port")
	j.frame, j.port, j.role, j.mac, j.portInst = frame, port, p.Role, p.MAC, p.Instance
	if p.Role == build.RoleLoop {
		if !j.resume() {
			return drop(build.DropLoopFrame)
		}
		return s.judge(j)
	}
	if len(frame) < build.EthernetBytes {
		return drop(build.DropTruncated)
	}
	etherType := be.Uint16(frame[12:])
	packet, isIP := asIP(etherType == build.EthertypeIPv6, frame[build.EthernetBytes:])
	isIP = isIP && (etherType == build.EthertypeIPv4 || etherType == build.EthertypeIPv6)
	short := !isIP && (etherType == build.EthertypeIPv4 || etherType == build.EthertypeIPv6)
	if etherType == build.EthertypeLoop {
		if len(frame) >= build.EthernetBytes+build.LoopBytes {
			return drop(build.DropLoopFrame)
		}
		short = true
	}
	switch {
	case etherType == build.EthertypeARP:
		return punt(build.PuntARP)
	case isIP && packet.v6 && frame[0] == 0x33 && frame[1] == 0x33 && packet.protocol() == build.IpprotoIcmpv6:
		return punt(build.PuntNd)
	case [6]byte(frame) != j.mac:
		return drop(build.DropNotOurMAC)
	case short:
		return drop(build.DropTruncated)
	case !isIP:
		return drop(build.DropNotIP)
	}
	return s.judge(j)
}

// resume makes of a frame that went round the loop the job it was. It returns
// false for a frame that is not of our making.
func (j *job) resume() bool {
	f := j.frame
	start := build.EthernetBytes + build.LoopBytes
	if len(f) < start || be.Uint16(f[12:]) != build.EthertypeLoop {
		return false
	}
	loop := f[build.EthernetBytes:]
	etherType := be.Uint16(loop)
	j.pads = int(loop[4] & 0xF)
	if j.pads != 2 && j.pads != 4 || len(f) < start+j.pads*build.PadBytes {
		return false
	}
	rest := f[start+j.pads*build.PadBytes:]
	if etherType != build.EthertypeIPv4 && etherType != build.EthertypeIPv6 {
		return false
	}
	if _, ok := asIP(etherType == build.EthertypeIPv6, rest); !ok {
		return false
	}
	j.port, j.role = be.Uint16(loop[2:]), loop[4]>>4
	j.portInst = uint32(loop[5])<<16 | uint32(loop[6])<<8 | uint32(loop[7])
	j.frame = slices.Concat(f[:12], loop[:2], rest)
	return true
}

// judge takes an IP packet for us apart and hands it to whom it concerns.
func (s *Switch) judge(j *job) *verdict {
	j.ip, _ = asIP(be.Uint16(j.frame[12:]) == build.EthertypeIPv6, j.frame[build.EthernetBytes:])
	j.instance = j.portInst
	if v := checkIP(j.ip); v != nil {
		return v
	}
	j.ttl = j.ip.ttl()
	if v := s.decapsulate(j); v != nil {
		return v
	}
	if v := s.findMember(j); v != nil {
		return v
	}
	if j.member != nil {
		return s.coreCast(j)
	}
	return s.ordinary(j)
}

// checkIP checks that the first IP header agrees with the frame around it.
func checkIP(p ip) *verdict {
	switch {
	case !p.v6 && (p.version() != 4 || p.ihl() < 5 || p.size() < build.IPv4Bytes):
		return drop(build.DropBadIP)
	case !p.v6 && p.ihl() > 5:
		return drop(build.DropIPOptions)
	case p.v6 && p.version() != 6:
		return drop(build.DropBadIP)
	case p.trailing() < 0:
		return drop(build.DropTruncated)
	case !p.headerSumRight():
		return drop(build.DropBadIP)
	}
	return nil
}

// decapsulate opens LISP data packets to one of our RLOCs.
func (s *Switch) decapsulate(j *job) *verdict {
	outer := j.ip
	if outer.dstPort() != build.LISPDataPort {
		return nil
	}
	if !s.Config.OwnRLOCs[outer.dst()] {
		s.hit("my_rlocs"+family(outer.dst()), "not_ours")
		return nil
	}
	s.hit("my_rlocs"+family(outer.dst()), "own_rloc")
	overhead := outer.headerSize() + build.UDPBytes + build.LISPBytes
	if len(outer.b) < overhead || outer.size() < overhead {
		return drop(build.DropTruncated)
	}
	header, packet := outer.b[overhead-build.LISPBytes:], outer.b[overhead:]
	j.instance = 0
	if header[0]&0x08 != 0 { // I: there is an instance-id
		j.instance = be.Uint32(header[4:]) >> 8
	}
	if len(packet) == 0 {
		return drop(build.DropTruncated)
	}
	if packet[0]>>4 != 4 && packet[0]>>4 != 6 {
		return drop(build.DropBadLISP)
	}
	inner, whole := asIP(packet[0]>>4 == 6, packet)
	if !whole {
		return drop(build.DropTruncated)
	}
	if !inner.v6 && (inner.ihl() != 5 || inner.size() < build.IPv4Bytes) {
		return drop(build.DropBadLISP)
	}
	if outer.size()-overhead < inner.size() {
		return drop(build.DropTruncated)
	}
	if !inner.headerSumRight() {
		return drop(build.DropBadIP)
	}
	if outer.tos()&ecnMask == ecnCE && inner.tos()&ecnMask == build.EcnNotEct {
		return drop(build.DropCongestion)
	}
	j.outer, j.ip = &outer, inner
	j.ttl = min(outer.ttl(), inner.ttl())
	return nil
}

// forwardable returns the packet to forward as it leaves: out of its tunnel,
// with DSCP, ECN (RFC 6040) and hop count brought up to date.
func (j *job) forwardable() ip {
	p := j.ip.clone()
	if j.outer != nil {
		out, in := j.outer.tos(), p.tos()
		ecn := in & ecnMask
		if out&ecnMask == ecnCE || out&ecnMask == ecnECT1 && ecn == build.EcnEct0 {
			ecn = out & ecnMask
		}
		p.setTOS(out&^uint8(ecnMask) | ecn)
	}
	p.setTTL(j.ttl - 1)
	return p
}

// ordinary forwards a packet that is not CoreCast for us.
func (s *Switch) ordinary(j *job) *verdict {
	way := s.lookup(j.instance, j.ip.dst())
	local := way.Kind == Local || way.Kind == LocalVia
	switch {
	case way.Kind == Discard:
		return drop(way.Reason)
	case j.strange && !local && j.peer.MayOpen:
		return punt(build.PuntNewStream)
	case j.strange && !local:
		return drop(build.DropStreamRLOC)
	case way.Kind == ToUs && j.outer == nil && j.ip.dstPort() == build.LISPControlPort:
		return punt(build.PuntLISPControl)
	case way.Kind == ToUs:
		return punt(build.PuntToUs)
	case j.outer != nil && !local:
		return drop(build.DropNotLocal)
	case way.Kind == Miss && j.role != build.RoleLocal:
		return drop(build.DropNoRoute)
	case way.Kind == Miss:
		return s.miss(j, j.ip.dst())
	}
	flow := slices.Concat(j.ip.src().AsSlice(), j.ip.dst().AsSlice(), j.ip.ports())
	exit, v := s.exit(way, j.ip.dst(), flow)
	if v != nil {
		return v
	}
	if j.ttl <= 1 {
		return punt(build.PuntTTL)
	}
	if exit.tooBig(j.ip.size()) {
		return punt(build.PuntTooBig)
	}
	s.leave(j, exit, j.forwardable())
	return done
}

// missed is what was reported of a destination without mapping.
type missed struct {
	tag   uint16
	since time.Duration
	count int
}

// miss reports a destination without mapping, unless enough packets to it or its
// neighbors were reported lately: one CoreCast header, or as many others as may
// wait. Two in 2^16 destinations share a place to remember it.
func (s *Switch) miss(j *job, dst interface{ AsSlice() []byte }) *verdict {
	key := []byte{byte(j.instance >> 16), byte(j.instance >> 8), byte(j.instance)}
	if a := dst.AsSlice(); len(a) == 4 {
		key = slices.Concat(key, a[:3], make([]byte, 6))
	} else {
		key = slices.Concat(key, make([]byte, 3), a[:6])
	}
	print := crc32.ChecksumIEEE(key)
	place, tag := uint16(print), uint16(print>>16)
	next := missed{tag: tag, since: s.Now}
	if last, ok := s.misses[place]; ok && last.tag == tag {
		switch age := s.Now - last.since; {
		case age < build.MissHold*time.Microsecond:
			next = last
		case age < build.MissForget*time.Microsecond && last.count == build.MissBurst:
			next.count = build.MissBurst - 1
		}
	}
	if next.count == build.MissBurst || next.count > 0 && j.member != nil {
		return drop(build.DropMissRepeated)
	}
	next.count++
	v := punt(build.PuntMapCacheMiss)
	v.reported = func() { s.misses[place] = next }
	return v
}
