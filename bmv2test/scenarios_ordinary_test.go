package bmv2test

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

func ordinaryScenarios() []Scenario {
	return []Scenario{
		{"LISP unicast from the source's domain", unicastOut},
		{"LISP unicast towards the source's domain", unicastBack},
		{"LISP unicast between viewer domains", unicastAcross},
		{"LISP unicast of anything but UDP", notUDP},
		{"LISP unicast of TCP and SCTP spreads by port", func(t *T) { portsSpread(t) }},
		{"LISP unicast of TCP and SCTP spreads by port, IPv6", func(t *T) { portsSpread(t.ipv6()) }},
		{"decapsulation takes TTL, DSCP and congestion marks over", decapsulation},
		{"local delivery", localDelivery},
		{"UDP 4344 to an ordinary EID is ordinary", ordinary4344},
		{"a copy has the headers of what triggered it", copyHeaders},
		{"frames of any size", sizes},
		{"a stranger's source MAC does not matter", strangersMAC},
	}
}

// checkTunnel checks the outer headers that a switch puts around an inner
// packet: RFC 9300 §5.3.
func (t *T) checkTunnel(c crossing, from, to int, inner []byte) {
	t.Helper()
	p := t.tunnelled(c)
	src, dst := t.fig.RLOC(from), t.fig.RLOC(to)
	if t.fig.reachedByIPv6(to) {
		src, dst = t.fig.RLOC6(from), t.fig.RLOC6(to)
	}
	wantEth := inet.Ethernet{Dst: SwitchMAC(to, TransitPort), Src: SwitchMAC(from, TransitPort), Type: etherType(dst)}
	var eth inet.Ethernet
	if _, err := eth.Decode(c.frame); err != nil || eth != wantEth {
		t.Errorf("outer Ethernet header %+v, want %+v", eth, wantEth)
	}
	if p.Src != src || p.Dst != dst {
		t.Errorf("from RLOC %v to %v, want %v to %v", p.Src, p.Dst, src, dst)
	}
	if !bytes.Equal(p.Inner, inner) {
		t.Errorf("inner packet %x, want %x", p.Inner, inner)
	}
	if ttl, tos := hopsAndTOS(inner); p.TTL != ttl || p.TOS != tos {
		t.Errorf("outer TTL %d and TOS %#x, want the inner %d and %#x", p.TTL, p.TOS, ttl, tos)
	}
	checkOuter(t, ipOf(c.frame), len(inner))
	if p.SourcePort < 0xC000 {
		t.Errorf("outer source port %d, want a dynamic port from %d on", p.SourcePort, 0xC000)
	}
	if p.Header.Flags != 0 {
		t.Errorf("LISP flags %#x, want none", p.Header.Flags)
	}
}

// checkOuter checks lengths and checksums of outer headers.
func checkOuter(t *T, ip []byte, inner int) {
	t.Helper()
	be := binary.BigEndian
	udp := ip[inet.IPv4Size:]
	if ip[0]>>4 == 6 {
		udp = ip[inet.IPv6Size:]
		if n := int(be.Uint16(ip[4:])); n != len(udp) {
			t.Errorf("outer payload length %d, want %d", n, len(udp))
		}
	} else {
		if n := int(be.Uint16(ip[atIPLength:])); n != len(ip) {
			t.Errorf("outer length %d in a packet of %d", n, len(ip))
		}
		if ip[6] != 0x40 {
			t.Errorf("outer flags %#x, want DF alone", ip[6])
		}
		if inet.Checksum(ip[:inet.IPv4Size]) != 0 {
			t.Errorf("outer header checksum is wrong: %x", ip[:inet.IPv4Size])
		}
	}
	if want := inet.UDPSize + lisp.DataHeaderSize + inner; len(udp) != want {
		t.Errorf("%d bytes in the tunnel, want %d", len(udp), want)
	}
	if be.Uint16(udp[4:]) != uint16(len(udp)) || be.Uint16(udp[6:]) != 0 {
		t.Errorf("outer UDP header %x, want length %d and no checksum", udp[:8], len(udp))
	}
}

// hopsAndTOS returns the TTL and TOS of an IP packet.
func hopsAndTOS(ip []byte) (ttl, tos uint8) {
	if ip[0]>>4 == 6 {
		return ip[7], ip[0]<<4 | ip[1]>>4
	}
	return ip[atTTL], ip[1]
}

// hop returns an IP packet as the next router sends it on.
func hop(packet []byte) []byte {
	return with(packet, func(b []byte) {
		if b[0]>>4 == 6 {
			b[7]--
			return
		}
		b[atTTL]--
		fixChecksum(b)
	})
}

// crosses sends a datagram from host to host and checks every header on its
// way: in the tunnel and at its end.
func (t *T) crosses(from, to int, d inet.Datagram) tunnelled {
	t.Helper()
	sender := t.fig.Host(hostName(from))
	frame := t.datagramFrom(sender, d)
	got := t.observe(expect{transit: 1, arrived: 1}, func() { t.send(sender.Name, frame) })
	t.checkTunnel(got.transit[0], from, to, hop(ipOf(frame)))
	d.TTL -= 2
	t.checkDelivered(got.arrived[0], hostName(to), SwitchMAC(to, LocalPort), t.fig.Host(hostName(to)).MAC, d)
	if want := hop(hop(ipOf(frame))); !bytes.Equal(ipOf(got.arrived[0].frame), want) {
		t.Errorf("arrived %x, want %x", got.arrived[0].frame, want)
	}
	return t.tunnelled(got.transit[0])
}

func hostName(d int) string {
	if d == 0 {
		return SourceName
	}
	return DomainName(d)
}

func (t *T) between(from, to int, port uint16, tos uint8) inet.Datagram {
	return inet.Datagram{
		Src: addrPort(t.eid(t.fig.Host(hostName(from)).Addr), port), Dst: addrPort(t.eid(t.fig.Host(hostName(to)).Addr), 7000),
		TTL: 64, TOS: tos, Payload: []byte("ordinary"),
	}
}

// unicastOut also checks that the outer source port is the flow's.
func unicastOut(t *T) {
	ports := make(map[uint16]bool)
	for port := uint16(1); port <= 8; port++ {
		first := t.crosses(0, 1, t.between(0, 1, port, 0))
		again := t.crosses(0, 1, t.between(0, 1, port, 0xB8)) // DSCP EF
		if first.SourcePort != again.SourcePort {
			t.Errorf("one flow left by outer source ports %d and %d", first.SourcePort, again.SourcePort)
		}
		ports[first.SourcePort] = true
	}
	if len(ports) < 4 {
		t.Errorf("8 flows share %d outer source ports: too little entropy", len(ports))
	}
}

// portsSpread sends flows of TCP and SCTP, which differ in their ports only.
func portsSpread(t *T) {
	for _, protocol := range []byte{build.IpprotoTCP, build.IpprotoSCTP} {
		ports := make(map[uint16]bool)
		for port := uint16(1); port <= 8; port++ {
			frame := edit(t.datagramFrom(t.fig.Host(SourceName), t.between(0, 1, port, 0)), func(ip []byte) {
				if t.six {
					ip[at6Next] = protocol
				} else {
					ip[9] = protocol
				}
			})
			got := t.observe(expect{transit: 1, arrived: 1}, func() { t.send(SourceName, frame) })
			outer := ipOf(got.transit[0].frame)
			if inner := outer[build.LISPIPv4Bytes:]; !bytes.Equal(inner, hop(ipOf(frame))) {
				t.Errorf("inner packet %x, want %x", inner, hop(ipOf(frame)))
			}
			ports[binary.BigEndian.Uint16(outer[build.IPv4Bytes:])] = true
		}
		if len(ports) < 4 {
			t.Errorf("8 flows of protocol %d share %d outer source ports: too little entropy", protocol, len(ports))
		}
	}
}

func unicastBack(t *T) {
	for d := 1; d <= t.fig.Domains; d++ {
		t.crosses(d, 0, t.between(d, 0, 5000, 0x2E)) // DSCP AF11, ECT(0)
	}
}

func unicastAcross(t *T) { t.crosses(1, 3, t.between(1, 3, 5000, 1)) }

// notUDP sends an IP packet of an experimental protocol.
func notUDP(t *T) {
	source, to := t.fig.Host(SourceName), t.fig.Host(DomainName(2))
	ip := inet.IPv4{TTL: 9, Protocol: 253, TOS: 4, ID: 77, Src: source.Addr, Dst: to.Addr}
	eth := inet.Ethernet{Dst: source.Gateway, Src: source.MAC, Type: inet.EtherTypeIPv4}
	body := []byte("not a datagram")
	frame := append(ip.Append(eth.Append(nil), len(body)), body...)
	got := t.observe(expect{transit: 1, arrived: 1}, func() { t.send(SourceName, frame) })
	if flags := ipOf(got.transit[0].frame)[6]; flags != 0x40 {
		t.Errorf("outer flags %#x around a packet without DF, want DF", flags)
	}
	if want := hop(hop(ipOf(frame))); !bytes.Equal(ipOf(got.arrived[0].frame), want) {
		t.Errorf("arrived %x, want %x", got.arrived[0].frame, want)
	}
}

// decapsulation injects packets whose outer header differs from the inner one.
func decapsulation(t *T) {
	host := t.fig.Host(DomainName(1))
	for _, c := range []struct {
		name                        string
		innerTTL, outerTTL, wantTTL uint8
		innerTOS, outerTOS, wantTOS uint8 // DSCP and ECN
	}{
		{"the outer TTL is lower", 60, 20, 19, 0, 0, 0},
		{"the inner TTL is lower", 20, 60, 19, 0, 0, 0},
		{"congestion on the way", 60, 60, 59, 2, 3, 3},
		{"congestion before", 60, 60, 59, 3, 2, 3},
		{"ECT(1) on the way", 60, 60, 59, 2, 1, 1},
		{"ECT(0) on the way", 60, 60, 59, 1, 2, 1},
		{"not ECN-capable inside", 60, 60, 59, 0, 1, 0},
		{"marked down on the way", 60, 60, 59, 0xB8, 0x28, 0x28},
	} {
		d := datagramOf(addrPort(SourceEID, 5000), addrPort(host.Addr, 7000), c.innerTTL, []byte(c.name))
		d.TOS = c.innerTOS
		frame := edit(t.encapsulated(1, t.fig.RLOC(0), must(d.Append(nil))), func(ip []byte) {
			ip[atTTL], ip[1] = c.outerTTL, c.outerTOS
		})
		got := t.observe(expect{arrived: 1}, func() { t.inject(1, frame) })
		d.TTL, d.TOS = c.wantTTL, c.wantTOS
		t.checkDelivered(got.arrived[0], host.Name, SwitchMAC(1, LocalPort), host.MAC, d)
	}
}

// localDelivery sends between two hosts of one site.
func localDelivery(t *T) {
	v := t.localViewer()
	d := datagramOf(addrPort(t.eid(SourceEID), 5000), t.at(v), 64, []byte("to the neighbor"))
	got := t.observe(expect{arrived: 1}, func() { t.send(SourceName, t.datagramFrom(t.fig.Host(SourceName), d)) })
	d.TTL = 63
	t.checkDelivered(got.arrived[0], SourceName, SwitchMAC(0, LocalPort), v.MAC, d)
}

// ordinary4344 sends what looks more or less like CoreCast to an EID that is
// not reserved: nobody but its receiver has an opinion on it.
func ordinary4344(t *T) {
	m := t.media(300)
	wrong := m
	wrong.id.Hash++
	for _, payload := range [][]byte{
		nil, {1}, []byte("anything"),
		must(wire.AppendPayload(nil, m.id, m.bytes)),
		must(wire.AppendPayload(nil, wrong.id, m.bytes)),
		must(wire.AppendPayload(nil, m.id, m.bytes))[:100],
		must(wire.AppendHeader4(nil, m.id, []netip.AddrPort{t.fig.Viewers[0].EID})),
		must(wire.AppendHeader4(nil, m.id, []netip.AddrPort{t.fig.Viewers[0].EID}))[:14],
	} {
		d := t.between(0, 1, 5000, 0)
		d.Dst = addrPort(d.Dst.Addr(), wire.Port)
		d.Payload = payload
		frame := t.datagramFrom(t.fig.Host(SourceName), d)
		got := t.observe(expect{transit: 1, arrived: 1}, func() { t.send(SourceName, frame) })
		if want := hop(hop(ipOf(frame))); !bytes.Equal(ipOf(got.arrived[0].frame), want) {
			t.Errorf("arrived %x, want %x", got.arrived[0].frame, want)
		}
	}
}

// copyHeaders looks at every header of a copy and of the header behind it.
func copyHeaders(t *T) {
	v := t.fig.Viewers[0]
	m := t.media(1316)
	header := edit(t.header(m, t.at(v)), func(ip []byte) {
		if t.six {
			ip[0], ip[1], ip[7] = 0x6B, 0x90|ip[1]&15, 17
		} else {
			ip[1], ip[atTTL] = 0xB9, 17
		}
	})
	got := t.observe(expect{transit: 2, arrived: 1, counted: t.once(v.Domain).plus(t.stored())}, func() {
		t.send(SourceName, t.payload(m), header)
	})
	t.checkTunnel(got.transit[1], 0, v.Domain, hop(ipOf(header)))
	ttl, tos := hopsAndTOS(ipOf(header))
	inner := must((&inet.Datagram{
		Src: addrPort(t.eid(SourceEID), channelPort), Dst: t.reserved(), TTL: ttl - 1, TOS: tos,
		Payload: must(wire.AppendPayload(nil, m.id, m.bytes)),
	}).Append(nil))
	t.checkTunnel(got.transit[0], 0, v.Domain, inner)
	if a, b := t.tunnelled(got.transit[0]), t.tunnelled(got.transit[1]); a.SourcePort != b.SourcePort {
		t.Errorf("the copy has outer source port %d, the header %d", a.SourcePort, b.SourcePort)
	}
}

func sizes(t *T) {
	for _, size := range []int{0, 1, 17, 18, 100, 1000, 1472, 1500} {
		d := t.between(0, 2, 5000, 0)
		d.Payload = bytes.Repeat([]byte{0xA5}, size)
		t.crosses(0, 2, d)
	}
}

func strangersMAC(t *T) {
	host := t.fig.Host(DomainName(1))
	frame := with(t.datagramFrom(t.fig.Host(SourceName), t.between(0, 1, 5000, 0)), func(b []byte) {
		copy(b[6:], []byte{2, 7, 7, 7, 7, 7})
	})
	got := t.observe(expect{transit: 1, arrived: 1}, func() { t.send(SourceName, frame) })
	d := t.between(0, 1, 5000, 0)
	d.TTL = 62
	t.checkDelivered(got.arrived[0], host.Name, SwitchMAC(1, LocalPort), host.MAC, d)
}

// toRLOC is an entry of table eids.
func toRLOC(prefix netip.Prefix, rloc int) *p4rt.Entry {
	return eidEntry(prefix, build.ActionToRLOC, p4rt.Param{Name: build.ParamToRLOCRLOC, Value: p4rt.Uint(rloc)})
}

func eidEntry(prefix netip.Prefix, action string, params ...p4rt.Param) *p4rt.Entry {
	table := build.TableEids4
	if prefix.Addr().Is6() {
		table = build.TableEids6
	}
	return &p4rt.Entry{
		Table: table, Action: action, Params: params,
		Match: []p4rt.Match{
			p4rt.Exact(build.FieldEids4InstanceID, p4rt.Uint(0)),
			p4rt.LPM(build.FieldEids4EID, p4rt.Addr(prefix.Addr()), prefix.Bits()),
		},
	}
}
