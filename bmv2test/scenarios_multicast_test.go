package bmv2test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

func multicastScenarios() []Scenario {
	both := func(name string, run func(*T)) []Scenario {
		return []Scenario{
			{"multicast: " + name, run},
			{"multicast: " + name + ", IPv6", func(t *T) { run(t.ipv6()) }},
		}
	}
	var list []Scenario
	list = append(list, both("payloads once to the group, headers ignored", multicast)...)
	list = append(list, both("a repeated copy is not forwarded again", multicastRepeated)...)
	list = append(list, both("a payload too big for the group's ports is punted", multicastTooBig)...)
	return append(list, both("a live stream changes over and back", multicastSwitch)...)
}

// groupID is a replication group that no controller uses.
const groupID = 0x7001

// The in-domain groups of the scenarios.
var (
	group4 = netip.MustParseAddrPort("232.1.2.3:5004")
	group6 = netip.MustParseAddrPort("[ff35::8000:1]:5004")
)

func (t *T) group() (netip.AddrPort, inet.MAC) {
	if t.six {
		return group6, inet.MAC{0x33, 0x33, 0x80, 0, 0, 1}
	}
	return group4, inet.MAC{0x01, 0x00, 0x5e, 1, 2, 3}
}

// groupReplicas makes the replication group for the rest of the scenario.
func (t *T) groupReplicas() {
	t.Helper()
	t.controls[1].write(t, p4rt.Update{Op: p4rt.Insert, Object: &p4rt.Group{ID: groupID, Replicas: []p4rt.Replica{
		{Port: LocalPort, Instance: build.RIDMulticast}, {Port: SecondPort, Instance: build.RIDMulticast},
	}}})
}

func (t *T) streamTable() string {
	if t.six {
		return build.TableStreams6
	}
	return build.TableStreams4
}

// multicastEntries are ETR 1's stream entries with delivery by multicast.
func (t *T) multicastEntries() []p4rt.Update {
	table, action := t.streamTable(), build.ActionStreamMulticast4
	if t.six {
		action = build.ActionStreamMulticast6
	}
	group, mac := t.group()
	var updates []p4rt.Update
	for _, e := range t.controls[1].entries(t.ctx, t.T, table) {
		updates = append(updates, p4rt.Update{Op: p4rt.Modify, Object: &p4rt.Entry{
			Table: table, Match: e.Match, Action: action, Params: []p4rt.Param{
				{Name: build.ParamStreamMulticast4Slot, Value: p4rt.Uint(int(t.controls[1].slots[t.six]))},
				{Name: build.ParamStreamMulticast4Group, Value: p4rt.Uint(groupID)},
				{Name: build.ParamStreamMulticast4Address, Value: p4rt.Addr(group.Addr())},
				{Name: build.ParamStreamMulticast4Port, Value: p4rt.Uint(group.Port())},
				{Name: build.ParamStreamMulticast4MAC, Value: p4rt.MAC(mac)},
				{Name: build.ParamStreamMulticast4Mtu, Value: p4rt.Uint(0)},
			},
		}})
	}
	return updates
}

// checkGroup checks that both of domain 1's ports got m for the group, once.
func (t *T) checkGroup(got []arrival, m media, ttl uint8) {
	t.Helper()
	group, mac := t.group()
	seen := make(map[string]bool)
	for _, a := range got {
		if ipDestination(ipOf(a.frame)) != group.Addr() {
			continue
		}
		if seen[a.host] {
			t.Fatalf("%s got the payload twice", a.host)
		}
		seen[a.host] = true
		// One rewritten packet goes to all ports, so its source is not a
		// port's own address.
		var eth inet.Ethernet
		if _, err := eth.Decode(a.frame); err != nil {
			t.Fatal(err)
		}
		t.checkMedia(a, a.host, eth.Src, mac, datagramOf(addrPort(t.eid(SourceEID), channelPort), group, ttl, m.bytes))
	}
	if len(seen) != 2 || !seen[DomainName(1)] || !seen[SecondName] {
		t.Fatalf("the group was delivered at %v, want %s and %s", seen, DomainName(1), SecondName)
	}
}

// multicast sends to all viewers; domain 1 has chosen multicast.
func multicast(t *T) {
	t.groupReplicas()
	t.controls[1].write(t, t.multicastEntries()...)
	in1 := uint64(0)
	for _, v := range t.fig.Viewers {
		if v.Domain == 1 {
			in1++
		}
	}
	for _, size := range []int{1, 1316, 1472} {
		m := t.media(size)
		counted := t.delivered()
		delete(counted, t.event(1, build.EventHeader))
		delete(counted, t.event(1, build.EventExpanded))
		counted = counted.plus(counts{t.event(1, build.EventMulticast): 1, drop(1, build.DropMulticastHeader): in1})
		got := t.observe(expect{
			transit: t.fig.Domains + len(t.fig.Viewers), arrived: len(t.fig.Viewers) - int(in1) + 2, counted: counted,
		}, func() {
			frames := [][]byte{t.payload(m)}
			for _, v := range t.fig.Viewers {
				frames = append(frames, t.header(m, t.at(v)))
			}
			t.send(SourceName, frames...)
		})
		t.checkGroup(got.arrived, m, 62)
	}
	// Lists are headers, too.
	m := t.media(300)
	t.observe(expect{counted: dropped(1, build.DropMulticastHeader)}, func() {
		t.inject(1, t.fromITR(1, t.header(m, addresses(t.listOf(1, 32))...)))
	})
}

func multicastRepeated(t *T) {
	t.groupReplicas()
	t.controls[1].write(t, t.multicastEntries()...)
	m := t.media(1316)
	payload := t.fromITR(1, t.payload(m))
	got := t.observe(expect{arrived: 2, counted: counts{
		t.event(1, build.EventPayload): 1, t.event(1, build.EventMulticast): 1,
	}}, func() { t.inject(1, payload) })
	t.checkGroup(got.arrived, m, 63) // injected behind the ITR
	t.observe(expect{counted: dropped(1, build.DropPayloadRepeated).plus(counts{t.event(1, build.EventPayloadRepeated): 1})},
		func() { t.inject(1, payload) })
	spoiled := with(t.fromITR(1, t.payload(t.media(1316))), func(b []byte) { b[len(b)-1]++ })
	t.observe(expect{counted: dropped(1, build.DropPayloadHash).plus(counts{t.event(1, build.EventPayloadRejected): 1})},
		func() { t.inject(1, spoiled) })
}

// multicastTooBig sends what just fits the ports of the group, and a byte more.
func multicastTooBig(t *T) {
	const mtu = 600
	t.groupReplicas()
	t.controls[1].write(t, t.multicastEntries()...)
	t.setParam(1, t.streamTable(), build.ParamStreamMulticast4Mtu, mtu)
	group, _ := t.group()
	fits := t.media(mtu - inet.HeaderSize(group.Addr()))
	got := t.observe(expect{arrived: 2, counted: counts{
		t.event(1, build.EventPayload): 1, t.event(1, build.EventMulticast): 1,
	}}, func() { t.inject(1, t.fromITR(1, t.payload(fits))) })
	t.checkGroup(got.arrived, fits, 63)
	over := t.fromITR(1, t.payload(t.media(len(fits.bytes)+1)))
	t.puntsCounting(1, TransitPort, build.PuntTooBig, counts{t.event(1, build.EventPayload): 1}, "", over)
}

// multicastSwitch changes the delivery of a stream while it runs, there and
// back: every payload but one at most a change reaches domain 1 one way or the
// other. Both ways may take the one that is under way at the change back: it was
// forwarded to the group, and its header finds unicast.
func multicastSwitch(t *T) {
	const steady, meanwhile = 20, 300 // payloads between changes, and at most while one is made
	t.groupReplicas()
	v := t.fig.Viewers[0]
	group, _ := t.group()
	multicast, c := t.multicastEntries(), t.controls[1]
	var unicast []p4rt.Update
	for _, e := range c.entries(t.ctx, t.T, multicast[0].Object.(*p4rt.Entry).Table) {
		unicast = append(unicast, p4rt.Update{Op: p4rt.Modify, Object: e})
	}
	var sent []media
	send := func() {
		m := t.media(600 + len(sent))
		sent = append(sent, m)
		t.send(SourceName, t.payload(m), t.header(m, t.at(v)))
		// The group brings every payload twice: wait for this very one.
		t.atMost(5*lossAfter, func(s *seen) bool { return slices.ContainsFunc(s.arrived, carries(m)) })
	}
	change := func(updates []p4rt.Update) {
		written := make(chan error, 1)
		go func() { written <- c.session.Write(t.ctx, updates) }()
		for i := 0; i < meanwhile && len(written) == 0; i++ {
			send()
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	got, changed := t.watch(func() {
		for _, updates := range [][]p4rt.Update{nil, multicast, unicast} {
			if updates != nil {
				change(updates)
			}
			for range steady {
				send()
			}
		}
	})
	ways := make(map[int]string) // by size
	for _, a := range got.arrived {
		var d inet.Datagram
		if err := d.Decode(ipOf(a.frame)); err != nil {
			t.Fatal(err)
		}
		if way := fmt.Sprint(d.Dst.Addr() == group.Addr()); a.host == DomainName(1) {
			ways[len(d.Payload)] += way
		}
	}
	lost, byGroup, twice := 0, 0, 0
	for _, m := range sent {
		switch way := ways[len(m.bytes)]; way {
		case "":
			lost++
		case "true":
			byGroup++
		case "false":
		case "truefalse":
			twice++
		default:
			t.Errorf("a payload of %d bytes arrived more than once: %s", len(m.bytes), way)
		}
	}
	if lost > 2 || twice > 1 || byGroup == 0 || byGroup == len(sent) {
		t.Errorf("of %d payloads %d were lost over two changes, %d came twice, %d by the group; counted %v", len(sent), lost, twice, byGroup, changed)
	}
	t.serve(t.media(500), v, true, t.payload(mediaOf(t.sequence, 500)))
}

// carries reports whether a packet brought m, which differs in size from others.
func carries(m media) func(arrival) bool {
	return func(a arrival) bool {
		var d inet.Datagram
		return d.Decode(ipOf(a.frame)) == nil && len(d.Payload) == len(m.bytes)
	}
}

// atMost waits for something to be seen, but not longer than d: it may be lost.
func (t *T) atMost(d time.Duration, is func(*seen) bool) {
	ctx, cancel := context.WithTimeout(t.ctx, d)
	defer cancel()
	_ = t.seen.wait(ctx, func(s *seen, _ int) bool { return is(s) })
}
