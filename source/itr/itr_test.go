package itr_test

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/itr"
	"github.com/corecast/corecast/wire"
)

// Over UDP sockets: a site with a CoreCast ETR gets a copy of each payload and its
// headers, one without gets the media in the tunnel, and viewers without LISP get
// it straight.
func TestSockets(t *testing.T) {
	at := host()
	channel, forITR := channelOf(t, at, 32)
	sockets, err := itr.OpenSockets(forITR, at)
	if err != nil {
		t.Fatal(err)
	}
	defer sockets.Close()
	out, err := itr.New(sockets, forITR)
	if err != nil {
		t.Fatal(err)
	}
	capable, plain := host(), host()
	etr, xtr, native := listen(t, capable, lisp.DataPort), listen(t, plain, lisp.DataPort), listen(t, host(), 0)
	var viewers []dstlist.Viewer
	for i := range 3 {
		viewers = append(viewers, dstlist.Viewer{EID: netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), Port: 5004, RLOC: capable})
	}
	for i := range 40 {
		viewers = append(viewers, dstlist.Viewer{EID: netip.AddrFrom4([4]byte{10, 2, 0, byte(i)}), Port: 5004, RLOC: plain, Unicast: true})
	}
	viewers = append(viewers,
		dstlist.Viewer{EID: addrOf(native).Addr(), Port: addrOf(native).Port(), Unicast: true},
		dstlist.Viewer{EID: netip.MustParseAddr("10.3.0.1"), Port: 5004}) // nobody knows where
	const payloads = 5
	media := bytes.Repeat([]byte("media"), payloads*200)
	report, err := source.Run(t.Context(), configOf(t, channel, viewers), memory(media), out)
	if err != nil || report.Unicast != payloads*41 || report.Unsent != payloads {
		t.Fatalf("%+v, %v", report, err)
	}
	if n := out.Stats(); n != (itr.Stats{Copies: payloads, Unserved: payloads}) {
		t.Errorf("%+v", n)
	}

	flow, err := forITR.Flow()
	if err != nil {
		t.Fatal(err)
	}
	var copied []byte
	for i, r := range read(t, etr, 2*payloads) {
		var p wire.Payload
		var h wire.Header4
		if i%2 == 0 && p.Decode(r.inner.Payload) == nil {
			copied = append(copied, p.Media...)
		} else if i%2 == 0 || h.Decode(r.inner.Payload) != nil || len(slices.Collect(h.Viewers())) != 3 {
			t.Errorf("datagram %d: %x", i, r.inner.Payload)
		}
		if r.outer != flow || r.inner.Dst != netip.AddrPortFrom(channel.ReservedEID, wire.Port) {
			t.Errorf("from port %d to %s, want port %d", r.outer, r.inner.Dst, flow)
		}
	}
	if !bytes.Equal(copied, media) {
		t.Error("the copies are not the media")
	}
	got, ports := map[netip.AddrPort][]byte{}, map[uint16]bool{}
	for _, r := range read(t, xtr, 40*payloads) {
		got[r.inner.Dst] = append(got[r.inner.Dst], r.inner.Payload...)
		ports[r.outer] = true
		if r.inner.Src != netip.AddrPortFrom(at, channel.UDPPort) {
			t.Errorf("from %s", r.inner.Src)
		}
	}
	for viewer, b := range got {
		if !bytes.Equal(b, media) {
			t.Errorf("%s got %d bytes that are not the media", viewer, len(b))
		}
	}
	if len(got) != 40 || len(ports) < 2 {
		t.Errorf("%d viewers by %d outer ports", len(got), len(ports))
	}
	buf := make([]byte, 2000)
	for i := range payloads {
		n, from, err := native.ReadFromUDPAddrPort(buf)
		if err != nil || from != netip.AddrPortFrom(at, channel.UDPPort) || !bytes.Equal(buf[:n], media[i*1000:][:1000]) {
			t.Fatalf("%d bytes from %s, %v", n, from, err)
		}
	}
}

// Over IPv6 RLOCs it is the same.
func TestSocketsIPv6(t *testing.T) {
	at := host()
	channel, forITR := channelOf(t, at, 1)
	etr := listen(t, netip.IPv6Loopback(), lisp.DataPort)
	sockets, err := itr.OpenSockets(forITR, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	defer sockets.Close()
	if !sockets.CanSend(netip.IPv6Loopback()) {
		t.Skip("no IPv6 here")
	}
	out, err := itr.New(sockets, forITR)
	if err != nil {
		t.Fatal(err)
	}
	viewer := dstlist.Viewer{EID: netip.MustParseAddr("10.1.0.1"), Port: 5004, RLOC: netip.IPv6Loopback()}
	report, err := source.Run(t.Context(), configOf(t, channel, []dstlist.Viewer{viewer}), memory([]byte("media")), out)
	if err != nil || report.Unsent != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if all := read(t, etr, 2); len(all[0].inner.Payload) != wire.HeaderSize+5 {
		t.Errorf("%+v", all)
	}
}

// narrow is a Transport whose path to an RLOC takes so many bytes.
type narrow struct {
	rloc    netip.Addr
	mtu     int
	long    bool
	longest int
}

func (n *narrow) Send(packets []itr.Packet) (sent int, err error) {
	n.long = false
	for _, p := range packets {
		size := lisp.Overhead(p.RLOC) - lisp.DataHeaderSize + len(p.Head) + len(p.Tail)
		if p.RLOC == n.rloc && size > n.mtu {
			n.long = true
			continue
		}
		n.longest = max(n.longest, size)
		sent++
	}
	return sent, nil
}

func (n *narrow) TooLong() (netip.Addr, int) {
	if n.long {
		return n.rloc, n.mtu
	}
	return netip.Addr{}, 0
}

// A path that takes less makes payloads shorter from the next one on: one is lost
// there, and none elsewhere.
func TestNarrowPath(t *testing.T) {
	channel, forITR := channelOf(t, host(), 1)
	channel.PayloadSize = 1316
	path := &narrow{rloc: host(), mtu: 1200}
	out, err := itr.New(path, forITR)
	if err != nil {
		t.Fatal(err)
	}
	viewers := []dstlist.Viewer{{EID: netip.MustParseAddr("10.1.0.1"), Port: 1, RLOC: path.rloc}, {EID: netip.MustParseAddr("10.2.0.1"), Port: 1, RLOC: host()}}
	report, err := source.Run(t.Context(), configOf(t, channel, viewers), memory(make([]byte, 20*1316)), out)
	if err != nil || report.Shorter != 1 || report.Unsent != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if n := out.Stats(); n.TooLong != 1 || out.PathMTU() != 1200-36 {
		t.Errorf("%+v, path MTU %d", n, out.PathMTU())
	}
	if path.longest < 1200-188 {
		t.Errorf("the longest packet has %d bytes: shorter than it had to be", path.longest)
	}
}

// Doing the ITR's work allocates nothing.
func TestNoAllocation(t *testing.T) {
	at := host()
	channel, forITR := channelOf(t, at, 4)
	forITR.Redundancy = 3
	sockets, err := itr.OpenSockets(forITR, at)
	if err != nil {
		t.Fatal(err)
	}
	defer sockets.Close()
	out, err := itr.New(sockets, forITR)
	if err != nil {
		t.Fatal(err)
	}
	var viewers []dstlist.Viewer
	rlocs := []netip.Addr{host(), host(), host()}
	for i := range 1500 {
		viewers = append(viewers, dstlist.Viewer{EID: netip.AddrFrom4([4]byte{10, byte(i % 3), byte(i >> 8), byte(i)}), Port: 5004,
			RLOC: rlocs[i%3], Unicast: i%3 == 2})
	}
	cfg := configOf(t, channel, viewers)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gate := make(chan struct{})
	cfg.OnPayload = func(s source.Sent) {
		if s.ID.Sequence >= 20 {
			select {
			case gate <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}
	endless := input.FromReadSeeker("endless", strings.NewReader(strings.Repeat("media", 10_000)), input.Options{Loop: true})
	done := make(chan error, 1)
	go func() { _, err := source.Run(ctx, cfg, endless, out); done <- err }()
	allocs := testing.AllocsPerRun(50, func() { <-gate })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if allocs != 0 {
		t.Errorf("%v allocations per round", allocs)
	}
}

func TestRefused(t *testing.T) {
	_, good := channelOf(t, host(), 1)
	for what, change := range map[string]func(*itr.Channel){
		"families":    func(c *itr.Channel) { c.ReservedEID = netip.IPv6Loopback() },
		"redundancy":  func(c *itr.Channel) { c.Redundancy = 256 },
		"instance-id": func(c *itr.Channel) { c.InstanceID = 1 << 24 },
	} {
		bad := good
		change(&bad)
		if _, err := itr.New(&narrow{}, bad); err == nil {
			t.Errorf("%s: %+v is accepted", what, bad)
		}
	}
	if s, err := itr.OpenSockets(good, netip.MustParseAddr("192.0.2.77")); err == nil {
		s.Close()
		t.Error("sends from an address that is not this host's")
	}
}
