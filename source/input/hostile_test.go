package input_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/sourcetest"
)

// stranger sends to an input what it should not take.
type stranger struct {
	conn   net.Conn
	random *rand.Rand
}

func newStranger(t *testing.T, port string) *stranger {
	t.Helper()
	conn, err := net.Dial("udp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &stranger{conn, rand.New(rand.NewPCG(1, 2))}
}

// junk sends garbage, and what is left of a packet that was cut or changed. The
// one thing that it does not get right is the name of the stream, which is in
// the four bytes from name on: who knows that is on the path, and can do
// anything.
func (s *stranger) junk(packet []byte, name int) {
	garbage := make([]byte, s.random.IntN(1400))
	for i := range garbage {
		garbage[i] = byte(s.random.Uint32())
	}
	_, _ = s.conn.Write(garbage)
	_, _ = s.conn.Write(packet[:s.random.IntN(min(len(packet), name))])
	changed := bytes.Clone(packet)
	for range s.random.IntN(8) {
		if i := s.random.IntN(min(len(packet), 64)); i < name || i >= name+4 {
			changed[i] ^= byte(1 << s.random.IntN(8))
		}
	}
	if len(changed) >= name+4 {
		changed[name+s.random.IntN(4)] ^= byte(1 << s.random.IntN(8))
		_, _ = s.conn.Write(changed)
	}
}

// Somebody else's garbage, cut and changed packets do not disturb a stream that
// comes over RTP.
func TestRTPHostile(t *testing.T) {
	port := freePort(t, "udp4")
	in := open(t, "rtp://127.0.0.1:"+port, input.Options{Silence: 30 * time.Second})
	conn, err := net.Dial("udp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	hostile := newStranger(t, port)
	for i := range 300 {
		media := fmt.Sprintf("packet %3d;", i)
		if _, err := conn.Write(packetOf(t, 1, uint16(i), 33, media)); err != nil {
			t.Fatal(err)
		}
		hostile.junk(packetOf(t, 1, uint16(hostile.random.Uint32()), 33, "hostile media"), 8)
		bogus := packetOf(t, 1, uint16(i), 33, "")
		bogus[0] |= 0x1f // extension and 15 CSRCs that are not there
		_, _ = hostile.conn.Write(bogus)
		readUntil(t, in, media)
	}
	if c := in.(input.Counter).Counts(); c.Lost != 0 || c.Late != 0 || c.Refused == 0 {
		t.Errorf("%+v", c)
	}
}

// An input that is told whose datagrams to take takes nobody else's.
func TestUDPSources(t *testing.T) {
	for _, scheme := range []string{"udp", "rtp"} {
		var said sourcetest.Messages
		port := freePort(t, "udp4")
		in := open(t, scheme+"://127.0.0.1:"+port+"?sources=127.0.0.2", input.Options{Silence: 10 * time.Second, OnEvent: said.Add})
		packet := func(media string) []byte {
			if scheme == "udp" {
				return []byte(media)
			}
			return packetOf(t, 1, 7, 33, media)
		}
		for from, media := range map[string]string{"127.0.0.1": "hostile", "127.0.0.2": "media", "127.0.0.3": "hostile"} {
			conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(from)}, in.(interface{ Addr() net.Addr }).Addr().(*net.UDPAddr))
			if err != nil {
				t.Skipf("cannot send from %s: %v", from, err)
			}
			if _, err := conn.Write(packet(media)); err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		}
		readUntil(t, in, "media")
		if n := strings.Count(said.String(), "is not taken"); n > 1 {
			t.Errorf("%s: said %d times: %s", scheme, n, said.String())
		}
	}
}

// proxy stands between an SRT encoder and the input: the encoder's packets
// pass, and a stranger sends what it makes of them from an address of its own.
func proxy(t *testing.T, to string, hostile *stranger) (port string) {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.Dial("udp4", "127.0.0.1:"+to)
	if err != nil {
		t.Fatal(err)
	}
	encoder := make(chan *net.UDPAddr, 1)
	done := make(chan struct{}, 2)
	go func() {
		defer func() { done <- struct{}{} }()
		buf := make([]byte, 2000)
		for first := true; ; first = false {
			n, from, err := front.ReadFromUDP(buf)
			if err != nil {
				return
			}
			if first {
				encoder <- from
			}
			hostile.junk(buf[:n], 12) // it is there first
			_, _ = back.Write(buf[:n])
		}
	}()
	go func() {
		defer func() { done <- struct{}{} }()
		var peer *net.UDPAddr
		buf := make([]byte, 2000)
		for {
			n, err := back.Read(buf)
			if err != nil {
				return
			}
			if peer == nil {
				peer = <-encoder
			}
			_, _ = front.WriteToUDP(buf[:n], peer)
		}
	}()
	t.Cleanup(func() {
		_, _ = front.Close(), back.Close()
		<-done
		<-done
	})
	_, port, _ = net.SplitHostPort(front.LocalAddr().String())
	return port
}

// The same over SRT, while the encoder is connected: strangers send garbage, and
// changed copies of its very packets, to other sockets than its own.
func TestSRTHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: as long as SRT waits for what was lost on a busy machine")
	}
	port := freePort(t, "udp4")
	in := open(t, "srt://127.0.0.1:"+port+"?mode=listener&latency=3000", input.Options{Silence: 30 * time.Second})
	conn, err := call(t, proxy(t, port, newStranger(t, port)), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var want strings.Builder
	for i := range 200 {
		media := fmt.Sprintf("packet %3d;", i)
		if _, err := conn.Write([]byte(media)); err != nil {
			t.Fatal(err)
		}
		want.WriteString(media)
		time.Sleep(time.Millisecond) // as encoders do
	}
	readUntil(t, in, want.String())
}
