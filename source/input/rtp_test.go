package input_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/sourcetest"
	"github.com/pion/rtp"
	"pgregory.net/rapid"
)

// packetOf is an RTP packet of a sender.
func packetOf(t testing.TB, ssrc uint32, sequence uint16, kind uint8, media string) []byte {
	t.Helper()
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: kind, SequenceNumber: sequence, SSRC: ssrc}, Payload: []byte(media)}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Packets come out in order, without their headers; what is missing, late, no
// RTP or another sender's is counted.
func TestRTP(t *testing.T) {
	port := freePort(t, "udp4")
	in := open(t, "rtp://127.0.0.1:"+port, input.Options{Silence: 300 * time.Millisecond})
	conn, err := net.Dial("udp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, b := range [][]byte{
		packetOf(t, 1, 65534, 33, "a"),
		packetOf(t, 1, 0, 33, "c"), // out of order, over the wrap
		packetOf(t, 1, 65535, 33, "b"),
		packetOf(t, 1, 65535, 33, "b"), // twice
		packetOf(t, 2, 7, 33, "x"),     // somebody else
		[]byte("no RTP at all"),
		packetOf(t, 1, 1, 96, "d"), // a dynamic type
		packetOf(t, 1, 2, 0, "y"),  // audio
		packetOf(t, 1, 4, 33, "f"), // 2 and 3 never come
		packetOf(t, 1, 5, 33, "g"),
	} {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	var got bytes.Buffer
	buf := make([]byte, 1)
	for err == nil {
		var n int
		n, err = in.Read(buf)
		got.Write(buf[:n])
	}
	if got.String() != "abcdfg" || !errors.Is(err, input.ErrSilent) {
		t.Errorf("%q, %v", got.String(), err)
	}
	if c := in.(input.Counter).Counts(); c != (input.Counts{Lost: 2, Late: 1, Refused: 3}) {
		t.Errorf("%+v", c)
	}
}

// Whatever the network does within the window, what arrived comes out in
// order, once, and the rest is lost.
func TestReorder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := uint16(rapid.Uint32Range(0, 65535).Draw(t, "first"))
		n := rapid.IntRange(1, 200).Draw(t, "packets")
		// Each packet is held up by some places, lost, or sent twice.
		type arrival struct{ at, i int }
		var arrivals []arrival
		for i := range n {
			if i > 0 && rapid.IntRange(0, 9).Draw(t, "lose") == 0 {
				continue
			}
			for range rapid.IntRange(1, 2).Draw(t, "copies") {
				late := 0
				if i > 0 {
					late = rapid.IntRange(0, 20).Draw(t, "late")
				}
				arrivals = append(arrivals, arrival{i + late, i})
			}
		}
		slices.SortStableFunc(arrivals, func(a, b arrival) int { return a.at - b.at })
		r := new(input.Reorder)
		now := time.Unix(1000, 0)
		var got []int
		arrived := map[int]bool{}
		pop := func() {
			for {
				media, ok := r.Pop(now)
				if !ok {
					return
				}
				var i int
				_, _ = fmt.Sscan(string(media), &i)
				got = append(got, i)
			}
		}
		for _, a := range arrivals {
			r.Push(first+uint16(a.i), []byte(fmt.Sprint(a.i)), now)
			arrived[a.i] = true
			pop()
		}
		now = now.Add(time.Second)
		pop()
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Fatalf("out of order, or twice: %v", got)
		}
		if len(got) != len(arrived) {
			t.Fatalf("%d came out of %d that arrived: %v", len(got), len(arrived), got)
		}
	})
}

// A sender that starts over is followed after a few packets.
func TestReorderStartsOver(t *testing.T) {
	r, now := new(input.Reorder), time.Unix(1000, 0)
	for _, start := range []int{0, 30000, 100, 60000} {
		got := 0
		for i := range 200 {
			r.Push(uint16(start+i), []byte("x"), now)
			for _, ok := r.Pop(now); ok; _, ok = r.Pop(now) {
				got++
			}
		}
		if got < 130 {
			t.Errorf("from %d: %d of 200 came out", start, got)
		}
	}
}

func FuzzRTP(f *testing.F) {
	f.Add(packetOf(f, 1, 2, 33, "media"), uint16(1))
	f.Add([]byte{0x90, 33, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff}, uint16(9))
	f.Add([]byte{0xbf, 33}, uint16(0))
	f.Fuzz(func(t *testing.T, datagram []byte, ahead uint16) {
		r := input.NewTestRTP()
		now := time.Unix(1000, 0)
		for i := range 4 {
			r.Take(packetOf(t, 1, ahead*uint16(i), 33, "media"), now)
			r.Take(datagram, now)
			if media, ok := r.Pop(now); ok && len(media) == 0 {
				t.Error("a packet without media")
			}
		}
	})
}

// With Reconnect, silence is told and not the end.
func TestWaits(t *testing.T) {
	port := freePort(t, "udp4")
	var said sourcetest.Messages
	in := open(t, "udp://127.0.0.1:"+port, input.Options{Silence: 20 * time.Millisecond, Reconnect: true, OnEvent: said.Add})
	conn, err := net.Dial("udp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	timer := time.AfterFunc(100*time.Millisecond, func() { _, _ = conn.Write([]byte("media")) })
	defer timer.Stop()
	buf := make([]byte, 10)
	if n, err := in.Read(buf); err != nil || string(buf[:n]) != "media" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	if s := said.String(); strings.Count(s, "nothing has come") != 1 || strings.Count(s, "again") != 1 {
		t.Errorf("said %q", s)
	}
}

// A multicast group on the loopback interface.
func TestMulticast(t *testing.T) {
	for _, c := range []struct{ name, options, media string }{
		{"any source", "?iface=lo", "media"},
		{"the right source", "?iface=lo&sources=127.0.0.1", "media"},
		{"another source", "?iface=lo&sources=127.0.0.2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			port := freePort(t, "udp4")
			in, err := input.Open("udp://239.255.43.44:"+port+c.options, input.Options{Silence: 200 * time.Millisecond})
			if err != nil {
				t.Skipf("no multicast on the loopback interface here: %v", err)
			}
			defer func() { _ = in.Close() }()
			conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
			if err != nil {
				conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			group, _ := net.ResolveUDPAddr("udp4", "239.255.43.44:"+port)
			if err := input.SendOn(conn, "lo"); err != nil {
				t.Skipf("cannot send to a group over the loopback interface: %v", err)
			}
			if _, err := conn.WriteToUDP([]byte("media"), group); err != nil {
				t.Skipf("cannot send to a group over the loopback interface: %v", err)
			}
			buf := make([]byte, 10)
			n, err := in.Read(buf)
			if string(buf[:n]) != c.media || (c.media == "") != errors.Is(err, input.ErrSilent) {
				t.Errorf("%q, %v", buf[:n], err)
			}
		})
	}
}
