package bmv2test

import (
	"encoding/binary"
	"net/netip"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// The drops of packets that are, or claim to be, CoreCast; dropScenarios lists
// them among the others.

func dropBadCoreCast(t *T) {
	m := t.media(300)
	viewer := t.fig.Viewers[0].EID
	header, payload := t.header(m, viewer), t.payload(m)
	for _, frame := range [][]byte{
		t.fromSource(addrPort(ReservedEID, 5000), make([]byte, 60)),           // another UDP port
		edit(header, func(ip []byte) { ip[6] = 0x20 }),                        // a fragment
		edit(header, func(ip []byte) { ip[9] = 6 }),                           // TCP
		edit(header, func(ip []byte) { ip[atType] = 0x22 }),                   // version 2
		edit(header, func(ip []byte) { ip[atType] = 0x14 }),                   // type 4
		edit(header, func(ip []byte) { ip[atType] = 0x13 }),                   // HEADER6 over IPv4
		edit(payload, func(ip []byte) { ip[atCount] = 1 }),                    // a payload with entries
		edit(append(header[:len(header):len(header)], 0, 0), func([]byte) {}), // bytes behind the packet
		edit(append(payload[:len(payload):len(payload)], 9), func(ip []byte) { resize(ip, 1) }),
	} {
		t.drops(0, build.DropBadCorecast, SourceName, frame)
	}
}

func dropBadCount(t *T) {
	header := t.header(t.settled(300), t.fig.Viewers[0].EID)
	for _, count := range []byte{0, 2, 32, 33, 255} {
		t.drops(0, build.DropBadCount, SourceName, edit(header, func(ip []byte) { ip[atCount] = count }))
	}
	// At an ETR.
	inner := ipOf(edit(header, func(ip []byte) { ip[atCount] = 3 }))
	t.drops(1, build.DropBadCount, "", t.encapsulated(1, t.fig.RLOC(0), inner))
}

func dropList(t *T) {
	m := t.settled(300)
	list := t.header(m, t.at(t.fig.Viewers[0]), t.at(t.fig.Viewers[1]))
	t.setChannel(build.ParamChannel4MaxList, 1)
	t.setStream(1, build.ParamStreamMaxList, 1)
	for d, send := range []func(){
		func() { t.send(SourceName, list) },
		func() { t.inject(1, t.fromITR(1, list)) },
	} {
		refused := dropped(d, build.DropListRefused).plus(counts{t.event(d, build.EventRefused): 1})
		t.observe(expect{counted: refused}, send)
	}
	t.serve(m, t.fig.Viewers[0], false)
}

func dropPayloadLength(t *T) {
	payload := t.payload(t.media(100))
	rejected := dropped(0, build.DropPayloadLength).plus(counts{t.event(0, build.EventPayloadRejected): 1})
	for _, length := range []uint16{0, build.MaxPayload + 1, 0xFFFF} {
		t.dropsCounting(0, rejected, SourceName, edit(payload, func(ip []byte) {
			binary.BigEndian.PutUint16(ip[atSize:], length)
		}))
	}
}

// dropHash spoils media and hash, at the ITR and in the tunnel, and checks that
// what is stored does not suffer.
func dropHash(t *T) {
	m := t.settled(1316)
	other := t.media(1316)
	t.media(1)
	itr := dropped(0, build.DropPayloadHash).plus(counts{t.event(0, build.EventPayloadRejected): 1})
	etr := dropped(1, build.DropPayloadHash).plus(counts{t.event(1, build.EventPayloadRejected): 1})
	for _, fromEnd := range []int{1, 1316, 1317, 1320} { // last and first byte of the media, of the hash
		spoiled := with(t.payload(other), func(b []byte) { b[len(b)-fromEnd] ^= 0x10 })
		t.dropsCounting(0, itr, SourceName, spoiled)
		t.dropsCounting(1, etr, "", t.fromITR(1, spoiled))
	}
	t.serve(m, t.fig.Viewers[0], false)
}

func dropUnknownPayload(t *T) {
	m := t.settled(300)
	viewer := t.at(t.fig.Viewers[0])
	never, length, hash, sequence := t.media(300), m, m, m
	length.id.Length--
	hash.id.Hash++
	sequence.id.Sequence += 2
	for _, m := range []media{never, length, hash, sequence} {
		unknown := func(d int) counts {
			return dropped(d, build.DropUnknownPayload).plus(counts{t.event(d, build.EventHeaderUnknown): 1})
		}
		t.dropsCounting(0, unknown(0), SourceName, t.header(m, viewer))
		t.dropsCounting(1, unknown(1), "", t.fromITR(1, t.header(m, viewer)))
	}
}

func dropChannelSource(t *T) {
	m := t.settled(300)
	source := t.fig.Host(SourceName)
	other := addrPort(netip.MustParseAddr("10.0.0.66"), channelPort)
	for _, payload := range [][]byte{
		must(wire.AppendPayload(nil, m.id, m.bytes)),
		must(wire.AppendHeader4(nil, m.id, []netip.AddrPort{t.fig.Viewers[0].EID})),
		[]byte("anything"),
	} {
		frame := t.datagramFrom(source, inet.Datagram{Src: other, Dst: t.reserved(), Payload: payload})
		t.drops(0, build.DropChannelSource, SourceName, frame)
	}
}

func dropChannelPort(t *T) {
	m := t.settled(300)
	for _, frame := range [][]byte{t.payload(t.media(300)), t.header(m, t.fig.Viewers[0].EID)} {
		t.drops(0, build.DropChannelPort, "", append(transitEthernet(0, t.fig.RLOC(0)), ipOf(frame)...))
	}
}

func dropReservedEID(t *T) {
	m := t.settled(300)
	unused := netip.MustParseAddr("10.0.255.77")
	t.drops(0, build.DropReservedEID, SourceName, t.fromSource(addrPort(unused, wire.Port), must(wire.AppendPayload(nil, m.id, m.bytes))))
	t.drops(0, build.DropReservedEID, SourceName, t.fromSource(addrPort(unused, 80), nil))
	// A viewer cannot have one either.
	t.drops(0, build.DropReservedEID, SourceName, t.header(m, addrPort(unused, MediaPort)))
}

// dropReservedFromAfar has another site send to the reserved EID in the
// source's name: what comes out of a tunnel cannot open a channel.
func dropReservedFromAfar(t *T) {
	m := t.media(300)
	domain := t.fig.Host(DomainName(1))
	for _, payload := range [][]byte{
		must(wire.AppendPayload(nil, m.id, m.bytes)),
		must(wire.AppendHeader4(nil, m.id, []netip.AddrPort{t.fig.Viewers[0].EID})),
	} {
		frame := t.datagramFrom(domain, inet.Datagram{Src: addrPort(SourceEID, channelPort), Dst: t.reserved(), Payload: payload})
		got := t.observe(expect{transit: 1, counted: dropped(0, build.DropReservedEID)}, func() { t.send(domain.Name, frame) })
		t.checkTunnel(got.transit[0], 1, 0, hop(ipOf(frame)))
	}
}

// dropInstance sends what would be right in the instance we are in, with the
// instance-id of another in its LISP header.
func dropInstance(t *T) {
	m := t.settled(300)
	other := lisp.Tunnel{Src: t.fig.RLOC(0), Dst: t.fig.RLOC(1), Header: lisp.DataHeader{Flags: lisp.FlagInstance, InstanceID: 5}}
	ours := lisp.Tunnel{Src: other.Src, Dst: other.Dst, Header: lisp.DataHeader{Flags: lisp.FlagInstance}}
	viewer := t.fig.Viewers[0]
	unicast := ipOf(t.fromSource(discardPort(t.fig.Host(DomainName(1))), []byte("ordinary")))
	header := ipOf(t.header(m, viewer.EID))
	t.drops(1, build.DropStreamRLOC, "", must(other.Append(transitEthernet(1, t.fig.RLOC(0)), header)))
	t.drops(1, build.DropNotLocal, "", must(other.Append(transitEthernet(1, t.fig.RLOC(0)), unicast)))
	t.observe(expect{arrived: 2, counted: counts{t.event(1, build.EventHeader): 1, t.event(1, build.EventExpanded): 1}}, func() {
		t.inject(1, must(ours.Append(transitEthernet(1, t.fig.RLOC(0)), header)), must(ours.Append(transitEthernet(1, t.fig.RLOC(0)), unicast)))
	})
}

func dropStreamRLOC(t *T) {
	m := t.settled(300)
	stranger := netip.MustParseAddr("192.0.2.99")
	for _, frame := range [][]byte{t.payload(t.media(300)), t.header(m, t.fig.Viewers[0].EID)} {
		t.drops(1, build.DropStreamRLOC, "", t.encapsulated(1, stranger, ipOf(frame)))
	}
}

// dropWrongStream comes from the ITR's RLOC, but is not the channel.
func dropWrongStream(t *T) {
	m := t.settled(300)
	source := t.fig.Host(SourceName)
	payload := must(wire.AppendPayload(nil, m.id, m.bytes))
	for _, d := range []inet.Datagram{
		{Src: addrPort(netip.MustParseAddr("10.0.0.66"), channelPort), Dst: t.reserved(), Payload: payload},
		{Src: addrPort(SourceEID, channelPort), Dst: addrPort(netip.MustParseAddr("10.0.255.2"), wire.Port), Payload: payload},
	} {
		t.drops(1, build.DropStreamRLOC, "", t.encapsulated(1, t.fig.RLOC(0), ipOf(t.datagramFrom(source, d))))
	}
}

func dropEntryNotLocal(t *T) {
	m := t.settled(300)
	elsewhere := t.domainViewers(2, 1)[0].EID
	nowhere := netip.MustParseAddrPort("203.0.113.9:5004")
	for _, viewer := range []netip.AddrPort{elsewhere, nowhere} {
		t.drops(1, build.DropEntryNotLocal, "", t.fromITR(1, t.header(m, viewer)))
	}
}
