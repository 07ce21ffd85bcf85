package source_test

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

var (
	sourceMAC = inet.MAC{2, 0, 0, 0, 0, 0x10}
	itrMAC    = inet.MAC{2, 0, 0, 0, 0, 1}
)

// wireTap checks every frame from Ethernet up and hands on what it carries.
type wireTap struct {
	t       *testing.T
	channel source.Channel
	receiver
	smallest int
}

func (w *wireTap) Send(frames [][]byte) (int, error) {
	for _, frame := range frames {
		var eth inet.Ethernet
		var ip inet.Datagram
		packet, err := eth.Decode(frame)
		if err == nil {
			err = ip.Decode(packet)
		}
		if err != nil {
			w.t.Fatalf("%x: %v", frame, err)
		}
		if eth.Dst != itrMAC || eth.Src != sourceMAC || (eth.Type == inet.EtherTypeIPv4) != w.channel.SourceEID.Is4() {
			w.t.Fatalf("Ethernet header %+v", eth)
		}
		if ip.Src != netip.AddrPortFrom(w.channel.SourceEID, w.channel.UDPPort) ||
			ip.Dst != netip.AddrPortFrom(w.channel.ReservedEID, wire.Port) || ip.TTL != 64 {
			w.t.Fatalf("IP and UDP headers %+v", ip)
		}
		if w.smallest == 0 || len(frame) < w.smallest {
			w.smallest = len(frame)
		}
		if err := w.receive(ip.Payload); err != nil {
			w.t.Fatal(err)
		}
	}
	return len(frames), nil
}

func TestFrameSender(t *testing.T) {
	media := bytes.Repeat([]byte("media"), 1000)
	for _, c := range []struct {
		channel  source.Channel
		v6       bool
		smallest int
	}{
		{channel4, false, 60}, // the smallest Ethernet frame there is
		{channel6, true, 14 + 40 + 8 + 12 + 18},
	} {
		tap := &wireTap{t: t, channel: c.channel}
		out, err := source.NewFrameSender(tap, c.channel, sourceMAC, itrMAC)
		if err != nil {
			t.Fatal(err)
		}
		report, err := source.Run(t.Context(), config(t, c.channel, figure2(c.v6)), memory(media), out)
		if err != nil || !bytes.Equal(tap.media.Bytes(), media) || report.Payloads != 4 || len(tap.rounds[3]) != 7 {
			t.Errorf("%+v, %v, %d bytes", report, err, tap.media.Len())
		}
		if tap.smallest != c.smallest {
			t.Errorf("a header for one viewer is a frame of %d bytes, want %d", tap.smallest, c.smallest)
		}
	}
}

// From a UDP input to a UDP socket: what an encoder sends reaches the reserved
// EID (here: loopback) as CoreCast.
func TestUDPToUDP(t *testing.T) {
	itr, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 77), Port: wire.Port})
	if err != nil {
		t.Skipf("cannot listen on 127.0.0.77:%d: %v", wire.Port, err)
	}
	defer func() { _ = itr.Close() }()
	_ = itr.SetReadBuffer(4 << 20)
	channel := channel4
	channel.SourceEID, channel.ReservedEID = netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.77")
	channel.UDPPort = uint16(netip.MustParseAddrPort("127.0.0.1:" + freePort(t)).Port())
	out, err := source.DialUDP(channel)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	encoder := freePort(t)
	in, err := input.Open("udp://127.0.0.1:"+encoder, input.Options{Silence: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	media := clipBytes(t)[:20*1316]
	conn, err := net.Dial("udp4", "127.0.0.1:"+encoder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for i := 0; i < len(media); i += 1316 {
		if _, err := conn.Write(media[i : i+1316]); err != nil {
			t.Fatal(err)
		}
	}

	cfg := config(t, channel, figure2(false))
	cfg.Pace, cfg.Opaque = source.PaceAuto, false
	report, err := source.Run(t.Context(), cfg, in, out)
	if report.End != source.EndSilent || err == nil || report.Payloads != 20 {
		t.Fatalf("%+v, %v", report, err)
	}
	var got receiver
	buf := make([]byte, 2048)
	for range report.Payloads + report.Headers {
		n, from, err := itr.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		if from.Port() != channel.UDPPort {
			t.Fatalf("packet from port %d, want %d", from.Port(), channel.UDPPort)
		}
		if err := got.receive(buf[:n]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got.media.Bytes(), media) {
		t.Error("the media changed on the way")
	}
}

// A reserved EID that nobody answers for costs packets, not the channel.
func TestUDPUnreachable(t *testing.T) {
	channel := channel4
	channel.SourceEID, channel.ReservedEID = netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.78")
	channel.UDPPort = uint16(netip.MustParseAddrPort("127.0.0.1:" + freePort(t)).Port())
	out, err := source.DialUDP(channel)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	report, err := source.Run(t.Context(), config(t, channel, figure2(false)), memory(make([]byte, 13160)), out)
	if err != nil || report.End != source.EndOfMedia || report.Payloads != 10 {
		t.Errorf("%+v, %v", report, err)
	}
	channel.SourceEID = netip.MustParseAddr("192.0.2.1")
	if out, err := source.DialUDP(channel); err == nil {
		_ = out.Close()
		t.Error("sends from an address that is not this host's")
	} else if !strings.Contains(err.Error(), "is the source EID an address of this host") {
		t.Error(err)
	}
}

// Whatever is played: if it is accepted it comes out as it went in, and time
// does not run away.
func FuzzMedia(f *testing.F) {
	packet := append([]byte{0x47, 1, 0, 0x30, 7, 0x10, 0, 0, 1, 0, 0x7e, 0}, make([]byte, 176)...)
	f.Add(bytes.Repeat(packet, 9), uint16(1316))
	f.Add(packet[:100], uint16(1))
	f.Add(append(bytes.Repeat(packet, 6), packet[:80]...), uint16(188))
	f.Fuzz(func(t *testing.T, media []byte, size uint16) {
		channel := channel4
		channel.PayloadSize = int(size)%wire.MaxPayload + 1
		cfg := config(t, channel, figure2(false)[:1])
		cfg.Pace, cfg.Opaque, cfg.Clock = source.PaceClock, false, new(fakeClock)
		out := new(receiver)
		report, err := source.Run(context.Background(), cfg, memory(media), out)
		if err == nil && !bytes.Equal(out.media.Bytes(), media) {
			t.Errorf("%x became %x", media, out.media.Bytes())
		}
		if err == nil != (report.End == source.EndOfMedia) || report.Duration < 0 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// The same over IPv6: headers of IPv6 viewers reach the reserved EID.
func TestUDPSenderIPv6(t *testing.T) {
	itr, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback, Port: wire.Port})
	if err != nil {
		t.Skipf("cannot listen on [::1]:%d: %v", wire.Port, err)
	}
	defer func() { _ = itr.Close() }()
	channel := channel6
	channel.SourceEID, channel.ReservedEID = netip.IPv6Loopback(), netip.IPv6Loopback()
	channel.UDPPort, channel.List = uint16(netip.MustParseAddrPort("127.0.0.1:"+freePort(t)).Port()), 32
	out, err := source.DialUDP(channel)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	media := bytes.Repeat([]byte("media"), 600)
	report, err := source.Run(t.Context(), config(t, channel, figure2(true)), memory(media), out)
	if err != nil || report.Unsent != 0 || out.PathMTU() == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	var got receiver
	buf := make([]byte, 2048)
	for range report.Payloads + report.Headers {
		n, err := itr.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.receive(buf[:n]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got.media.Bytes(), media) || len(got.rounds[0]) != 7 {
		t.Errorf("%d bytes, rounds %v", got.media.Len(), got.rounds)
	}
}
