package oracle

import (
	"net/netip"
	"slices"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
)

// Traffic that is none of a talk's.

// ordinary is a packet that has nothing to do with CoreCast.
func (t *traffic) ordinary() *step {
	port := uint16(1 + t.IntN(5))
	i := slices.Index(t.instances, t.c.Ports[port].Instance)
	v6 := t.chance(50)
	return t.frame("ordinary packet", port, t.plain(v6, eid(v6, i, 1, 2+t.IntN(hosts-2)), t.anyDestination(i, v6)))
}

func (t *traffic) anyDestination(i int, v6 bool) netip.Addr {
	if t.chance(5) {
		return rloc(v6, pick(t.world, 10, 11, 1, 101))
	}
	if t.chance(2) {
		for _, k := range t.talks {
			if k.reserved.Is4() != v6 && t.chance(30) {
				return k.reserved
			}
		}
	}
	return t.anyEID(i, v6)
}

func (t *traffic) plain(v6 bool, src, dst netip.Addr) []byte {
	payload := make([]byte, pick(t.world, 0, 1, 20, 500, 1200, 1372, 1464, t.IntN(1472)))
	p := t.datagram(src, dst, uint16(1+t.IntN(65535)), pick[uint16](t.world, 53, 7, 4341, 4342, 4344, 5004), payload)
	if t.chance(30) { // not UDP
		if v6 {
			p[6] = pick[byte](t.world, 6, 132, 58, 0)
		} else {
			p[9] = pick[byte](t.world, 6, 132, 1, 47)
			ip{b: p}.setHeaderSum()
		}
	}
	if t.chance(5) {
		p = t.stretch(p)
	}
	return p
}

// tunneled is an ordinary packet in LISP, or CoreCast of no stream.
func (t *traffic) tunneled() *step {
	i, v6 := t.IntN(2), t.chance(50)
	src, dst := eid(v6, 20+t.IntN(sites), 1, 1+t.IntN(200)), t.anyDestination(i, v6)
	if t.chance(50) {
		dst = t.localEID(i, v6)
	}
	var p []byte
	if t.chance(20) {
		m := t.bytes()
		b, _ := wire.AppendPayload(nil, wire.Identify(t.Uint32(), m), m)
		p = t.datagram(src, dst, 5000, wire.Port, b)
	} else {
		p = t.plain(v6, src, dst)
	}
	switch t.IntN(40) {
	case 0:
		p = t.stretch(p)
	case 1:
		p = p[:t.IntN(len(p))]
	case 2:
		p[0] = byte(t.Uint32())
	case 3:
		if !v6 {
			p[10] ^= 1
		}
	}
	instance := t.instances[i]
	if t.chance(3) {
		instance = 77
	}
	return t.tunnel4341("tunneled packet", p, pick(t.world, t.peers...), instance)
}

// odd is a frame that is not IP, or hardly.
func (t *traffic) odd() *step {
	port := uint16(1 + t.IntN(5))
	s := t.ordinary()
	s.frame = slices.Clone(s.frame)
	switch t.IntN(7) {
	case 0:
		s.what, s.frame = "ARP", slices.Concat([]byte{255, 255, 255, 255, 255, 255, 2, 9, 9, 9, 9, 9, 8, 6}, make([]byte, 46))
	case 1:
		s = t.frame("neighbor discovery", port, t.plain(true, eid(true, 0, 1, 3), netip.MustParseAddr("ff02::1")))
		s.frame[20] = pick[byte](t.world, 58, 58, 58, 17)
		copy(s.frame, []byte{0x33, 0x33, 0, 0, 0, 1})
	case 2:
		s.what = "wrong EtherType"
		be.PutUint16(s.frame[12:], pick[uint16](t.world, 0x8100, 0x88CC, 0x0800, 0x86DD, uint16(t.Uint32())))
	case 3:
		s.what = "wrong MAC"
		s.frame[t.IntN(6)] ^= byte(1 + t.IntN(255))
	case 4:
		s.what, s.port = "unknown port", pick[uint16](t.world, 8, 9, 100)
	case 5:
		s.what = "runt"
		s.frame = s.frame[:t.IntN(60)]
	case 6:
		s.what = "long frame"
		s.frame = append(s.frame, make([]byte, t.IntN(200))...)
	}
	return s
}

// forged is a loop frame that somebody else made.
func (t *traffic) forged() *step {
	s := t.talk(t.talks[t.IntN(len(t.talks))])
	pads := pick(t.world, 0, 1, 2, 2, 3, 4, 4, 15)
	f := s.frame
	loop := []byte{f[12], f[13], 0, byte(s.port), byte(build.RoleLocal<<4 | pads), 0, 0, 0}
	if t.chance(20) {
		be.PutUint16(loop, uint16(t.Uint32()))
	}
	f = slices.Concat(f[:12], be.AppendUint16(nil, build.EthertypeLoop), loop, make([]byte, pads*build.PadBytes), f[14:])
	if t.chance(20) {
		f = f[:t.IntN(len(f))]
	}
	port := s.port
	if t.chance(50) {
		port = loopBack
	}
	return &step{what: "forged loop frame", port: port, frame: f}
}

// packetOut is any frame by way of the controller.
func (t *traffic) packetOut() *step {
	s := t.ordinary()
	switch {
	case t.chance(10):
		s = t.forged()
	case t.chance(50):
		s = t.talk(t.talks[t.IntN(len(t.talks))])
	}
	mode := pick[uint16](t.world, build.OutSend, build.OutReceive, build.OutReceive, build.OutReceive)
	if t.chance(5) {
		mode = uint16(2 + t.IntN(65534))
	}
	port := s.port
	if t.chance(30) {
		port = uint16(1 + t.IntN(5))
	}
	head := be.AppendUint16(be.AppendUint16(nil, port), mode)
	f := append(head, s.frame...)
	if t.chance(1) && !t.realTime {
		f = f[:t.IntN(30)]
	}
	return &step{what: "packet-out of " + s.what, port: build.CPUPort, frame: f}
}
