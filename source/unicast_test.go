package source_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// listenOn is a UDP socket with room for what a test sends.
func listenOn(t testing.TB, at string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	if err != nil {
		t.Skipf("cannot listen on %s: %v", at, err)
	}
	_ = c.SetReadBuffer(4 << 20)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// loopbackChannel is a channel whose reserved EID is a loopback address.
func loopbackChannel(t testing.TB, reserved string) source.Channel {
	t.Helper()
	channel := channel4
	channel.SourceEID, channel.ReservedEID = netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr(reserved)
	channel.UDPPort = freeUDPPort(t)
	channel.PayloadSize = 188
	return channel
}

// numbered is media whose payloads say which they are.
func numbered(payloads, size int) []byte {
	var media []byte
	for i := range payloads {
		media = append(media, fmt.Appendf(bytes.Repeat([]byte{'.'}, size-8), "%08d", i)...)
	}
	return media
}

// One channel goes to viewers by CoreCast and by unicast at once, and viewers
// change from one to the other while it runs: each gets each payload once,
// whichever way, from the channel's port.
func TestUnicastAndCoreCast(t *testing.T) {
	channel := loopbackChannel(t, "127.0.0.79")
	itr := listenOn(t, "127.0.0.79:4344")
	const payloads = 60
	var sockets []*net.UDPConn
	var viewers []dstlist.Viewer
	for i := range 3 {
		c := listenOn(t, fmt.Sprintf("127.0.1.%d:0", i+1))
		sockets = append(sockets, c)
		viewers = append(viewers, dstlist.Viewer{EID: addrOf(c).Addr(), Port: addrOf(c).Port(), RLOC: rlocOf(i), Unicast: i == 1})
	}
	cfg := config(t, channel, viewers)
	id, ok := cfg.Viewers.Find(viewers[2].EID, viewers[2].Port)
	if !ok {
		t.Fatal("no viewer")
	}
	sent := 0
	cfg.OnPayload = func(source.Sent) {
		if sent++; sent%10 == 0 { // to unicast, and back
			cfg.Viewers.Regroup(id, dstlist.Delivery{RLOC: rlocOf(2), Unicast: sent%20 == 10})
		}
	}
	out, err := source.DialUDP(channel)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	report, err := source.Run(t.Context(), cfg, memory(numbered(payloads, 188)), out)
	if err != nil || report.Payloads != payloads || report.Unsent != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if n := cfg.Viewers.Counts(); n.ToUnicast != 3 || n.ToCoreCast != 3 {
		t.Errorf("%+v: want 3 changes each way", n)
	}
	got := map[netip.AddrPort]map[uint32]int{} // by viewer and payload
	for _, v := range viewers {
		got[netip.AddrPortFrom(v.EID, v.Port)] = map[uint32]int{}
	}
	readCoreCast(t, itr, int(report.Payloads+report.Headers), got)
	direct := 0
	for i, c := range sockets {
		direct += readUnicast(t, c, netip.AddrPortFrom(channel.SourceEID, channel.UDPPort), got[netip.AddrPortFrom(viewers[i].EID, viewers[i].Port)])
	}
	if uint64(direct) != report.Unicast || direct != payloads+30 {
		t.Errorf("%d packets by unicast, the report says %d, want %d", direct, report.Unicast, payloads+30)
	}
	for v, payloadsOf := range got {
		for i := range uint32(payloads) {
			if payloadsOf[i] != 1 {
				t.Errorf("%v got payload %d %d times", v, i, payloadsOf[i])
			}
		}
	}
}

func freeUDPPort(t testing.TB) uint16 {
	t.Helper()
	c := listenOn(t, "127.0.0.1:0")
	defer func() { _ = c.Close() }()
	return addrOf(c).Port()
}

// readCoreCast counts whom headers name for which payload.
func readCoreCast(t *testing.T, itr *net.UDPConn, packets int, got map[netip.AddrPort]map[uint32]int) {
	t.Helper()
	buf := make([]byte, 2048)
	_ = itr.SetReadDeadline(time.Now().Add(30 * time.Second))
	for range packets {
		n, err := itr.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		var h wire.Header4
		if h.Decode(buf[:n]) != nil {
			continue // a payload
		}
		for v := range h.Viewers() {
			got[v][h.ID.Sequence]++
		}
	}
}

// readUnicast counts the payloads that came to a viewer, and returns how many.
func readUnicast(t *testing.T, c *net.UDPConn, from netip.AddrPort, got map[uint32]int) (n int) {
	t.Helper()
	buf := make([]byte, 2048)
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // all is in the socket's buffer
	for ; ; n++ {
		size, sender, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return n
		}
		var i uint32
		if _, err := fmt.Sscanf(string(buf[max(size-8, 0):size]), "%d", &i); err != nil || size != 188 || sender != from {
			t.Fatalf("%d bytes from %s: %q, %v", size, sender, buf[:size], err)
		}
		got[i]++
	}
}

// A source that makes frames serves viewers by unicast in frames of their own.
func TestFrameSenderUnicast(t *testing.T) {
	viewers := figure2(false)
	for i := range viewers {
		viewers[i].Unicast = i > 0
	}
	tap := new(frameTap)
	out, err := source.NewFrameSender(tap, channel4, sourceMAC, itrMAC)
	if err != nil {
		t.Fatal(err)
	}
	report, err := source.Run(t.Context(), config(t, channel4, viewers), memory([]byte("media")), out)
	if err != nil || report.Unicast != 6 || report.Headers != 1 || report.Unsent != 0 || len(tap.frames) != 8 {
		t.Fatalf("%+v, %v, %d frames", report, err, len(tap.frames))
	}
	for i, frame := range tap.frames[2:] {
		var eth inet.Ethernet
		var ip inet.Datagram
		packet, err := eth.Decode(frame)
		if err == nil {
			err = ip.Decode(packet)
		}
		want := viewers[i+1]
		if err != nil || eth.Dst != itrMAC || ip.Src != netip.AddrPortFrom(channel4.SourceEID, channel4.UDPPort) ||
			ip.Dst != netip.AddrPortFrom(want.EID, want.Port) || string(ip.Payload) != "media" {
			t.Errorf("%+v, %v", ip, err)
		}
	}
}

type frameTap struct{ frames [][]byte }

func (f *frameTap) Send(frames [][]byte) (int, error) {
	for _, p := range frames {
		f.frames = append(f.frames, bytes.Clone(p))
	}
	return len(frames), nil
}

// A Sender that knows nothing of unicast loses what is for those viewers, and
// serves the others.
func TestSenderWithoutUnicast(t *testing.T) {
	viewers := figure2(false)
	viewers[6].Unicast = true
	out := new(receiver)
	report, err := source.Run(t.Context(), config(t, channel4, viewers), memory([]byte("media")), out)
	if err != nil || report.Unsent != 1 || len(out.rounds[0]) != 6 {
		t.Errorf("%+v, %v, %v", report, err, out.rounds)
	}
}

// With unicast viewers too, a round allocates nothing.
func TestNoAllocationUnicast(t *testing.T) {
	channel := loopbackChannel(t, "127.0.0.80")
	viewers := make([]dstlist.Viewer, 700) // more than a batch
	for i := range viewers {
		viewers[i] = dstlist.Viewer{EID: netip.AddrFrom4([4]byte{127, 0, 2, byte(i)}), Port: uint16(9000 + i/256), Unicast: i%2 == 0}
	}
	cfg := config(t, channel, viewers)
	out, err := source.DialUDP(channel)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	checkNoAllocation(t, cfg, out)
}

// checkNoAllocation runs rounds and counts what they allocate once warm.
func checkNoAllocation(t *testing.T, cfg source.Config, out source.Sender) {
	t.Helper()
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
	endless := input.FromReadSeeker("endless", bytes.NewReader(numbered(100, 188)), input.Options{Loop: true})
	done := make(chan error)
	go func() {
		_, err := source.Run(ctx, cfg, endless, out)
		done <- err
	}()
	allocs := testing.AllocsPerRun(100, func() { <-gate })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if allocs != 0 {
		t.Errorf("%v allocations per round", allocs)
	}
}
