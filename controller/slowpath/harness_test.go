package slowpath

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

var (
	start    = time.Unix(1_800_000_000, 0)
	hostMAC  = inet.MAC{2, 0, 0, 0, 0, 0x10}
	portMAC  = config.MAC{2, 0xcc, 0, 0, 0, 1}
	source   = netip.MustParseAddr("10.0.0.10")
	source6  = netip.MustParseAddr("2001:db8:1::10")
	far      = netip.MustParseAddr("10.7.0.9")
	farRLOC  = netip.MustParseAddr("192.0.2.77")
	ownRLOC  = netip.MustParseAddr("192.0.2.10")
	ownRLOC6 = netip.MustParseAddr("2001:db8:ffff::10")
)

func rlocs(addrs ...netip.Addr) []config.RLOC {
	var list []config.RLOC
	for _, a := range addrs {
		list = append(list, config.RLOC{Address: a, Priority: 1, Weight: 100})
	}
	return list
}

func view() View {
	return View{
		Switch: &config.Switch{Name: "itr", Ports: []config.Port{
			{ID: 1, Role: config.Local, MAC: portMAC, Address: netip.MustParsePrefix("10.0.0.1/24"),
				Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::1/64")}, MTU: 1500},
			{ID: 2, Role: config.Transit, MAC: config.MAC{2, 0xcc, 0, 0, 0, 2}, Address: netip.MustParsePrefix("192.0.2.10/24")},
		}},
		Site: &config.Site{Name: "studio", CoreCast: true, AcceptStreams: config.AcceptAny,
			EIDPrefixes:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
			ReservedEIDs: netip.MustParsePrefix("10.0.255.0/24"), RLOCs: rlocs(ownRLOC)},
		RLOCs: rlocs(ownRLOC),
	}
}

// fake records what a Path wants done.
type fake struct {
	t        *testing.T
	log      []string
	sent     [][]byte // through a port
	received [][]byte
	asked    []lisp.EID
	version  uint64
	missing  []Hop
	mtu      int
	replies  func(netip.AddrPort, []byte)
}

func (f *fake) note(format string, args ...any) { f.log = append(f.log, fmt.Sprintf(format, args...)) }

func (f *fake) Send(port uint16, frame []byte) {
	f.sent = append(f.sent, frame)
	f.note("send %d", port)
}
func (f *fake) Receive(port uint16, frame []byte) { f.received = append(f.received, frame) }
func (f *fake) Resolve(e lisp.EID, _ bool)        { f.asked = append(f.asked, e) }
func (f *fake) Learn(r Resolution) uint64         { f.version++; f.note("learn %v", r.EID); return f.version }
func (f *fake) Forget(e lisp.EID)                 { f.note("forget %v", e) }
func (f *fake) LearnNeighbor(a netip.Addr, port uint16, mac inet.MAC) uint64 {
	f.version++
	f.note("neighbor %v %d %v", a, port, mac)
	return f.version
}
func (f *fake) ForgetNeighbor(a netip.Addr) { f.note("forget neighbor %v", a) }
func (f *fake) LearnStream(s Stream, _ []config.RLOC) (uint64, bool) {
	f.version++
	f.note("stream %v", s)
	return f.version, true
}
func (f *fake) ForgetStream(s Stream)       { f.note("forget stream %v", s) }
func (f *fake) Reach(a netip.Addr, up bool) { f.note("reach %v %v", a, up) }
func (f *fake) Missing(netip.Addr) []Hop    { return f.missing }
func (f *fake) MTU(netip.Addr) int          { return f.mtu }
func (f *fake) Way(to netip.Addr) (Way, bool) {
	way := Way{Port: 2, MAC: hostMAC, Source: ownRLOC}
	if to.Is6() {
		way.Source = ownRLOC6
	}
	return way, true
}
func (f *fake) Control(_, _ netip.AddrPort, m []byte, send func(netip.AddrPort, []byte)) {
	f.note("control %d", len(m))
	f.replies = send
}

func (f *fake) said(what string) bool { return slices.Contains(f.log, what) }

func newPath(t *testing.T, o Options) (*Path, *fake) {
	f := &fake{t: t}
	return New(view(), f, o), f
}

// udp is a frame from the source's host to dst.
func udp(src, dst netip.Addr, dstPort uint16, body []byte) []byte {
	eth := inet.Ethernet{Dst: inet.MAC(portMAC), Src: hostMAC, Type: inet.EtherTypeIPv4}
	if dst.Is6() {
		eth.Type = inet.EtherTypeIPv6
	}
	d := inet.Datagram{TTL: 64, Src: netip.AddrPortFrom(src, 5000), Dst: netip.AddrPortFrom(dst, dstPort), Payload: body}
	frame, err := d.Append(eth.Append(nil))
	if err != nil {
		panic(err)
	}
	return frame
}

// encapsulated is a LISP data packet from an RLOC to us.
func encapsulated(from netip.Addr, inner []byte) []byte {
	return udp(from, ownRLOC, lisp.DataPort, append(make([]byte, lisp.DataHeaderSize), inner[inet.EthernetSize:]...))
}

func resolution(prefix string, ttl time.Duration, at ...netip.Addr) Resolution {
	return Resolution{EID: lisp.EID{Prefix: netip.MustParsePrefix(prefix)}, RLOCs: rlocs(at...), TTL: ttl}
}

// icmpOf takes apart an ICMP message that was sent.
func icmpOf(t *testing.T, frame []byte) (dst netip.Addr, typ, code uint8, data uint32, quoted []byte) {
	t.Helper()
	var k packet
	if err := k.parse(frame, func(netip.Addr) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if k.src.Is4() && inet.Checksum(k.payload) != 0 || k.src.Is6() && !validICMPv6(&k) {
		t.Fatalf("wrong ICMP checksum in %x", frame)
	}
	return k.dst, k.payload[0], k.payload[1], binary.BigEndian.Uint32(k.payload[4:]), k.payload[8:]
}

// payload is a CoreCast payload packet.
func payload(media []byte) []byte {
	b, err := wire.AppendPayload(nil, wire.Identify(1, media), media)
	if err != nil {
		panic(err)
	}
	return b
}
