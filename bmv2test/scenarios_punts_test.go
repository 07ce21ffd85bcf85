package bmv2test

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

func puntScenarios() []Scenario {
	return []Scenario{
		{"punt: map-cache miss", puntMiss},
		{"punt: new stream", puntNewStream},
		{"punt: addressed to the switch", puntToUs},
		{"punt: TTL", puntTTL},
		{"punt: no neighbor", puntNeighbor},
		{"punt: ARP", puntARP},
		{"punt: neighbor discovery", puntND},
		{"punt: LISP control", puntLISPControl},
		{"punt: too big for the tunnel", puntTooBig},
		{"punt: too big for the tunnel, IPv6", func(t *T) { puntTooBig(t.ipv6()) }},
		{"punt: too big for the viewer", puntTooBigForViewers},
		{"punt: too big for the viewer, IPv6", func(t *T) { puntTooBigForViewers(t.ipv6()) }},
		{"punt: as many map-cache misses are reported as may wait", missBurst},
		{"punt: a header's map-cache miss is reported once", missOfHeaders},
		{"packet-out through a port", packetOutSend},
		{"packet-out as if received", packetOutReceive},
		{"plain IP to the outside", native},
	}
}

// packetOut sends a packet as the controller does.
func (t *T) packetOut(d int, port, mode uint64, frame []byte) {
	t.Helper()
	err := t.controls[d].session.PacketOut(frame, map[string]uint64{
		build.MetaPacketOutPort: port, build.MetaPacketOutMode: mode,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// until waits for a counter, where no frame tells that it has changed.
func (t *T) until(what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(arriveLimit); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not happen that %s", what)
		}
	}
}

// punts sends a frame (injects it with host "") and checks that it reaches the
// controller as it was, with the port it came by and the reason.
func (t *T) punts(d int, port, reason int64, host string, frame []byte) {
	t.Helper()
	t.puntsCounting(d, port, reason, nil, host, frame)
}

// puntsCounting is punts of a frame that counts more than its punt.
func (t *T) puntsCounting(d int, port, reason int64, also counts, host string, frame []byte) {
	t.Helper()
	got := t.observe(expect{punted: 1, counted: counts{punt(d, reason): 1}.plus(also)}, func() {
		if host == "" {
			t.inject(d, frame)
		} else {
			t.send(host, frame)
		}
	})
	p := got.punted[0]
	if p.from != SwitchName(d) || p.Metadata[build.MetaPacketInIngressPort] != uint64(port) ||
		p.Metadata[build.MetaPacketInReason] != uint64(reason) {
		t.Errorf("punted by %s with %v, want by %s with port %d, reason %d", p.from, p.Metadata, SwitchName(d), port, reason)
	}
	if !bytes.Equal(p.Payload, frame) {
		t.Errorf("punted %x, want the frame as received: %x", p.Payload, frame)
	}
}

func puntMiss(t *T) {
	t.punts(0, LocalPort, build.PuntMapCacheMiss, SourceName, t.fromSource(netip.MustParseAddrPort("172.20.0.1:7"), []byte("who?")))
	m := t.settled(1316)
	t.punts(0, LocalPort, build.PuntMapCacheMiss, SourceName, t.header(m, netip.MustParseAddrPort("172.20.1.1:5004")))
	t.punts(0, LocalPort, build.PuntMapCacheMiss, SourceName, t.fromSource(netip.MustParseAddrPort("[2001:db8:99::1]:7"), nil))
}

// missBurst asks for addresses of one missing prefix again and again: as many
// packets as wait for a mapping reach the controller, further ones when the hold
// is over. Another prefix is not held up.
func missBurst(t *T) {
	ask := func(to string) []byte { return t.fromSource(netip.MustParseAddrPort(to), []byte("who?")) }
	for _, c := range []struct{ first, beside, other string }{
		{"172.21.5.1:7", "172.21.5.200:9", "172.21.6.1:7"},
		{"[2001:db8:a0::1]:7", "[2001:db8:a0:5::9]:9", "[2001:db8:a1::1]:7"},
	} {
		want := counts{punt(0, build.PuntMapCacheMiss): build.MissBurst + 1, drop(0, build.DropMissRepeated): 2}
		var hold time.Time
		t.observe(expect{punted: build.MissBurst + 1, counted: want}, func() {
			hold = time.Now()
			for i := range build.MissBurst {
				t.send(SourceName, ask([]string{c.first, c.beside}[i%2]))
			}
			t.send(SourceName, ask(c.first), ask(c.beside), ask(c.other))
		})
		time.Sleep(time.Until(hold.Add(build.MissHold*time.Microsecond + 100*time.Millisecond)))
		want = counts{punt(0, build.PuntMapCacheMiss): 1, drop(0, build.DropMissRepeated): 1}
		t.observe(expect{punted: 1, counted: want}, func() { t.send(SourceName, ask(c.beside), ask(c.first)) })
	}
}

// missOfHeaders has headers for one missing prefix reach the controller once:
// they do not wait. Other packets to it do.
func missOfHeaders(t *T) {
	for _, t := range []*T{t, t.ipv6()} {
		viewer, beside := netip.MustParseAddrPort("172.22.5.1:5004"), netip.MustParseAddrPort("172.22.5.9:7")
		if t.six {
			viewer, beside = netip.MustParseAddrPort("[2001:db8:a2::1]:5004"), netip.MustParseAddrPort("[2001:db8:a2::9]:7")
		}
		m := t.settled(1316)
		want := counts{punt(0, build.PuntMapCacheMiss): 2, drop(0, build.DropMissRepeated): 1}
		t.observe(expect{punted: 2, counted: want}, func() {
			t.send(SourceName, t.header(m, viewer), t.header(m, viewer), t.fromSource(beside, nil))
		})
	}
}

func puntNewStream(t *T) {
	from := netip.MustParseAddr("192.0.2.99")
	t.controls[1].write(t, p4rt.Update{Op: p4rt.Insert, Object: &p4rt.Entry{
		Table: build.TableSourceRlocs4, Action: build.ActionSourceRLOC,
		Match: []p4rt.Match{p4rt.LPM(build.FieldSourceRlocs4SourceRLOC, p4rt.Addr(from), 32)},
		Params: []p4rt.Param{
			{Name: build.ParamSourceRLOCPeer, Value: p4rt.Uint(uint16(0))},
			{Name: build.ParamSourceRLOCMayOpen, Value: p4rt.Uint(uint8(1))},
		},
	}})
	frame := t.encapsulated(1, from, ipOf(t.payload(t.media(500))))
	t.punts(1, TransitPort, build.PuntNewStream, "", frame)
}

func puntToUs(t *T) {
	t.punts(0, LocalPort, build.PuntToUs, SourceName, t.fromSource(netip.MustParseAddrPort("10.0.0.1:80"), []byte("hello")))
	t.punts(0, LocalPort, build.PuntToUs, SourceName, t.fromSource(netip.MustParseAddrPort("[2001:db8::1]:80"), []byte("hello")))
	hello := datagramOf(addrPort(t.fig.RLOC(2), 80), addrPort(t.fig.RLOC(0), 80), 64, []byte("hello"))
	t.punts(0, TransitPort, build.PuntToUs, "", must(hello.Append(transitEthernet(0, t.fig.RLOC(0)))))
}

// puntLISPControl has LISP control messages reach the switch, whatever they
// hold: at its RLOCs, and at the address that hosts know.
func puntLISPControl(t *T) {
	control := []byte("LISP control")
	t.punts(0, LocalPort, build.PuntLISPControl, SourceName, t.fromSource(netip.MustParseAddrPort("10.0.0.1:4342"), control))
	for _, of := range []func(int) netip.Addr{t.fig.RLOC, t.fig.RLOC6} {
		message := datagramOf(addrPort(of(2), 4342), addrPort(of(0), 4342), 64, control)
		t.punts(0, TransitPort, build.PuntLISPControl, "", must(message.Append(transitEthernet(0, of(2)))))
	}
}

func puntTTL(t *T) {
	expiring := func(frame []byte) []byte { return edit(frame, func(ip []byte) { ip[atTTL] = 1 }) }
	frame := expiring(t.fromSource(discardPort(t.fig.Host(DomainName(1))), []byte("the last hop")))
	t.punts(0, LocalPort, build.PuntTTL, SourceName, frame)
	m := t.settled(1316)
	t.punts(0, LocalPort, build.PuntTTL, SourceName, expiring(t.header(m, t.fig.Viewers[0].EID)))
	t.punts(1, TransitPort, build.PuntTTL, "", t.fromITR(1, frame))
}

func puntNeighbor(t *T) {
	silent := netip.MustParseAddr("10.0.0.200")
	t.punts(0, LocalPort, build.PuntNeighbor, SourceName, t.fromSource(addrPort(silent, 7), nil))
}

func puntARP(t *T) {
	source := t.fig.Host(SourceName)
	eth := inet.Ethernet{Dst: inet.MAC{255, 255, 255, 255, 255, 255}, Src: source.MAC, Type: inet.EtherTypeARP}
	request := append(eth.Append(nil), make([]byte, 28)...)
	t.punts(0, LocalPort, build.PuntARP, SourceName, request)
}

// packetOutSend has a switch send frames that no table knows anything about.
func packetOutSend(t *T) {
	frame := t.fromSource(netip.MustParseAddrPort("203.0.113.1:1"), []byte("as it is"))
	arp := append((&inet.Ethernet{Type: inet.EtherTypeARP}).Append(nil), make([]byte, 28)...)
	expired := edit(frame, func(ip []byte) { ip[atTTL] = 0 })
	broken := with(frame, func(b []byte) { b[24]++ })
	loop := looped(frame, build.RoleLocal, 2)
	for _, frame := range [][]byte{frame, arp, expired, broken, loop} {
		got := t.observe(expect{arrived: 1}, func() { t.packetOut(1, LocalPort, build.OutSend, frame) })
		if a := got.arrived[0]; a.host != DomainName(1) || !bytes.Equal(a.frame, frame) {
			t.Errorf("at %s: %x, want at %s: %x", a.host, a.frame, DomainName(1), frame)
		}
	}
}

// packetOutReceive re-injects what was punted before: a unicast packet and a
// header that grows.
func packetOutReceive(t *T) {
	d := t.between(0, 1, 5000, 0)
	frame := t.datagramFrom(t.fig.Host(SourceName), d)
	got := t.observe(expect{transit: 1, arrived: 1}, func() { t.packetOut(0, LocalPort, build.OutReceive, frame) })
	d.TTL -= 2
	host := t.fig.Host(DomainName(1))
	t.checkDelivered(got.arrived[0], host.Name, SwitchMAC(1, LocalPort), host.MAC, d)

	m, v := t.media(1316), t.fig.Viewers[0]
	got = t.observe(expect{transit: 2, arrived: 1, counted: t.once(v.Domain).plus(t.stored())}, func() {
		t.packetOut(0, LocalPort, build.OutReceive, t.payload(m))
		t.packetOut(0, LocalPort, build.OutReceive, t.header(m, v.EID))
	})
	t.checkCopy(got.transit[0], m)
	t.checkViewerGot(got.arrived[0], m, v)
}

// native sends to an address that is no EID: plain IP to the next hop.
func native(t *T) {
	outside := netip.MustParsePrefix("203.0.113.0/24")
	t.controls[0].write(t, p4rt.Update{Op: p4rt.Insert, Object: eidEntry(outside, build.ActionNative4,
		p4rt.Param{Name: build.ParamNative4NextHop, Value: p4rt.Addr(t.fig.RLOC(1))})})
	frame := t.fromSource(addrPort(outside.Addr().Next(), 7), []byte("to the world"))
	// ETR 1 plays the router, which has no way on.
	got := t.observe(expect{transit: 1, counted: dropped(1, build.DropNoRoute)}, func() { t.send(SourceName, frame) })
	if want := hop(ipOf(frame)); !bytes.Equal(ipOf(got.transit[0].frame), want) {
		t.Errorf("sent %x, want %x", got.transit[0].frame, want)
	}
}
