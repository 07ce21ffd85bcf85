package station_test

import (
	"bytes"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/source/sourcetest"
	"github.com/corecast/corecast/source/station"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// border is a site's router to the source: it takes what comes to its RLOC,
// expands headers as a CoreCast ETR does, and delivers the rest as any xTR.
type border struct {
	conn   *net.UDPConn
	copies atomic.Int64
	plain  atomic.Int64
}

func newBorder(t *testing.T, rloc netip.Addr) *border {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(rloc, lisp.DataPort)))
	if err != nil {
		t.Skip(err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	b := &border{conn: conn}
	done := make(chan struct{})
	go func() { defer close(done); b.forward() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return b
}

func (b *border) forward() {
	buf := make([]byte, 2000)
	var held wire.Payload
	for {
		n, err := b.conn.Read(buf)
		if err != nil {
			return
		}
		var lispHeader lisp.DataHeader
		var inner inet.Datagram
		var p wire.Payload
		var h wire.Header4
		packet, err := lispHeader.Decode(buf[:n])
		switch {
		case err != nil || inner.Decode(packet) != nil:
		case inner.Dst.Port() != wire.Port:
			b.plain.Add(1)
			_, _ = b.conn.WriteToUDPAddrPort(inner.Payload, inner.Dst)
		case p.Decode(inner.Payload) == nil:
			b.copies.Add(1)
			held = wire.Payload{ID: p.ID, Media: bytes.Clone(p.Media)}
		case h.Decode(inner.Payload) == nil && h.ID == held.ID:
			for v := range h.Viewers() {
				_, _ = b.conn.WriteToUDPAddrPort(held.Media, v)
			}
		}
	}
}

// A source that does the ITR's work serves sites with and without a CoreCast
// ETR by their RLOCs, and follows them when that changes.
func TestSelfITR(t *testing.T) {
	t.Parallel()
	sites := domains(true, false)
	borders := []*border{}
	for i := range 2 {
		sites[i+1].RLOCs[0].Address = loopbackHost()
		sites[i+1].EIDPrefixes[0] = netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 47, byte(10 + i), 0}), 24)
		borders = append(borders, newBorder(t, sites[i+1].RLOCs[0].Address))
	}
	server, at := mapServer(t, sites)
	viewers := []*viewer{newViewer(t, 10, 1), newViewer(t, 10, 2), newViewer(t, 11, 1), newViewer(t, 12, 1)}
	cfg := streaming(t, at, "127.47.255.4", true, viewers)
	cfg.Channels[0].ITR, cfg.Channels[0].SourceEID = station.SelfITR, loopbackHost()
	url, _, stop := run(t, cfg)
	ask := newAsker(t, url)
	sourcetest.Until(t, "all are served as they should", func() bool {
		d, m := ask.status()
		return d.CoreCast == 2 && d.Unicast == 2 && m.Subscribed >= 2
	})
	begin, _ := ask.status()
	for i := range uint64(2) {
		for n := range 2 {
			sites[n+1].CoreCast = !sites[n+1].CoreCast
		}
		if err := server.SetSites(sites); err != nil {
			t.Fatal(err)
		}
		sourcetest.Until(t, "the change", func() bool {
			d, _ := ask.status()
			return d.ToCoreCast+d.ToUnicast-begin.ToCoreCast-begin.ToUnicast == 3*(i+1)
		})
		for _, v := range viewers {
			n, _, _ := v.lost()
			sourcetest.Until(t, "some more payloads", func() bool { now, _, _ := v.lost(); return now > n+20 })
		}
	}
	reports, err := stop()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range viewers {
		if n, lost, again := v.lost(); n < 40 || lost > 2 || again > 0 {
			t.Errorf("viewer %d got %d payloads, %d are missing, %d came again", i, n, lost, again)
		}
	}
	r := reports[0]
	if copies := borders[0].copies.Load() + borders[1].copies.Load(); r.ITR == nil || r.ITR.Copies != uint64(copies) || copies < 40 {
		t.Errorf("%+v, and %d copies came", r.ITR, copies)
	}
	if borders[0].plain.Load() == 0 || borders[1].plain.Load() == 0 {
		t.Error("nothing came by unicast")
	}
}
