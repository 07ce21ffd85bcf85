package itr_test

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/itr"
	"github.com/corecast/corecast/wire/inet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var hosts atomic.Uint32

// host is a loopback address of nobody else's: ETRs take packets at port 4341.
func host() netip.Addr {
	pid := os.Getpid()
	return netip.AddrFrom4([4]byte{127, byte(1 + pid>>8%250), byte(pid), byte(hosts.Add(1))})
}

func listen(t testing.TB, a netip.Addr, port uint16) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, port)))
	if err != nil {
		t.Skip(err)
	}
	_ = c.SetReadBuffer(4 << 20)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// channelOf is a channel of a source at an address of this host.
func channelOf(t testing.TB, at netip.Addr, list int) (source.Channel, itr.Channel) {
	t.Helper()
	probe := listen(t, at, 0)
	port := addrOf(probe).Port()
	_ = probe.Close()
	reserved := netip.MustParseAddr("10.0.255.1")
	return source.Channel{Name: "news", SourceEID: at, ReservedEID: reserved, UDPPort: port, PayloadSize: 1000, List: list},
		itr.Channel{SourceEID: at, ReservedEID: reserved, UDPPort: port, InstanceID: 7}
}

func configOf(t testing.TB, channel source.Channel, viewers []dstlist.Viewer) source.Config {
	t.Helper()
	list, err := source.NewViewerList(channel, viewers...)
	if err != nil {
		t.Fatal(err)
	}
	return source.Config{Channel: channel, Viewers: list, Pace: source.PaceNone, Opaque: true}
}

func memory(b []byte) input.Input {
	return input.FromReadSeeker("memory", bytes.NewReader(b), input.Options{})
}

// received is what came in one encapsulated datagram.
type received struct {
	outer uint16 // source port
	inner inet.Datagram
}

// read reads datagrams to an RLOC.
func read(t *testing.T, c *net.UDPConn, n int) (all []received) {
	t.Helper()
	buf := make([]byte, 2000)
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	for len(all) < n {
		size, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatalf("%d of %d datagrams at %s: %v", len(all), n, c.LocalAddr(), err)
		}
		var h lisp.DataHeader
		r := received{outer: from.Port()}
		inner, err := h.Decode(bytes.Clone(buf[:size]))
		if err == nil {
			err = r.inner.Decode(inner)
		}
		if err != nil || h.InstanceID != 7 || h.Flags != lisp.FlagInstance || r.inner.TTL != 63 {
			t.Fatalf("%+v, %+v, %v", h, r.inner, err)
		}
		all = append(all, r)
	}
	return all
}
