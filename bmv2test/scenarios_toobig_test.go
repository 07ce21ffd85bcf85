package bmv2test

import (
	"net/netip"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

// icmpv6 is ICMPv6's protocol number.
const icmpv6 = 58

// puntND has a host ask for a neighbor's Ethernet address.
func puntND(t *T) {
	source := t.fig.Host(SourceName)
	ip := inet.IPv6{NextHeader: icmpv6, HopLimit: 255, Src: SourceEID6, Dst: netip.MustParseAddr("ff02::1:ff00:1")}
	eth := inet.Ethernet{Dst: inet.MAC{0x33, 0x33, 0xff, 0, 0, 1}, Src: source.MAC, Type: inet.EtherTypeIPv6}
	solicitation := append(ip.Append(eth.Append(nil), 24), make([]byte, 24)...)
	t.punts(0, LocalPort, build.PuntNd, SourceName, solicitation)
	// A multicast frame that is no neighbor discovery is nothing to us.
	t.drops(0, build.DropNotOurMAC, SourceName, with(solicitation, func(b []byte) { ipOf(b)[6] = 17 }))
}

// puntTooBig sends what just fits the way out, and one byte more: an ordinary
// packet and a payload copy.
func puntTooBig(t *T) {
	const mtu = 1400
	v := t.fig.Viewers[0]
	t.setParam(0, t.neighborTable(t.outer6), build.ParamDeliverMtu, mtu)
	overhead := lisp.Overhead(t.rloc(0))
	headers := inet.HeaderSize(t.at(v).Addr())
	d := t.between(0, v.Domain, 5000, 0)
	d.Payload = make([]byte, mtu-overhead-headers)
	t.crosses(0, v.Domain, d)
	d.Payload = append(d.Payload, 0)
	t.punts(0, LocalPort, build.PuntTooBig, SourceName, t.datagramFrom(t.fig.Host(SourceName), d))

	fits := mtu - overhead - headers - build.CorecastBytes
	t.settled(fits)
	over := t.media(fits + 1)
	t.observe(expect{counted: t.stored()}, func() { t.send(SourceName, t.payload(over)) })
	t.punts(0, LocalPort, build.PuntTooBig, SourceName, t.header(over, t.at(v)))
}

// puntTooBigForViewers does the same on the local side of an ETR.
func puntTooBigForViewers(t *T) {
	const mtu = 600
	v := t.fig.Viewers[0]
	t.setParam(1, t.neighborTable(t.six), build.ParamDeliverMtu, mtu)
	fits := mtu - inet.HeaderSize(t.at(v).Addr())
	t.settled(fits)
	over := t.media(fits + 1)
	t.observe(expect{counted: counts{t.event(1, build.EventPayload): 1}}, func() { t.inject(1, t.fromITR(1, t.payload(over))) })
	t.punts(1, TransitPort, build.PuntTooBig, "", t.fromITR(1, t.header(over, t.at(v))))
}

// listTooBig expands a list for viewers behind a port that carries no more than
// 600 bytes, and for others on the second port, that carries all.
func listTooBig(t *T) {
	const mtu = 600
	entries := t.listOf(1, 6)
	fits, wide := 0, entries[:0:0]
	for _, e := range t.controls[1].entries(t.ctx, t.T, t.viewerTable()) {
		if paramOf(e, build.ParamViewerOutPort) == LocalPort {
			t.controls[1].write(t, p4rt.Update{Op: p4rt.Modify, Object: withParam(e, build.ParamViewerOutMtu, p4rt.Uint(mtu))})
			fits = mtu - inet.HeaderSize(t.at(t.fig.Viewers[0]).Addr())
		}
	}
	for _, e := range entries {
		if e.host == SecondName {
			wide = append(wide, e)
		}
	}
	if fits == 0 || len(wide) == 0 || len(wide) == len(entries) {
		t.Fatalf("of %d viewers %d are on the second port: want some on each", len(entries), len(wide))
	}
	all := t.settled(fits)
	got := t.observe(expect{arrived: len(entries), counted: t.expandedAt(1, len(entries))}, func() {
		t.inject(1, t.fromITR(1, t.header(all, addresses(entries)...)))
	})
	t.checkListed(got.arrived, all, entries, 63) // injected behind the ITR

	over := t.settled(fits + 1)
	counted := t.expandedAt(1, len(wide)).plus(counts{drop(1, build.DropTooBig): uint64(len(entries) - len(wide))})
	got = t.observe(expect{arrived: len(wide), counted: counted}, func() {
		t.inject(1, t.fromITR(1, t.header(over, addresses(entries)...)))
	})
	t.checkListed(got.arrived, over, wide, 63)
}

func (t *T) viewerTable() string {
	if t.six {
		return build.TableViewers6
	}
	return build.TableViewers4
}

func (t *T) neighborTable(six bool) string {
	if six {
		return build.TableNeighbors6
	}
	return build.TableNeighbors4
}
