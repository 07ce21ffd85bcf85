package bmv2test

import (
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
)

// payloadLengths are the lengths that exercise every chunk and tail, the
// boundaries between them and what IP packets of 1500 bytes leave.
var payloadLengths = []int{1, 2, 3, 7, 47, 255, 256, 257, 511, 512, 1023, 1200, 1279, 1280, 1316, 1424, 1471, 1472}

func deliveryScenarios() []Scenario {
	var list []Scenario
	for _, length := range payloadLengths {
		list = append(list, Scenario{fmt.Sprintf("deliver %d bytes", length), func(t *T) { deliver(t, length) }})
	}
	return append(list,
		Scenario{"deliver a burst of headers", deliverBurst},
		Scenario{"deliver many payloads", deliverMany},
		Scenario{"deliver to a viewer in the source's own domain", deliverAtITR},
		Scenario{"a payload alone moves nothing", payloadAlone},
	)
}

// delivered is what one payload and a header for each viewer count.
func (t *T) delivered() counts {
	c := counts{
		t.event(0, build.EventPayload): 1,
		t.event(0, build.EventHeader):  uint64(len(t.fig.Viewers)),
	}
	for _, v := range t.fig.Viewers {
		c[t.event(0, build.EventCopy)] = uint64(t.fig.Domains) // every domain has viewers
		c[t.event(v.Domain, build.EventPayload)] = 1
		c[t.event(v.Domain, build.EventHeader)]++
		c[t.event(v.Domain, build.EventExpanded)]++
	}
	return c
}

// deliver sends one payload to all viewers: one copy a domain, headers behind.
func deliver(t *T, length int) {
	m := t.media(length)
	viewers := t.fig.Viewers
	got := t.observe(expect{
		transit: t.fig.Domains + len(viewers), arrived: len(viewers), counted: t.delivered(),
	}, func() {
		frames := [][]byte{t.payload(m)}
		for _, v := range viewers {
			frames = append(frames, t.header(m, t.at(v)))
		}
		t.send(SourceName, frames...)
	})
	t.checkTransit(got, m)
	t.checkViewers(got, m)
}

// checkTransit checks that towards every ETR one copy of m leads, that as many
// headers follow as it has viewers, and that all of them share a path.
func (t *T) checkTransit(got seen, m media) {
	t.Helper()
	for d := 1; d <= t.fig.Domains; d++ {
		var path uint16
		first := true
		for _, c := range got.transit {
			if c.to != ETRName(d) {
				continue
			}
			p := t.tunnelled(c)
			if first {
				t.checkCopy(c, m)
				path = p.SourcePort
			} else if p.header.Type != t.headerType() || p.header.ID != m.id {
				t.Fatalf("to %s: a %v of %+v, want a header of %+v", c.to, p.header.Type, p.header.ID, m.id)
			}
			if p.SourcePort != path {
				t.Fatalf("to %s: outer source port %d, that of the copy is %d", c.to, p.SourcePort, path)
			}
			first = false
		}
		if first {
			t.Fatalf("nothing was sent to %s", ETRName(d))
		}
	}
}

func (t *T) headerType() wire.Type {
	if t.six {
		return wire.TypeHeader6
	}
	return wire.TypeHeader4
}

// checkViewers checks that every viewer received m once.
func (t *T) checkViewers(got seen, m media) {
	t.Helper()
	byEID := make(map[netip.Addr]arrival)
	for _, a := range got.arrived {
		byEID[ipDestination(ipOf(a.frame))] = a
	}
	for _, v := range t.fig.Viewers {
		a, ok := byEID[t.at(v).Addr()]
		if !ok {
			t.Fatalf("viewer %d (%v) received nothing", v.Index+1, t.at(v))
		}
		t.checkViewerGot(a, m, v)
	}
}

// deliverBurst sends 21 headers back to back.
func deliverBurst(t *T) {
	const rounds = 3
	m := t.media(1316)
	viewers := t.fig.Viewers
	counted := t.delivered()
	for c := range counted {
		if c.index == build.EventHeader || c.index == build.EventExpanded {
			counted[c] *= rounds
		}
	}
	got := t.observe(expect{
		transit: t.fig.Domains + rounds*len(viewers), arrived: rounds * len(viewers), counted: counted,
	}, func() {
		frames := [][]byte{t.payload(m)}
		for range rounds {
			for _, v := range viewers {
				frames = append(frames, t.header(m, t.at(v)))
			}
		}
		t.burst(SourceName, frames...)
	})
	t.checkTransit(got, m)
	t.checkViewers(got, m)
}

// deliverMany sends a short stream, one payload after the other.
func deliverMany(t *T) {
	const payloads = 50
	viewers := t.fig.Viewers
	counted := t.delivered()
	for c := range counted {
		counted[c] *= payloads
	}
	var sent []media
	got := t.observe(expect{
		transit: payloads * (t.fig.Domains + len(viewers)), arrived: payloads * len(viewers), counted: counted,
	}, func() {
		for range payloads {
			m := t.media(1200)
			sent = append(sent, m)
			frames := [][]byte{t.payload(m)}
			for _, v := range viewers {
				frames = append(frames, t.header(m, t.at(v)))
			}
			t.send(SourceName, frames...)
			t.arrive(expect{arrived: len(sent) * len(viewers)})
		}
	})
	for i, m := range sent {
		t.checkViewers(seen{arrived: got.arrived[i*len(viewers) : (i+1)*len(viewers)]}, m)
	}
}

// localViewer makes a viewer behind the ITR's own local port known.
func (t *T) localViewer() Viewer {
	t.Helper()
	eid := netip.MustParseAddr("10.0.0.20")
	v := Viewer{Domain: 0, EID: addrPort(eid, MediaPort), EID6: addrPort(EID6(eid), MediaPort), MAC: HostMAC(eid)}
	at, from := t.at(v).Addr(), SwitchMAC(0, LocalPort)
	t.controls[0].write(t,
		p4rt.Update{Op: p4rt.Insert, Object: neighbor(at, LocalPort, from, v.MAC)},
		p4rt.Update{Op: p4rt.Insert, Object: viewerEntry(at, LocalPort, from, v.MAC)})
	return v
}

// neighbor is an entry of a table of neighbors.
func neighbor(a netip.Addr, port uint32, src, dst [6]byte) *p4rt.Entry {
	table := build.TableNeighbors4
	if a.Is6() {
		table = build.TableNeighbors6
	}
	return &p4rt.Entry{
		Table: table, Match: []p4rt.Match{p4rt.Exact(build.FieldNeighbors4Address, p4rt.Addr(a))},
		Action: build.ActionDeliver,
		Params: []p4rt.Param{
			{Name: build.ParamDeliverPort, Value: p4rt.Uint(port)},
			{Name: build.ParamDeliverSrcMAC, Value: p4rt.MAC(src)},
			{Name: build.ParamDeliverDstMAC, Value: p4rt.MAC(dst)},
			{Name: build.ParamDeliverMtu, Value: p4rt.Uint(0)},
		},
	}
}

// viewerEntry is an entry of a table of viewers.
func viewerEntry(a netip.Addr, port uint32, src, dst [6]byte) *p4rt.Entry {
	table := build.TableViewers4
	if a.Is6() {
		table = build.TableViewers6
	}
	return &p4rt.Entry{
		Table: table, Match: []p4rt.Match{
			p4rt.Exact(build.FieldViewers4InstanceID, p4rt.Uint(0)),
			p4rt.LPM(build.FieldViewers4EID, p4rt.Addr(a), a.BitLen()),
		},
		Action: build.ActionViewer,
		Params: []p4rt.Param{
			{Name: build.ParamViewerOutPort, Value: p4rt.Uint(port)},
			{Name: build.ParamViewerOutSrcMAC, Value: p4rt.MAC(src)},
			{Name: build.ParamViewerOutDstMAC, Value: p4rt.MAC(dst)},
			{Name: build.ParamViewerOutMtu, Value: p4rt.Uint(0)},
		},
	}
}

// deliverAtITR has the ITR expand the header of a local viewer itself.
func deliverAtITR(t *T) {
	v := t.localViewer()
	for _, length := range []int{1, 300, 1316, 1472} {
		m := t.media(length)
		got := t.observe(expect{arrived: 1, counted: counts{
			t.event(0, build.EventPayload): 1, t.event(0, build.EventHeader): 1, t.event(0, build.EventExpanded): 1,
		}}, func() { t.send(SourceName, t.payload(m), t.header(m, t.at(v))) })
		t.checkMedia(got.arrived[0], SourceName, SwitchMAC(0, LocalPort), v.MAC,
			datagramOf(addrPort(t.eid(SourceEID), channelPort), t.at(v), 63, m.bytes))
	}
}

func payloadAlone(t *T) {
	t.observe(expect{counted: counts{t.event(0, build.EventPayload): 1}}, func() {
		t.send(SourceName, t.payload(t.media(1316)))
	})
}
