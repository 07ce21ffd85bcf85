package oracle

import (
	"net/netip"
	"slices"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

// What packets are made of, and what is wrong with some.

func (t *traffic) datagram(src, dst netip.Addr, from, to uint16, payload []byte) []byte {
	d := inet.Datagram{Src: netip.AddrPortFrom(src, from), Dst: netip.AddrPortFrom(dst, to), TOS: t.tos(), TTL: t.ttl(), Payload: payload}
	b, err := d.Append(nil)
	if err != nil {
		panic(err)
	}
	if dst.Is4() && t.chance(10) {
		be.PutUint16(b[4:], uint16(t.Uint32())) // identification
		b[6] = pick[byte](t.world, 0, 0x40)
		ip{b: b}.setHeaderSum()
	}
	if !dst.Is4() && t.chance(10) {
		b[3] = byte(t.Uint32()) // flow label
	}
	return b
}

// frame puts an IP packet on the wire to the switch.
func (t *traffic) frame(what string, port uint16, packet []byte) *step {
	etherType := uint16(build.EthertypeIPv4)
	if packet[0]>>4 == 6 {
		etherType = build.EthertypeIPv6
	}
	dst := t.c.Ports[port].MAC
	f := slices.Concat(dst[:], []byte{2, 9, 9, 9, 9, byte(port)}, be.AppendUint16(nil, etherType), packet)
	if len(f) < 60 {
		f = append(f, make([]byte, 60-len(f))...)
	}
	return &step{what: what, port: port, frame: f}
}

// tunnel4341 sends a packet to us as LISP.
func (t *traffic) tunnel4341(what string, inner []byte, from netip.Addr, instance uint32) *step {
	to := pick(t.world, t.ourRLOCs...)
	for to.Is4() != from.Is4() {
		to = pick(t.world, t.ourRLOCs...)
	}
	if t.chance(1) {
		to = rloc(!to.Is4(), 1)
	}
	header := make([]byte, build.LISPBytes)
	if instance != 0 || t.chance(20) {
		header[0] = 0x08
		be.PutUint32(header[4:], instance<<8|uint32(t.IntN(256)))
	}
	if t.chance(20) { // nonce, LSBs: to be ignored
		header[0] |= byte(t.IntN(16)) << 4
		be.PutUint32(header[0:], be.Uint32(header)|t.Uint32N(1<<24))
	}
	tos := t.tos()
	if t.chance(70) {
		tos = tos&^3 | build.EcnEct0
	}
	p := t.datagram(from, to, uint16(0xC000+t.IntN(1000)), build.LISPDataPort, slices.Concat(header, inner))
	p2 := ip{p[0]>>4 == 6, p}
	p2.setTOS(tos)
	port := uint16(transit1 + t.IntN(2))
	if t.chance(5) {
		port = uint16(1 + t.IntN(5))
	}
	return t.frame(what, port, p2.b)
}

func (t *traffic) ttl() uint8 {
	if t.chance(93) {
		return 64
	}
	return pick[uint8](t.world, 0, 1, 2, 255)
}

func (t *traffic) tos() uint8 {
	if t.chance(60) {
		return uint8(t.IntN(64)) << 2
	}
	return uint8(t.Uint32())
}

func (t *traffic) bytes() []byte {
	n := pick(t.world, 1, 2, 3, 47, 188, 255, 256, 700, 1024, 1316, 1316, 1472, 1+t.IntN(1472))
	b := make([]byte, n)
	for i := 0; i < len(b); i += 8 { // a pattern is as good, and faster
		b[i] = byte(t.Uint32())
	}
	return b
}

// bend makes a CoreCast message wrong now and then.
func (t *traffic) bend(b []byte) []byte {
	if !t.chance(5) {
		return b
	}
	b = slices.Clone(b)
	switch t.IntN(7) {
	case 0:
		b[0] = byte(t.Uint32())
	case 1:
		b[1] = byte(t.IntN(40))
	case 2:
		be.PutUint16(b[2:], uint16(pick(t.world, 0, 1, 1472, 1473, 65535, t.IntN(1600))))
	case 3:
		b[8+t.IntN(4)] ^= 1
	case 4:
		b[0] = byte(0x10 | t.IntN(4))
	case 5:
		b = b[:t.IntN(len(b))]
	case 6:
		b = append(b, make([]byte, 1+t.IntN(40))...)
	}
	return b
}

// stretch makes an IP packet's own lengths disagree, its checksum right.
func (t *traffic) stretch(b []byte) []byte {
	p := ip{b[0]>>4 == 6, slices.Clone(b)}
	switch t.IntN(4) {
	case 0: // UDP length
		be.PutUint16(p.b[p.headerSize()+4:], uint16(t.IntN(1600)))
	case 1: // IP length
		at := 2
		if p.v6 {
			at = 4
		}
		be.PutUint16(p.b[at:], uint16(int(be.Uint16(p.b[at:]))+t.IntN(80)-40))
	case 2: // protocol
		p.b[pick(t.world, 6, 9)] = byte(pick(t.world, 6, 1, 58, 44, 17, 132))
	case 3: // fragment, options
		if !p.v6 {
			p.b[pick(t.world, 0, 6, 7)] ^= byte(1 << t.IntN(8))
		}
	}
	if !p.v6 {
		p.setHeaderSum()
	}
	return p.b
}

// spoil damages a frame now and then, on the wire, and makes the outer header
// checksum right again half the time.
func (t *traffic) spoil(s *step) *step {
	if s.frame == nil || !t.chance(4) {
		return s
	}
	n := &step{what: s.what + ", damaged", port: s.port, frame: slices.Clone(s.frame)}
	switch t.IntN(3) {
	case 0:
		for range 1 + t.IntN(3) {
			n.frame[t.IntN(min(len(n.frame), 120))] ^= 1 << t.IntN(8)
		}
	case 1:
		n.frame = n.frame[:t.IntN(len(n.frame))]
	case 2:
		n.frame = append(n.frame, make([]byte, 1+t.IntN(300))...)
	}
	if t.chance(50) && len(n.frame) >= 34 && n.frame[14]>>4 == 4 {
		ip{b: n.frame[14:]}.setHeaderSum()
	}
	return n
}
