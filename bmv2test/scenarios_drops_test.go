package bmv2test

import (
	"encoding/binary"
	"net/netip"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

func dropScenarios() []Scenario {
	return []Scenario{
		{"drop: port that is not in use", dropUnknownPort},
		{"drop: not addressed to us", dropNotOurMAC},
		{"drop: not IP", dropNotIP},
		{"drop: truncated", dropTruncated},
		{"drop: bad IP", dropBadIP},
		{"drop: IP options", dropOptions},
		{"drop: bad LISP", dropBadLISP},
		{"drop: bad CoreCast", dropBadCoreCast},
		{"drop: count that does not fit", dropBadCount},
		{"drop: payload length", dropPayloadLength},
		{"drop: wrong hash", dropHash},
		{"drop: unknown payload", dropUnknownPayload},
		{"drop: reserved EID from another source", dropChannelSource},
		{"drop: reserved EID from another port", dropChannelPort},
		{"drop: reserved EID without a channel", dropReservedEID},
		{"drop: reserved EID from another site", dropReservedFromAfar},
		{"drop: another instance-id", dropInstance},
		{"drop: stream from an RLOC that is not allowed", dropStreamRLOC},
		{"drop: stream that is not the channel's", dropWrongStream},
		{"drop: entry that is not local", dropEntryNotLocal},
		{"drop: decapsulated packet that is not local", dropNotLocal},
		{"drop: no route", dropNoRoute},
		{"drop: mapping without an RLOC", dropNoEncap},
		{"drop: congestion mark that the sender cannot be told", dropCongestion},
		{"drop: packet-out of an unknown mode", dropPacketOut},
	}
}

// dropped is one drop counted at switch d under a reason.
func dropped(d int, reason int64) counts { return counts{drop(d, reason): 1} }

// drops sends a frame from a host, or injects it at a switch with host "", and
// checks that nothing comes of it but one count.
func (t *T) drops(d int, reason int64, host string, frame []byte) {
	t.Helper()
	t.dropsCounting(d, dropped(d, reason), host, frame)
}

// dropsCounting also checks that the switch remembers nothing of the frame.
func (t *T) dropsCounting(d int, counted counts, host string, frame []byte) {
	t.Helper()
	before := t.memory(d)
	defer func() {
		if after := t.memory(d); after != before {
			t.Errorf("%s: registers changed from\n%s to\n%s", SwitchName(d), before, after)
		}
	}()
	t.observe(expect{counted: counted}, func() {
		if host == "" {
			t.inject(d, frame)
		} else {
			t.send(host, frame)
		}
	})
}

// settled brings m to the ITR and, by a header for a viewer of domain 1, to
// ETR 1.
func (t *T) settled(size int) media {
	t.Helper()
	m := t.media(size)
	t.serve(m, t.fig.Viewers[0], true, t.payload(m))
	return m
}

func dropUnknownPort(t *T) {
	// No fences here: while the port is out of use they cannot pass.
	frame := t.fromSource(addrPort(t.fig.Host(DomainName(1)).Addr, 7), []byte("too early"))
	c := t.controls[0]
	var port *p4rt.Entry
	for _, e := range c.entries(t.ctx, t.T, build.TablePorts) {
		if valueOf(e.Match[0].Value) == LocalPort {
			port = e
		}
	}
	write := func(u p4rt.Update) {
		if err := c.session.Write(t.ctx, []p4rt.Update{u}); err != nil {
			t.Fatal(err)
		}
	}
	want := drop(0, build.DropUnknownPort)
	t.observe(expect{counted: counts{want: 1}}, func() {
		before := t.counts()[want]
		write(p4rt.Update{Op: p4rt.Delete, Object: port})
		t.send(SourceName, frame)
		t.until("the frame is counted", func() bool { return t.counts()[want] > before })
		write(p4rt.Update{Op: p4rt.Insert, Object: port})
	})
}

func dropNotOurMAC(t *T) {
	frame := t.fromSource(discardPort(t.fig.Host(DomainName(1))), []byte("for another"))
	for _, mac := range []inet.MAC{{2, 3, 4, 5, 6, 7}, {255, 255, 255, 255, 255, 255}, SwitchMAC(0, TransitPort)} {
		t.drops(0, build.DropNotOurMAC, SourceName, with(frame, func(b []byte) { copy(b, mac[:]) }))
	}
}

func dropNotIP(t *T) {
	frame := t.fromSource(discardPort(t.fig.Host(DomainName(1))), []byte("not IP"))
	for _, number := range []uint16{0x8100, 0x88cc, 0x0100} {
		t.drops(0, build.DropNotIP, SourceName, with(frame, func(b []byte) { binary.BigEndian.PutUint16(b[12:], number) }))
	}
}

func dropTruncated(t *T) {
	ordinary := t.fromSource(discardPort(t.fig.Host(DomainName(1))), make([]byte, 60))
	for _, n := range []int{inet.EthernetSize + 4, inet.EthernetSize + 19, len(ordinary) - 1} {
		t.drops(0, build.DropTruncated, SourceName, ordinary[:n])
	}
	m := t.media(1200)
	payload := t.payload(m)
	// Cut short on the way: shorter than its IP length says.
	t.drops(0, build.DropTruncated, SourceName, payload[:len(payload)-1])
	t.drops(0, build.DropTruncated, SourceName, payload[:700])
	// Cut short before it was sent: IP and UDP lengths agree, the media do not.
	for _, cut := range []int{1, 600, 1200} {
		t.drops(0, build.DropTruncated, SourceName, edit(payload[:len(payload)-cut], func(ip []byte) { resize(ip, -cut) }))
	}
	// At an ETR, cut inside the tunnel.
	inner := ipOf(payload)
	tunnelled := t.encapsulated(1, t.fig.RLOC(0), inner)
	t.drops(1, build.DropTruncated, "", tunnelled[:len(tunnelled)-1])
	shorter := edit(tunnelled[:len(tunnelled)-1], func(ip []byte) { resize(ip, -1) })
	t.drops(1, build.DropTruncated, "", shorter)
	t.drops(1, build.DropTruncated, "", edit(tunnelled[:inet.EthernetSize+36], func(ip []byte) { resize(ip, -len(inner)) }))
}

func dropBadIP(t *T) {
	frame := t.fromSource(discardPort(t.fig.Host(DomainName(1))), make([]byte, 60))
	t.drops(0, build.DropBadIP, SourceName, with(frame, func(b []byte) { ipOf(b)[10]++ })) // checksum
	t.drops(0, build.DropBadIP, SourceName, edit(frame, func(ip []byte) { ip[0] = 0x65 }))
	t.drops(0, build.DropBadIP, SourceName, edit(frame, func(ip []byte) { ip[0] = 0x44 }))
	t.drops(0, build.DropBadIP, SourceName, edit(frame, func(ip []byte) { binary.BigEndian.PutUint16(ip[atIPLength:], 19) }))
	// The inner header of a tunnelled packet, too.
	tunnelled := t.fromITR(1, frame)
	atChecksum, atInner := inet.EthernetSize+10, inet.EthernetSize+build.LISPIPv4Bytes+10
	spoil := func(frame []byte, at int) []byte { return with(frame, func(b []byte) { b[at]++ }) }
	t.drops(1, build.DropBadIP, "", spoil(tunnelled, atInner))
	// So it is for packets with a payload, whose hash is another matter.
	m := t.media(1316)
	payload := must(wire.AppendPayload(nil, m.id, m.bytes))
	ordinary := t.fromSource(addrPort(t.fig.Host(DomainName(1)).Addr, wire.Port), payload)
	t.drops(0, build.DropBadIP, SourceName, spoil(ordinary, atChecksum))
	t.drops(0, build.DropBadIP, SourceName, spoil(t.payload(m), atChecksum))
	tunnelled = t.fromITR(1, t.payload(m))
	t.drops(1, build.DropBadIP, "", spoil(tunnelled, atChecksum))
	t.drops(1, build.DropBadIP, "", spoil(tunnelled, atInner))
	t.drops(1, build.DropBadIP, "", spoil(spoil(tunnelled, atInner), len(tunnelled)-1))
}

func dropOptions(t *T) {
	frame := t.fromSource(discardPort(t.fig.Host(DomainName(1))), make([]byte, 60))
	t.drops(0, build.DropIPOptions, SourceName, edit(frame, func(ip []byte) { ip[0] = 0x46 }))
}

func dropBadLISP(t *T) {
	inner := ipOf(t.fromSource(discardPort(t.fig.Host(DomainName(1))), make([]byte, 60)))
	tunnelled := t.encapsulated(1, t.fig.RLOC(0), inner)
	at := inet.EthernetSize + build.LISPIPv4Bytes
	for _, first := range []byte{0x55, 0x00, 0x46} { // no IP, nothing, options
		t.drops(1, build.DropBadLISP, "", with(tunnelled, func(b []byte) {
			b[at] = first
			if first == 0x46 {
				fixChecksum(b[at:])
			}
		}))
	}
}

func dropNotLocal(t *T) {
	for _, dst := range []netip.Addr{t.fig.Host(DomainName(2)).Addr, netip.MustParseAddr("203.0.113.9")} {
		t.drops(1, build.DropNotLocal, "", t.fromITR(1, t.fromSource(addrPort(dst, 7), nil)))
	}
}

func dropNoRoute(t *T) {
	// From the transit side nothing is worth a punt.
	frame := ipOf(t.fromSource(netip.MustParseAddrPort("203.0.113.9:7"), nil))
	t.drops(0, build.DropNoRoute, "", append(transitEthernet(0, t.fig.RLOC(0)), frame...))
	// A viewer needs an EID.
	m := t.settled(300)
	outside := netip.MustParsePrefix("203.0.113.0/24")
	t.controls[0].write(t, p4rt.Update{Op: p4rt.Insert, Object: eidEntry(outside, build.ActionNative4,
		p4rt.Param{Name: build.ParamNative4NextHop, Value: p4rt.Addr(t.fig.RLOC(1))})})
	t.drops(0, build.DropNoRoute, SourceName, t.header(m, addrPort(outside.Addr().Next(), MediaPort)))
}

func dropNoEncap(t *T) {
	prefix := netip.MustParsePrefix("172.16.0.0/16")
	t.controls[0].write(t, p4rt.Update{Op: p4rt.Insert, Object: toRLOC(prefix, build.MaxRLOCs-1)})
	t.drops(0, build.DropNoEncap, SourceName, t.fromSource(addrPort(prefix.Addr().Next(), 7), nil))
	m := t.settled(300)
	t.drops(0, build.DropNoEncap, SourceName, t.header(m, addrPort(prefix.Addr().Next(), MediaPort)))
}

// dropCongestion has a packet marked in the tunnel whose sender does not know
// ECN (RFC 6040 §4.2).
func dropCongestion(t *T) {
	m := t.settled(300)
	host := t.fig.Host(DomainName(1))
	for _, frame := range [][]byte{
		t.fromSource(addrPort(host.Addr, 7), []byte("ordinary")),
		t.payload(t.media(300)), t.header(m, t.fig.Viewers[0].EID),
	} {
		marked := edit(t.fromITR(1, frame), func(ip []byte) { ip[1] |= 3 })
		t.drops(1, build.DropCongestion, "", marked)
	}
}

func dropPacketOut(t *T) {
	frame := t.fromSource(discardPort(t.fig.Host(DomainName(1))), nil)
	want := drop(0, build.DropPacketOut)
	t.observe(expect{counted: counts{want: 1}}, func() {
		before := t.counts()[want]
		t.packetOut(0, LocalPort, 7, frame)
		t.until("the packet-out is counted", func() bool { return t.counts()[want] > before })
	})
}
