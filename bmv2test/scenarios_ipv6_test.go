package bmv2test

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// The scenarios of IPv4 EIDs reach domain 3 by an IPv6 RLOC; these do the same
// with IPv6 EIDs, so that there are all four mixes.
func ipv6Scenarios() []Scenario {
	var list []Scenario
	for _, length := range []int{1, 47, 255, 256, 1200, 1316, 1471, 1472} {
		list = append(list, Scenario{fmt.Sprintf("IPv6: deliver %d bytes", length), func(t *T) { deliver(t.ipv6(), length) }})
	}
	for _, sc := range []Scenario{
		{"deliver a burst of headers", deliverBurst},
		{"deliver many payloads", deliverMany},
		{"deliver to a viewer in the source's own domain", deliverAtITR},
		{"redundancy 2", func(t *T) { redundancy(t, 2) }},
		{"two payloads by parity", twoPayloads},
		{"a payload pushes out the one before the last", overwritten},
		{"a repeated payload starts no generation", repeated},
		{"a shorter payload leaves nothing of a longer one", shorter},
		{"LISP unicast from the source's domain", unicastOut},
		{"LISP unicast towards the source's domain", unicastBack},
		{"LISP unicast between viewer domains", unicastAcross},
		{"local delivery", localDelivery},
		{"UDP 4344 to an ordinary EID is ordinary", ordinary4344},
		{"a copy has the headers of what triggered it", copyHeaders},
		{"frames of any size", sizes},
		{"drop: wrong hash", dropHash},
		{"drop: unknown payload", dropUnknownPayload},
		{"drop: payload length", dropPayloadLength6},
		{"drop: bad IP", dropBadIP6},
		{"drop: truncated", dropTruncated6},
		{"drop: bad CoreCast", dropBadCoreCast6},
		{"drop: count that does not fit", dropBadCount6},
		{"drop: another source, port or reserved EID", dropChannel6},
		{"drop: entry that is not local", dropEntryNotLocal6},
	} {
		run := sc.Run
		list = append(list, Scenario{"IPv6: " + sc.Name, func(t *T) { run(t.ipv6()) }})
	}
	return append(list,
		Scenario{"LISP unicast by an IPv6 RLOC", func(t *T) { t.crosses(0, 3, t.between(0, 3, 5000, 0x2E)) }},
		Scenario{"IPv6: LISP unicast by an IPv6 RLOC", func(t *T) { t.ipv6().crosses(0, 3, t.ipv6().between(0, 3, 5000, 0x2E)) }},
		Scenario{"a viewer's UDP checksum that would be 0", checksumZero},
		Scenario{"IPv6: a viewer's UDP checksum that would be 0", func(t *T) { checksumZero(t.ipv6()) }},
		Scenario{"a copy's UDP checksum that would be 0", copyChecksumZero},
		Scenario{"IPv6: a copy's UDP checksum that would be 0", func(t *T) { copyChecksumZero(t.ipv6()) }},
	)
}

// atUDPChecksum returns where the UDP checksum of a packet to an address is.
func atUDPChecksum(to netip.Addr) int { return inet.HeaderSize(to) - 2 }

// checksumZero makes media with which the viewer's checksum is 0, which means
// "none" and is sent as 0xffff.
func checksumZero(t *T) {
	v := t.fig.Viewers[0]
	for _, size := range []int{2, 1315, 1316} {
		m := t.media(size)
		binary.BigEndian.PutUint16(m.bytes, 0)
		d := datagramOf(addrPort(t.eid(SourceEID), channelPort), t.at(v), 62, m.bytes)
		at := atUDPChecksum(v.EID.Addr())
		if t.six {
			at = atUDPChecksum(v.EID6.Addr())
		}
		// With the checksum as the first word of the media their sum is all
		// ones.
		copy(m.bytes, must(d.Append(nil))[at:at+2])
		m = mediaFrom(m.id.Sequence, m.bytes)
		got := t.observe(expect{transit: 2, arrived: 1, counted: t.once(1).plus(t.stored())}, func() {
			t.send(SourceName, t.payload(m), t.header(m, t.at(v)))
		})
		t.checkViewerGot(got.arrived[0], m, v)
		if sum := binary.BigEndian.Uint16(ipOf(got.arrived[0].frame)[at:]); sum != 0xFFFF {
			t.Errorf("%d bytes: UDP checksum %#04x, want 0xffff", size, sum)
		}
	}
}

// copyChecksumZero finds media with which the checksum of the payload copy is
// 0, by trying: it depends on the hash of the media.
func copyChecksumZero(t *T) {
	v := t.fig.Viewers[0]
	at := inet.HeaderSize(t.reserved().Addr()) - 2
	t.media(1)
	m := mediaOf(t.sequence, 8)
	for n := uint64(0); ; n++ {
		binary.BigEndian.PutUint64(m.bytes, n)
		m = mediaFrom(m.id.Sequence, m.bytes)
		if ip := ipOf(t.payload(m)); binary.BigEndian.Uint16(ip[at:]) == 0xFFFF {
			break
		}
	}
	got := t.observe(expect{transit: 2, arrived: 1, counted: t.once(1).plus(t.stored())}, func() {
		t.send(SourceName, t.payload(m), t.header(m, t.at(v)))
	})
	t.checkCopy(got.transit[0], m)
	if sum := binary.BigEndian.Uint16(t.tunnelled(got.transit[0]).Inner[at:]); sum != 0xFFFF {
		t.Errorf("UDP checksum of the copy %#04x, want 0xffff", sum)
	}
}

// Offsets in an IPv6 packet.
const (
	at6Length   = 4
	at6Next     = 6
	at6UDPSize  = inet.IPv6Size + 4
	at6CoreCast = inet.IPv6Size + inet.UDPSize
)

// resize6 makes the IP and UDP lengths of an IPv6 packet right by delta.
func resize6(ip []byte, delta int) {
	be := binary.BigEndian
	be.PutUint16(ip[at6Length:], uint16(int(be.Uint16(ip[at6Length:]))+delta))
	be.PutUint16(ip[at6UDPSize:], uint16(int(be.Uint16(ip[at6UDPSize:]))+delta))
}

func (t *T) ordinary(size int) []byte {
	return t.fromSource(addrPort(t.eid(t.fig.Host(DomainName(1)).Addr), 9), make([]byte, size))
}

func dropBadIP6(t *T) {
	t.drops(0, build.DropBadIP, SourceName, edit(t.ordinary(60), func(ip []byte) { ip[0] = 0x70 }))
	t.drops(0, build.DropBadIP, SourceName, edit(t.payload(t.media(300)), func(ip []byte) { ip[0] = 0x40 }))
}

func dropTruncated6(t *T) {
	frame := t.ordinary(60)
	for _, n := range []int{inet.EthernetSize + 39, inet.EthernetSize + 41, len(frame) - 1} {
		t.drops(0, build.DropTruncated, SourceName, frame[:n])
	}
	payload := t.payload(t.media(1200))
	t.drops(0, build.DropTruncated, SourceName, payload[:700])
	for _, cut := range []int{1, 600, 1200} {
		t.drops(0, build.DropTruncated, SourceName, edit(payload[:len(payload)-cut], func(ip []byte) { resize6(ip, -cut) }))
	}
	tunnelled := t.fromITR(1, payload)
	t.drops(1, build.DropTruncated, "", edit(tunnelled[:len(tunnelled)-1], func(ip []byte) { resize(ip, -1) }))
	by6 := t.overIPv6().fromITR(1, payload)
	t.drops(1, build.DropTruncated, "", by6[:len(by6)-1])
	t.drops(1, build.DropTruncated, "", edit(by6[:len(by6)-1], func(ip []byte) { resize6(ip, -1) }))
}

func dropBadCoreCast6(t *T) {
	m := t.media(300)
	header, payload := t.header(m, t.at(t.fig.Viewers[0])), t.payload(m)
	other := must(wire.AppendHeader4(nil, m.id, []netip.AddrPort{t.fig.Viewers[0].EID}))
	for _, frame := range [][]byte{
		t.fromSource(addrPort(ReservedEID6, 5000), make([]byte, 60)), // another UDP port
		t.fromSource(t.reserved(), other),                            // HEADER4 over IPv6
		edit(header, func(ip []byte) { ip[at6Next] = 6 }),            // TCP
		edit(header, func(ip []byte) { ip[at6Next] = 44 }),           // a fragment
		edit(header, func(ip []byte) { ip[at6CoreCast] = 0x23 }),     // version 2
		edit(header, func(ip []byte) { ip[at6CoreCast] = 0x14 }),     // type 4
		edit(payload, func(ip []byte) { ip[at6CoreCast+1] = 1 }),     // a payload with entries
		append(header[:len(header):len(header)], 0, 0),               // bytes behind the packet
		edit(append(payload[:len(payload):len(payload)], 9), func(ip []byte) { resize6(ip, 1) }),
	} {
		t.drops(0, build.DropBadCorecast, SourceName, frame)
	}
	trailer := make([]byte, 300)
	t.drops(1, build.DropBadCorecast, "", append(t.overIPv6().fromITR(1, header), trailer...))
}

func dropBadCount6(t *T) {
	header := t.header(t.settled(300), t.at(t.fig.Viewers[0]))
	for _, count := range []byte{0, 2, 32, 33, 255} {
		t.drops(0, build.DropBadCount, SourceName, edit(header, func(ip []byte) { ip[at6CoreCast+1] = count }))
	}
}

func dropPayloadLength6(t *T) {
	payload := t.payload(t.media(100))
	for _, length := range []uint16{0, build.MaxPayload + 1, 0xFFFF} {
		frame := edit(payload, func(ip []byte) { binary.BigEndian.PutUint16(ip[at6CoreCast+2:], length) })
		t.dropsCounting(0, dropped(0, build.DropPayloadLength).plus(counts{t.event(0, build.EventPayloadRejected): 1}), SourceName, frame)
		tunnelled := t.overIPv6().fromITR(1, frame)
		t.dropsCounting(1, dropped(1, build.DropPayloadLength).plus(counts{t.event(1, build.EventPayloadRejected): 1}), "", tunnelled)
	}
}

func dropChannel6(t *T) {
	m := t.settled(300)
	source := t.fig.Host(SourceName)
	payload := must(wire.AppendPayload(nil, m.id, m.bytes))
	stranger := netip.MustParseAddr("2001:db8::66")
	t.drops(0, build.DropChannelSource, SourceName, t.datagramFrom(source,
		inet.Datagram{Src: addrPort(stranger, channelPort), Dst: t.reserved(), Payload: payload}))
	t.drops(0, build.DropChannelPort, "", append(transitEthernet(0, SourceEID6), ipOf(t.payload(m))...))
	unused := addrPort(netip.MustParseAddr("2001:db8:0:ff00::77"), wire.Port)
	t.drops(0, build.DropReservedEID, SourceName, t.fromSource(unused, payload))
	t.drops(0, build.DropReservedEID, SourceName, t.header(m, unused))
	strange := netip.MustParseAddr("2001:db8:ffff::99:10")
	t.drops(1, build.DropStreamRLOC, "", t.encapsulated(1, strange, ipOf(t.payload(m))))
}

func dropEntryNotLocal6(t *T) {
	m := t.settled(300)
	t.drops(1, build.DropEntryNotLocal, "", t.fromITR(1, t.header(m, t.at(t.domainViewers(2, 1)[0]))))
}
