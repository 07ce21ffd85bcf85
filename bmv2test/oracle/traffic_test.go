package oracle

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// sorted goes through a map in an order that is the same in every run.
func sorted[K comparable, V any](m map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		keys := slices.Collect(maps.Keys(m))
		slices.SortFunc(keys, func(a, b K) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		for _, k := range keys {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// traffic makes the steps of a world.
type traffic struct {
	*world
	talks  []*talk
	queued []*step // what must come next
}

// talk is what the source of a channel or stream sends: two payloads back can
// still be named.
type talk struct {
	channel  *ChannelKey // at the ITR
	port     uint16
	stream   *StreamKey // at the ETR
	instance int
	source   netip.Addr
	reserved netip.Addr
	sequence uint32
	media    []media
}

type media struct {
	id    wire.ID
	bytes []byte
}

func newTraffic(w *world) *traffic {
	t := &traffic{world: w}
	for k, ch := range sorted(w.c.Channels) {
		t.talks = append(t.talks, &talk{channel: &k, port: ch.Port, instance: slices.Index(w.instances, k.Instance),
			source: ch.Source, reserved: k.Reserved, sequence: w.Uint32()})
	}
	for k := range sorted(w.c.Streams) {
		t.talks = append(t.talks, &talk{stream: &k, instance: slices.Index(w.instances, k.Instance),
			source: k.Source, reserved: k.Reserved, sequence: w.Uint32()})
	}
	return t
}

// next is what happens next.
func (t *traffic) next() *step {
	if len(t.queued) > 0 {
		s := t.queued[0]
		t.queued = t.queued[1:]
		return s
	}
	switch n := t.IntN(1000); {
	case n < 2:
		return t.change()
	case n < 12:
		if t.realTime {
			return t.ordinary()
		}
		if t.chance(10) {
			return t.missAgain()
		}
		return &step{what: "time passes", wait: time.Duration(1+t.IntN(500)) * time.Millisecond}
	case n < 500:
		return t.spoil(t.talk(t.talks[t.IntN(len(t.talks))]))
	case n < 700:
		return t.spoil(t.ordinary())
	case n < 850:
		return t.spoil(t.tunneled())
	case n < 900:
		return t.odd()
	case n < 920:
		return t.forged()
	}
	return t.packetOut()
}

// missAgain sends packets that nobody has a mapping for, up to more than are
// reported at once, and the same again just before or just when more may be
// reported.
func (t *traffic) missAgain() *step {
	v6, i := t.chance(50), t.IntN(2)
	p := t.plain(v6, eid(v6, i, 1, 2), eid(v6, 50+t.IntN(150), 1, 1))
	miss := t.frame("miss", t.localPort(i), p)
	few := pick(t.world, 1, build.MissBurst-1, build.MissBurst, build.MissBurst+1)
	for range few - 1 {
		t.queued = append(t.queued, miss)
	}
	wait := pick[time.Duration](t.world, build.MissHold, build.MissForget)*time.Microsecond - pick(t.world, 0, time.Millisecond)
	t.queued = append(t.queued, &step{what: "time passes", wait: wait}, miss, miss)
	return miss
}

// talk makes the next payload, a header for one of the last, or something wrong.
func (t *traffic) talk(k *talk) *step {
	toGroup := k.stream != nil && t.c.Streams[*k.stream].Group != 0
	if t.chance(15) || len(k.media) == 0 || toGroup && t.chance(70) {
		k.sequence++
		if t.chance(5) {
			k.sequence += 1 + t.Uint32N(3) // payloads were lost
		}
		m := media{bytes: t.bytes()}
		m.id = wire.Identify(k.sequence, m.bytes)
		k.media = append(k.media, m)
		k.media = k.media[max(0, len(k.media)-4):]
	} else if t.chance(90) {
		m := k.media[len(k.media)-1]
		if t.chance(8) {
			m = pick(t.world, k.media...) // late
		}
		return t.send(k, t.headerFor(k, m), "header")
	}
	m := k.media[len(k.media)-1]
	if t.chance(5) {
		m = pick(t.world, k.media...) // repeated
	}
	b, err := wire.AppendPayload(nil, m.id, m.bytes)
	if err != nil {
		panic(err)
	}
	return t.send(k, b, "payload")
}

func (t *traffic) bytes() []byte {
	n := pick(t.world, 1, 2, 3, 47, 188, 255, 256, 700, 1024, 1316, 1316, 1472, 1+t.IntN(1472))
	b := make([]byte, n)
	for i := 0; i < len(b); i += 8 { // a pattern is as good, and faster
		b[i] = byte(t.Uint32())
	}
	return b
}

func (t *traffic) headerFor(k *talk, m media) []byte {
	n := 1
	if t.chance(40) {
		n = pick(t.world, 2, 4, 32, 2+t.IntN(31))
	}
	var viewers []netip.AddrPort
	first := t.viewer(k)
	for range n {
		port := uint16(1 + t.IntN(65535))
		if t.chance(3) {
			port = t.zeroSumPort(k, m, first)
		}
		viewers = append(viewers, netip.AddrPortFrom(first, port))
		if k.stream != nil || first.As16()[13] == byte(k.instance) {
			first = t.viewer(k)
		}
	}
	appendHeader := wire.AppendHeader4
	if !k.source.Is4() {
		appendHeader = wire.AppendHeader6
	}
	b, err := appendHeader(nil, m.id, viewers)
	if err != nil {
		panic(err)
	}
	return b
}

// zeroSumPort is the port that makes the UDP checksum of a viewer's packet come
// out as 0, which must be sent as 0xFFFF.
func (t *traffic) zeroSumPort(k *talk, m media, viewer netip.Addr) uint16 {
	header := t.datagram(k.source, k.reserved, k.sourcePort(), wire.Port, nil)
	p := ip{!k.source.Is4(), header}.datagram(viewer, 0, m.bytes)
	udp, _ := p.udp()
	return max(1, be.Uint16(udp[6:]))
}

func (k *talk) sourcePort() uint16 { return uint16(5000 + k.instance) }

// viewer is an EID that a header may name.
func (t *traffic) viewer(k *talk) netip.Addr {
	v6, n := !k.source.Is4(), t.IntN(100)
	if k.stream != nil && n < 90 || n < 15 {
		return t.localEID(k.instance, v6)
	}
	if n < 90 {
		return eid(v6, 20+t.IntN(sites), pick(t.world, 1, 7), 1+t.IntN(200))
	}
	return t.anyEID(k.instance, v6)
}

func (t *traffic) localEID(i int, v6 bool) netip.Addr {
	if t.chance(15) {
		return eid(v6, i, viaSub, 1+t.IntN(200))
	}
	if t.chance(97) {
		return eid(v6, i, 1, 2+t.IntN(hosts-2))
	}
	return eid(v6, i, 1, hosts+t.IntN(2)) // nobody knows how to reach it
}

func (t *traffic) anyEID(i int, v6 bool) netip.Addr {
	switch t.IntN(8) {
	case 0:
		return t.localEID(i, v6)
	case 1:
		return eid(v6, i, 1, usHost)
	case 2:
		return eid(v6, i, reservedSub, 50+t.IntN(3))
	case 3:
		return eid(v6, pick(t.world, dropNet, nativeNet), 1, 1+t.IntN(200))
	case 4: // in no mapping
		net := 50 + t.IntN(150)
		if t.realTime && v6 {
			net = 0x100 + t.IntN(0xF000) // hardly any twice: nobody moves the clock
		}
		return eid(v6, net, t.IntN(250), 1+t.IntN(200))
	}
	return eid(v6, 20+t.IntN(sites), pick(t.world, 1, 7), 1+t.IntN(200))
}

// send wraps a CoreCast message as its source does, or nearly so.
func (t *traffic) send(k *talk, message []byte, what string) *step {
	message = t.bend(message)
	src, dst, port := k.source, k.reserved, uint16(wire.Port)
	if t.chance(1) {
		port = pick[uint16](t.world, 4343, 4341, 4342)
	}
	if t.chance(1) {
		src = src.Next()
	}
	if k.channel != nil && t.chance(1) { // in LISP, where it is no CoreCast
		message = slices.Concat(make([]byte, build.LISPBytes), t.datagram(src, dst, 5000, wire.Port, message))
		port = build.LISPDataPort
	}
	p := t.datagram(src, dst, k.sourcePort(), port, message)
	if t.chance(1) {
		p = t.stretch(p)
	}
	if k.stream != nil {
		from := k.stream.Peer
		if t.chance(2) {
			from = uint16(1 + t.IntN(sites+strangeSites))
		}
		what = fmt.Sprintf("stream %s", what)
		return t.tunnel4341(what, p, rloc(t.chance(50), 99+int(from)), t.instances[k.instance])
	}
	at := k.port
	if t.chance(1) {
		at = uint16(1 + t.IntN(5))
	}
	return t.frame("channel "+what, at, p)
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
