package bmv2test

import (
	"net/netip"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
)

func unicastScenarios() []Scenario {
	return []Scenario{
		{"LISP header bits that we do not use are ignored", lispBits},
		{"several RLOCs share flows by weight", rlocShares},
		{"several RLOCs: one payload copy a site", rlocsOneCopy},
		{"several RLOCs, IPv6: one payload copy a site", func(t *T) { rlocsOneCopy(t.ipv6()) }},
		{"drop: RLOC set without a bucket", rlocSetEmpty},
		{"drop: mapping that says drop", mappingDrops},
	}
}

// lispBits tunnels an ordinary packet and a header with every flag but the
// instance-id's, and anything in the fields they speak of (RFC 9300 §5.3).
func lispBits(t *T) {
	m := t.settled(300)
	v := t.fig.Viewers[0]
	flags := lisp.FlagNonce | lisp.FlagLSB | lisp.FlagEchoNonce
	for _, header := range []lisp.DataHeader{
		{Flags: flags, Nonce: 0xABCDEF, LocatorStatus: 0xFFFFFFFF},
		{Flags: lisp.FlagMapVersion, Nonce: 0x123456, LocatorStatus: 0},
		{Flags: lisp.FlagInstance | lisp.FlagLSB, LocatorStatus: 0xFF},
	} {
		tunnel := lisp.Tunnel{Src: t.fig.RLOC(0), Dst: t.fig.RLOC(1), Header: header}
		ordinary := t.fromSource(addrPort(t.fig.Host(DomainName(1)).Addr, 7), []byte("ordinary"))
		var frames [][]byte
		for _, frame := range [][]byte{ordinary, t.header(m, v.EID)} {
			frames = append(frames, must(tunnel.Append(transitEthernet(1, tunnel.Src), ipOf(frame))))
		}
		got := t.observe(expect{arrived: 2, counted: t.expandedAt(1, 1)}, func() { t.inject(1, frames...) })
		t.checkMedia(got.arrived[1], DomainName(1), SwitchMAC(1, LocalPort), v.MAC,
			datagramOf(addrPort(SourceEID, channelPort), v.EID, 63, m.bytes))
	}
}

// setID is an RLOC set that no controller uses.
const setID = 1000

// twoRLOCs maps a prefix to the RLOCs of domains 1 and 2, three to one. Neither
// site has it, so that what gets there is dropped.
func (t *T) twoRLOCs(prefix netip.Prefix) {
	t.mapByBucket(prefix, func(bucket int) int { return 1 + bucket/(build.RLOCBuckets*3/4) })
}

// mapByBucket maps a prefix to a set; of says to which domain a bucket leads, 0
// for none.
func (t *T) mapByBucket(prefix netip.Prefix, of func(bucket int) int) {
	t.Helper()
	c := t.controls[0]
	index := make(map[p4rt.Value]p4rt.Value)
	for _, e := range c.entries(t.ctx, t.T, build.TableRLOCs) {
		index[paramText(e, build.ParamEncap4RLOC)] = e.Match[0].Value
	}
	var updates []p4rt.Update
	for bucket := range build.RLOCBuckets {
		d := of(bucket)
		if d == 0 {
			continue
		}
		updates = append(updates, p4rt.Update{Op: p4rt.Insert, Object: &p4rt.Entry{
			Table: build.TableRLOCSets, Action: build.ActionPick,
			Match: []p4rt.Match{
				p4rt.Exact(build.FieldRLOCSetsSet, p4rt.Uint(setID)), p4rt.Exact(build.FieldRLOCSetsBucket, p4rt.Uint(bucket)),
			},
			Params: []p4rt.Param{{Name: build.ParamPickRLOC, Value: index[p4rt.Addr(t.fig.RLOC(d))]}},
		}})
	}
	updates = append(updates, p4rt.Update{Op: p4rt.Insert, Object: eidEntry(prefix, build.ActionToRLOCs,
		p4rt.Param{Name: build.ParamToRLOCsSet, Value: p4rt.Uint(setID)})})
	c.write(t, updates...)
}

// rlocShares sends flows of one and the same pair of hosts.
func rlocShares(t *T) {
	const flows = 256
	prefix := netip.MustParsePrefix("172.16.0.0/16")
	t.twoRLOCs(prefix)
	way := make(map[uint16]string) // by flow
	count := make(map[string]int)
	for round := range 2 {
		got, changed := t.watch(func() {
			var frames [][]byte
			for port := range uint16(flows) {
				d := t.between(0, 1, 10000+port, 0)
				d.Dst = addrPort(prefix.Addr().Next(), 7000)
				frames = append(frames, t.datagramFrom(t.fig.Host(SourceName), d))
			}
			t.send(SourceName, frames...)
			t.arrive(expect{transit: flows})
		})
		if len(got.transit) != flows || len(got.arrived) != 0 {
			t.Fatalf("%d of %d packets crossed, counted %v", len(got.transit), flows, changed)
		}
		for _, c := range got.transit {
			port := t.tunnelled(c).inner.Src.Port()
			if round > 0 && way[port] != c.to {
				t.Fatalf("flow %d went to %s and to %s", port, way[port], c.to)
			}
			way[port] = c.to
			count[c.to]++
		}
	}
	// Weights 3 to 1: the rarer one has a quarter, give or take.
	if n := count[ETRName(2)] / 2; n < flows/8 || n > flows/2 || count[ETRName(1)]+count[ETRName(2)] != 2*flows {
		t.Errorf("the flows went %v; want about a quarter to %s", count, ETRName(2))
	}
}

// rlocsOneCopy sends headers for many viewers of a site with two RLOCs: all of
// them take one way, and one copy.
func rlocsOneCopy(t *T) {
	const viewers = 12
	prefix := netip.MustParsePrefix("172.16.0.0/16")
	if t.six {
		prefix = netip.MustParsePrefix("2001:db8:77::/48")
	}
	t.twoRLOCs(prefix)
	m := t.media(1316)
	got, changed := t.watch(func() {
		frames := [][]byte{t.payload(m)}
		viewer := prefix.Addr()
		for range viewers {
			viewer = viewer.Next()
			frames = append(frames, t.header(m, addrPort(viewer, MediaPort)))
		}
		t.send(SourceName, frames...)
		t.arrive(expect{transit: viewers + 1})
	})
	if len(got.transit) != viewers+1 {
		t.Fatalf("%d packets crossed, want a copy and %d headers; counted %v", len(got.transit), viewers, changed)
	}
	t.checkCopy(got.transit[0], m)
	for _, c := range got.transit {
		if c.to != got.transit[0].to {
			t.Errorf("one header went to %s, the copy to %s", c.to, got.transit[0].to)
		}
	}
	if n := changed[t.event(0, build.EventCopy)]; n != 1 {
		t.Errorf("%d copies, want 1", n)
	}
}

func rlocSetEmpty(t *T) {
	prefix := netip.MustParsePrefix("172.16.0.0/16")
	t.mapByBucket(prefix, func(int) int { return 0 })
	t.drops(0, build.DropNoEncap, SourceName, t.fromSource(addrPort(prefix.Addr().Next(), 7), nil))
}

func mappingDrops(t *T) {
	m := t.settled(300)
	prefix := netip.MustParsePrefix("172.17.0.0/16")
	t.controls[0].write(t, p4rt.Update{Op: p4rt.Insert, Object: eidEntry(prefix, build.ActionDiscard,
		p4rt.Param{Name: build.ParamDiscardReason, Value: p4rt.Uint(build.DropNoRoute)})})
	t.drops(0, build.DropNoRoute, SourceName, t.fromSource(addrPort(prefix.Addr().Next(), 7), nil))
	t.drops(0, build.DropNoRoute, SourceName, t.header(m, addrPort(prefix.Addr().Next(), MediaPort)))
}
