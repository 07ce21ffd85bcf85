package gso_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/source/gso"
	"pgregory.net/rapid"
)

// pair is a socket connected to one that receives.
func pair(t testing.TB) (from, to *net.UDPConn) {
	t.Helper()
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = to.SetReadBuffer(8 << 20)
	from, err = net.DialUDP("udp4", nil, to.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = from.Close(), to.Close() })
	return from, to
}

// receive reads as many datagrams as there should be.
func receive(t interface{ Fatalf(string, ...any) }, conn *net.UDPConn, want int) [][]byte {
	var got [][]byte
	buf := make([]byte, 65535)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	for len(got) < want {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("after %d of %d datagrams: %v", len(got), want, err)
		}
		got = append(got, bytes.Clone(buf[:n]))
	}
	return got
}

// layout puts packets of these sizes in memory: one behind the other, or apart.
func layout(sizes []int, contiguous bool) [][]byte {
	var packets [][]byte
	total := 0
	for _, n := range sizes {
		total += n
	}
	all := make([]byte, total)
	rand.NewChaCha8([32]byte{1}).Read(all)
	for _, n := range sizes {
		p := all[:n]
		if !contiguous {
			p = bytes.Clone(p)
		}
		packets, all = append(packets, p), all[n:]
	}
	return packets
}

// Whatever the sizes, and however many fit a message: what arrives is what was
// sent, in order.
func TestSend(t *testing.T) {
	from, to := pair(t)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{0, 1, 18, 18, 18, 204, 204, 600, 1316})
		sizes := rapid.SliceOfN(size, 1, 100).Draw(t, "sizes")
		if rapid.Bool().Draw(t, "equal") {
			for i := range sizes {
				sizes[i] = sizes[0]
			}
		}
		packets := layout(sizes, rapid.Bool().Draw(t, "contiguous"))
		s, err := gso.NewWithLimit(from, rapid.SampledFrom([]int{1, 2, 64}).Draw(t, "limit"))
		if err != nil {
			t.Fatal(err)
		}
		sent, err := s.Send(packets)
		if err != nil || sent != len(packets) {
			t.Fatalf("%d of %d, %v", sent, len(packets), err)
		}
		if got := receive(t, to, len(packets)); !slices.EqualFunc(got, packets, bytes.Equal) {
			t.Fatal("what arrived differs")
		}
	})
}

// More than any batch of the kernel goes as well, with what the probe found.
func TestMany(t *testing.T) {
	from, to := pair(t)
	s, err := gso.New(from)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(s.Mode())
	if runtime.GOOS == "linux" && s.Limit() != 64 && s.Limit() != 128 {
		t.Errorf("limit %d: want 64 or 128 on a kernel of these years", s.Limit())
	}
	for _, contiguous := range []bool{true, false} {
		sizes := make([]int, 3000)
		for i := range sizes {
			sizes[i] = 18
		}
		packets := layout(sizes, contiguous)
		done := make(chan [][]byte, 1)
		go func() { done <- receive(t, to, len(packets)) }()
		for chunk := range slices.Chunk(packets, 1000) {
			if sent, err := s.Send(chunk); err != nil || sent != len(chunk) {
				t.Fatalf("%d of %d, %v", sent, len(chunk), err)
			}
			time.Sleep(5 * time.Millisecond) // a receiver with an ordinary buffer keeps up
		}
		if got := <-done; !slices.EqualFunc(got, packets, bytes.Equal) {
			t.Error("what arrived differs")
		}
	}
}

// Nobody at the other end costs the datagrams, and nothing else.
func TestNobodyThere(t *testing.T) {
	from, to := pair(t)
	_ = to.Close()
	s, err := gso.New(from)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := s.Send(layout([]int{18, 18, 18, 204}, true)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTooLong(t *testing.T) {
	from, to := pair(t)
	s, err := gso.New(from)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := s.Send(layout([]int{10, 65600, 20}, true))
	if sent != 1 || !errors.Is(err, gso.ErrTooLong) {
		t.Errorf("%d, %v", sent, err)
	}
	receive(t, to, 1)
}

func TestClosed(t *testing.T) {
	from, _ := pair(t)
	s, err := gso.New(from)
	if err != nil {
		t.Fatal(err)
	}
	_ = from.Close()
	if _, err := s.Send(layout([]int{18}, true)); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestNoAllocation(t *testing.T) {
	from, _ := pair(t)
	s, err := gso.New(from)
	if err != nil {
		t.Fatal(err)
	}
	packets := layout(slices.Repeat([]int{18, 18, 18, 204, 204, 1}, 50), true)
	if n := testing.AllocsPerRun(20, func() { _, _ = s.Send(packets) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSend(b *testing.B) {
	from, to := pair(b)
	_ = to.SetReadBuffer(4096)
	packets := layout(slices.Repeat([]int{18}, 512), true)
	for _, limit := range []int{0, 1} {
		s, err := gso.New(from)
		if limit > 0 {
			s, err = gso.NewWithLimit(from, limit)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s.Mode(), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Send(packets); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(packets)), "ns/packet")
		})
	}
}
