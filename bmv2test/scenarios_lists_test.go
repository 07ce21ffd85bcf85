package bmv2test

import (
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

func listScenarios() []Scenario {
	var list []Scenario
	for _, n := range []int{2, 3, 31, 32} {
		list = append(list,
			Scenario{fmt.Sprintf("list of %d viewers", n), func(t *T) { deliverList(t, 1, n) }},
			Scenario{fmt.Sprintf("list of %d viewers, IPv6", n), func(t *T) { deliverList(t.ipv6(), 1, n) }},
			Scenario{fmt.Sprintf("list of %d viewers by an IPv6 RLOC", n), func(t *T) { deliverList(t, 3, n) }},
			Scenario{fmt.Sprintf("list of %d viewers, IPv6 by an IPv6 RLOC", n), func(t *T) { deliverList(t.ipv6(), 3, n) }})
	}
	return append(list,
		Scenario{"list with entries that are not local", listNotLocal},
		Scenario{"list with entries that are not local, IPv6", func(t *T) { listNotLocal(t.ipv6()) }},
		Scenario{"list without a local entry", listNowhere},
		Scenario{"list whose first viewer is local to the ITR", listAtITR},
		Scenario{"list whose first viewer is local to the ITR, IPv6", func(t *T) { listAtITR(t.ipv6()) }},
		Scenario{"list whose first viewer has no mapping", listMiss},
		Scenario{"list refused while single headers pass", dropList},
		Scenario{"list refused while single headers pass, IPv6", func(t *T) { dropList(t.ipv6()) }},
		Scenario{"list with viewers whose packets are too big", listTooBig},
		Scenario{"list with viewers whose packets are too big, IPv6", func(t *T) { listTooBig(t.ipv6()) }},
		Scenario{"fanout bounds what one payload becomes at an ETR", fanoutAtETR},
		Scenario{"fanout bounds what one payload becomes at the ITR", fanoutAtITR},
		Scenario{"headers and copies are counted by channel and RLOC", countedByRLOC},
	)
}

// listed is an entry of a list, and where its packet should arrive.
type listed struct {
	at       netip.AddrPort
	host     string
	src, dst inet.MAC
}

// listOf returns n entries of domain d: its viewers in turn, on ports of their
// own, in domain 1 the host on the second port among them.
func (t *T) listOf(d, n int) []listed {
	var hosts []listed
	for _, v := range t.fig.Viewers {
		if v.Domain == d {
			hosts = append(hosts, listed{t.at(v), DomainName(d), SwitchMAC(d, LocalPort), v.MAC})
		}
	}
	if d == 1 {
		second := addrPort(t.eid(secondHost), MediaPort)
		hosts = append(hosts, listed{second, SecondName, SwitchMAC(1, SecondPort), HostMAC(secondHost)})
	}
	var entries []listed
	for i := range n {
		e := hosts[i%len(hosts)]
		e.at = addrPort(e.at.Addr(), MediaPort+uint16(i))
		entries = append(entries, e)
	}
	return entries
}

func addresses(entries []listed) []netip.AddrPort {
	var list []netip.AddrPort
	for _, e := range entries {
		list = append(list, e.at)
	}
	return list
}

// checkListed checks that every entry got m once, and on each host in the
// order of the list.
func (t *T) checkListed(got []arrival, m media, entries []listed, ttl uint8) {
	t.Helper()
	byHost := make(map[string][]arrival)
	for _, a := range got {
		byHost[a.host] = append(byHost[a.host], a)
	}
	for i, e := range entries {
		at := byHost[e.host]
		if len(at) == 0 {
			t.Fatalf("entry %d of %d (%v) did not reach %s", i+1, len(entries), e.at, e.host)
		}
		t.checkMedia(at[0], e.host, e.src, e.dst,
			datagramOf(addrPort(t.eid(SourceEID), channelPort), e.at, ttl, m.bytes))
		byHost[e.host] = at[1:]
	}
}

// expandedAt is what a list of n local entries counts at ETR d.
func (t *T) expandedAt(d, n int) counts {
	return counts{t.event(d, build.EventHeader): 1, t.event(d, build.EventExpanded): uint64(n)}
}

// deliverList has a list of n travel whole behind its copy and be expanded in
// order, twice: the second time without a copy.
func deliverList(t *T, d, n int) {
	for _, size := range []int{1, 1316, 1472} {
		m, entries := t.media(size), t.listOf(d, n)
		header := t.header(m, addresses(entries)...)
		counted := t.expandedAt(d, n).plus(t.stored()).plus(counts{
			t.event(0, build.EventHeader): 1, t.event(0, build.EventCopy): 1, t.event(d, build.EventPayload): 1,
		})
		got := t.observe(expect{transit: 2, arrived: n, counted: counted}, func() {
			t.send(SourceName, t.payload(m), header)
		})
		t.checkCopy(got.transit[0], m)
		t.checkHeader(got.transit[1], m, addresses(entries)...)
		t.checkTunnel(got.transit[1], 0, d, hop(ipOf(header)))
		t.checkListed(got.arrived, m, entries, 62)

		counted = t.expandedAt(d, n).plus(counts{t.event(0, build.EventHeader): 1})
		got = t.observe(expect{transit: 1, arrived: n, counted: counted}, func() { t.send(SourceName, header) })
		t.checkListed(got.arrived, m, entries, 62)
	}
}

// listNotLocal mixes in viewers of other sites and of none.
func listNotLocal(t *T) {
	m := t.settled(1316)
	local := t.listOf(1, 4)
	elsewhere := addrPort(t.at(t.domainViewers(2, 1)[0]).Addr(), MediaPort)
	nowhere := addrPort(t.eid(netip.MustParseAddr("10.99.0.1")), MediaPort)
	for _, entries := range [][]netip.AddrPort{
		{local[0].at, elsewhere, local[1].at, nowhere, local[2].at, local[3].at},
		{elsewhere, local[0].at, local[1].at, local[2].at, local[3].at, nowhere},
	} {
		counted := t.expandedAt(1, 4).plus(counts{
			t.event(1, build.EventEntryNotLocal): 2, drop(1, build.DropEntryNotLocal): 2,
		})
		got := t.observe(expect{arrived: 4, counted: counted}, func() {
			t.inject(1, t.fromITR(1, t.header(m, entries...)))
		})
		t.checkListed(got.arrived, m, local, 63) // injected behind the ITR
	}
}

func listNowhere(t *T) {
	m := t.settled(300)
	elsewhere := t.at(t.domainViewers(2, 1)[0])
	t.observe(expect{counted: counts{
		t.event(1, build.EventHeader): 1, t.event(1, build.EventEntryNotLocal): 3, drop(1, build.DropEntryNotLocal): 3,
	}}, func() { t.inject(1, t.fromITR(1, t.header(m, elsewhere, elsewhere, elsewhere))) })
}

// listAtITR has the ITR expand a list itself: what is not local to it is not
// sent on.
func listAtITR(t *T) {
	v := t.localViewer()
	m := t.media(1316)
	var local []listed
	for i := range 5 {
		local = append(local, listed{addrPort(t.at(v).Addr(), MediaPort+uint16(i)), SourceName, SwitchMAC(0, LocalPort), v.MAC})
	}
	list := append(addresses(local), t.at(t.fig.Viewers[0]))
	got := t.observe(expect{arrived: 5, counted: t.expandedAt(0, 5).plus(t.stored()).plus(counts{
		t.event(0, build.EventEntryNotLocal): 1, drop(0, build.DropEntryNotLocal): 1,
	})}, func() { t.send(SourceName, t.payload(m), t.header(m, list...)) })
	t.checkListed(got.arrived, m, local, 63)
}

func listMiss(t *T) {
	m := t.settled(300)
	nobody := netip.MustParseAddrPort("172.22.0.1:5004")
	t.punts(0, LocalPort, build.PuntMapCacheMiss, SourceName, t.header(m, nobody, t.at(t.fig.Viewers[0])))
}

// fanoutAtETR lets a payload become six packets: a list of four and two single
// headers; what asks for more is refused whole, and the next payload starts
// afresh.
func fanoutAtETR(t *T) {
	t.setStream(1, build.ParamStreamFanout, 6)
	refused := dropped(1, build.DropFanout).plus(counts{t.event(1, build.EventRefused): 1})
	for range 2 {
		m, four := t.media(700), t.listOf(1, 4)
		list := t.fromITR(1, t.header(m, addresses(four)...))
		single := t.fromITR(1, t.header(m, four[0].at))
		t.observe(expect{arrived: 4, counted: t.expandedAt(1, 4).plus(counts{t.event(1, build.EventPayload): 1})},
			func() { t.inject(1, t.fromITR(1, t.payload(m)), list) })
		t.observe(expect{counted: refused}, func() { t.inject(1, list) })
		t.observe(expect{arrived: 2, counted: t.expandedAt(1, 1).plus(t.expandedAt(1, 1))}, func() { t.inject(1, single, single) })
		t.observe(expect{counted: refused}, func() { t.inject(1, single) })
	}
}

// fanoutAtITR lets a payload be copied to two of three sites. Headers behind a
// copy that was made still pass: they are not payload-sized.
func fanoutAtITR(t *T) {
	t.setChannel(build.ParamChannel4Fanout, 2)
	m := t.media(700)
	var viewers []Viewer
	for d := 1; d <= 3; d++ {
		viewers = append(viewers, t.domainViewers(d, 1)...)
	}
	t.serve(m, viewers[0], true, t.payload(m))
	t.serve(m, viewers[1], true)
	refused := dropped(0, build.DropFanout).plus(counts{t.event(0, build.EventRefused): 1})
	t.observe(expect{counted: refused}, func() { t.send(SourceName, t.header(m, t.at(viewers[2]))) })
	t.serve(m, viewers[0], false)
}

// countedByRLOC reads the counters of (channel, RLOC) around a delivery.
func countedByRLOC(t *T) {
	t.setRedundancy(2)
	c := t.controls[0]
	read := func() (headers, copies uint64) {
		for _, e := range c.entries(t.ctx, t.T, build.TableRLOCs) {
			stamp := c.slots[t.six]*build.MaxRLOCs + valueOf(e.Match[0].Value)
			cells, err := c.session.ReadCounter(t.ctx, build.CounterRLOCEvents, stamp*2, 2)
			if err != nil {
				t.Fatal(err)
			}
			if paramText(e, build.ParamEncap4RLOC) == p4rt.Addr(t.fig.RLOC(2)) {
				headers, copies = cells[0].Packets, cells[1].Packets
			}
		}
		return headers, copies
	}
	h, n := read()
	m := t.media(300)
	viewers := t.domainViewers(2, 5)
	t.watch(func() {
		t.send(SourceName, t.payload(m))
		for _, v := range viewers {
			t.send(SourceName, t.header(m, t.at(v)))
		}
		t.arrive(expect{arrived: len(viewers)})
	})
	h2, n2 := read()
	if h2-h != 5 || n2-n != 3 { // one copy, and one after every two headers
		t.Errorf("RLOC %v counted %d headers and %d copies, want 5 and 3", t.fig.RLOC(2), h2-h, n2-n)
	}
}

func paramText(e *p4rt.Entry, name string) p4rt.Value {
	for _, p := range e.Params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
