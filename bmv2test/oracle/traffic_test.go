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
