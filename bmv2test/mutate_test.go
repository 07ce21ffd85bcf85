package bmv2test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch/port"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// mutant is a frame and where it enters the network: switch (0 is the ITR) and
// port.
type mutant struct {
	d     int
	port  uint32
	frame []byte
}

// corpus returns at least one valid frame of every kind there is.
func corpus(t *T) []mutant {
	var list []mutant
	atITR := func(frames ...[]byte) {
		for _, f := range frames {
			list = append(list, mutant{0, LocalPort, f})
		}
	}
	inTunnel := func(frames ...[]byte) {
		for _, f := range frames {
			list = append(list, mutant{1, TransitPort, t.fromITR(1, f)})
		}
	}
	viewers := t.fig.Viewers
	for _, length := range []int{1, 47, 255, 256, 700, 1316, 1472} {
		for _, t := range []*T{t, t.ipv6()} {
			m := t.media(length)
			frames := [][]byte{t.payload(m)}
			for _, v := range viewers[:4] {
				frames = append(frames, t.header(m, t.at(v)))
			}
			for _, n := range []int{3, 32} {
				frames = append(frames, t.header(m, addresses(t.listOf(1, n))...))
			}
			// Some entries are another site's.
			frames = append(frames, t.header(m, append(addresses(t.listOf(2, 2)), addresses(t.listOf(1, 5))...)...))
			atITR(frames...)
			inTunnel(frames...)
			for _, f := range frames {
				list = append(list, mutant{1, TransitPort, t.overIPv6().fromITR(1, f)})
			}
		}
	}
	source, domain := t.fig.Host(SourceName), t.fig.Host(DomainName(1))
	ordinary := t.fromSource(addrPort(domain.Addr, 7), []byte("ordinary traffic"))
	expiring := edit(ordinary, func(ip []byte) { ip[atTTL] = 1 })
	odd := t.fromSource(addrPort(domain.Addr, wire.Port), []byte("ordinary, too"))
	back := t.datagram(domain, addrPort(SourceEID, 7), bytes.Repeat([]byte{7}, 1400))
	arp := append((&inet.Ethernet{Dst: source.Gateway, Type: inet.EtherTypeARP}).Append(nil), make([]byte, 28)...)
	header := t.header(t.media(1316), viewers[0].EID)
	atITR(ordinary, expiring, odd, arp, t.fromSource(netip.MustParseAddrPort("203.0.113.1:7"), nil),
		looped(header, build.RoleLocal, 2), looped(header, build.RoleLocal, 4))
	inTunnel(ordinary, expiring, odd)
	t6 := t.ipv6()
	ordinary6 := t6.fromSource(addrPort(EID6(domain.Addr), 7), []byte("ordinary traffic"))
	atITR(ordinary6, t.fromSource(netip.MustParseAddrPort("[2001:db8:99::1]:7"), nil),
		with(ordinary6, func(b []byte) { copy(b, []byte{0x33, 0x33, 0, 0, 0, 1}); ipOf(b)[at6Next] = icmpv6 }))
	inTunnel(ordinary6)
	plain := datagramOf(addrPort(t.fig.RLOC(2), 4342), addrPort(t.fig.RLOC(1), 4342), 9, []byte("LISP control"))
	return append(list,
		mutant{1, LocalPort, back},
		mutant{0, TransitPort, t.encapsulated(0, t.fig.RLOC(1), ipOf(back))},
		mutant{1, TransitPort, must(plain.Append(transitEthernet(1, t.fig.RLOC(0))))},
	)
}

// mutator makes wrong frames of valid ones. A seed repeats a run.
type mutator struct {
	*rand.Rand
	corpus []mutant
	buffer []byte
}

func newMutator(corpus []mutant, seed uint64) *mutator {
	return &mutator{rand.New(rand.NewPCG(seed, 0)), corpus, make([]byte, 0, 2*port.MaxFrame)}
}

// next returns a frame that is valid until the next call. One in eight is
// left as it was, so that stores and stamps are in use all the time.
func (m *mutator) next() mutant {
	v := m.corpus[m.IntN(len(m.corpus))]
	m.buffer = append(m.buffer[:0], v.frame...)
	if m.IntN(8) > 0 {
		for range 1 + m.IntN(4) {
			m.mutate()
		}
		m.repair(v)
	}
	if m.IntN(16) == 0 {
		v.d, v.port = m.IntN(2), uint32(LocalPort+m.IntN(2))
	}
	m.buffer = m.buffer[:min(len(m.buffer), port.MaxFrame, vethMTU)]
	v.frame = m.buffer
	return v
}

func (m *mutator) mutate() {
	b := m.buffer
	if len(b) == 0 {
		return
	}
	headers := min(len(b), 128) // where bits have a meaning
	switch m.IntN(8) {
	case 0:
		b[m.IntN(len(b))] ^= 1 << m.IntN(8)
	case 1, 2:
		b[m.IntN(headers)] ^= 1 << m.IntN(8)
	case 3:
		b[m.IntN(headers)] = byte(m.Uint32())
	case 4: // a field of two bytes: lengths, ports, counts
		if at := m.IntN(headers) &^ 1; at+2 <= len(b) {
			values := []uint16{0, 1, 8, 20, 36, 1472, 1473, 4341, 4344, 0x7FFF, 0xFFFF, uint16(m.Uint32())}
			binary.BigEndian.PutUint16(b[at:], values[m.IntN(len(values))])
		}
	case 5:
		m.buffer = b[:m.IntN(len(b))]
	case 6:
		for range 1 + m.IntN(300) {
			m.buffer = append(m.buffer, byte(m.Uint32()))
		}
	case 7: // the front of one frame and the rest of another
		other := m.corpus[m.IntN(len(m.corpus))].frame
		m.buffer = append(b[:m.IntN(len(b))], other[m.IntN(len(other)):]...)
	}
	m.buffer = m.buffer[:min(len(m.buffer), port.MaxFrame)]
}

// repair makes some frames right again where a check would stop them early:
// the Ethernet address, IP lengths and checksums, the payload's hash.
func (m *mutator) repair(v mutant) {
	b := m.buffer
	if len(b) < inet.EthernetSize+build.IPv4Bytes {
		return
	}
	if m.IntN(4) > 0 {
		copy(b[:6], v.frame)
	}
	ip := ipOf(b)
	if m.IntN(4) == 0 {
		binary.BigEndian.PutUint16(ip[atIPLength:], uint16(len(ip)))
	}
	inner := build.LISPIPv4Bytes
	tunnelled := v.port == TransitPort && len(ip) > inner+atCoreCast+build.CorecastBytes
	if tunnelled && m.IntN(2) == 0 {
		binary.BigEndian.PutUint16(ip[inner+atIPLength:], uint16(len(ip)-inner))
		fixChecksum(ip[inner:])
	}
	if m.IntN(4) > 0 {
		fixChecksum(ip)
	}
	at := 0
	if tunnelled {
		at = inner
	}
	if payload := at + atCoreCast + build.CorecastBytes; m.IntN(2) == 0 && len(ip) > payload && ip[at+atType] == 0x11 {
		n := min(int(binary.BigEndian.Uint16(ip[at+atSize:])), len(ip)-payload)
		binary.BigEndian.PutUint32(ip[at+atHash:], crc32.ChecksumIEEE(ip[payload:payload+n]))
	}
}
