package gso_test

import (
	"bytes"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"testing"

	"github.com/corecast/corecast/source/gso"
	"pgregory.net/rapid"
)

// Whatever goes where, in whatever sizes: each destination gets what was for it,
// in order, and the peer of the socket too.
func TestSendTo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("connected sockets reach their peer alone here")
	}
	from, peer := pair(t)
	receivers := []*net.UDPConn{peer}
	addresses := []*gso.Address{nil}
	for range 3 {
		_, to := pair(t)
		a := new(gso.Address)
		a.Set(to.LocalAddr().(*net.UDPAddr).AddrPort())
		receivers, addresses = append(receivers, to), append(addresses, a)
	}
	rapid.Check(t, func(t *rapid.T) {
		s, err := gso.NewWithLimit(from, rapid.SampledFrom([]int{1, 2, 64}).Draw(t, "limit"))
		if err != nil {
			t.Fatal(err)
		}
		tail := bytes.Repeat([]byte("media"), 40)
		var list []gso.Datagram
		want := make([][][]byte, len(receivers))
		for range rapid.IntRange(1, 8).Draw(t, "runs") {
			to := rapid.IntRange(0, len(receivers)-1).Draw(t, "to")
			head := layout(slices.Repeat([]int{rapid.SampledFrom([]int{0, 1, 36, 36}).Draw(t, "head")}, 20), rapid.Bool().Draw(t, "contiguous"))
			size := rapid.SampledFrom([]int{0, 7, len(tail)}).Draw(t, "tail")
			for i := range rapid.IntRange(1, len(head)).Draw(t, "length") {
				list = append(list, gso.Datagram{To: addresses[to], Head: head[i], Tail: tail[:size]})
				want[to] = append(want[to], append(bytes.Clone(head[i]), tail[:size]...))
			}
		}
		sent, err := s.SendTo(list)
		if err != nil || sent != len(list) {
			t.Fatalf("%d of %d, %v", sent, len(list), err)
		}
		for i, r := range receivers {
			if got := receive(t, r, len(want[i])); !slices.EqualFunc(got, want[i], bytes.Equal) {
				t.Fatalf("what arrived at %d differs", i)
			}
		}
	})
}

// A destination that takes nothing loses its own datagrams, and a socket that
// sends to nobody else is not ended by it.
func TestSendToNowhere(t *testing.T) {
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	from, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	s, err := gso.New(from)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := new(gso.Address), new(gso.Address)
	good.Set(to.LocalAddr().(*net.UDPAddr).AddrPort())
	bad.Set(netip.MustParseAddrPort("127.0.0.1:0"))
	var list []gso.Datagram
	for range 20 {
		list = append(list, gso.Datagram{To: bad, Head: []byte("x")}, gso.Datagram{To: bad, Head: []byte("y")},
			gso.Datagram{To: good, Head: make([]byte, 65600)}, gso.Datagram{To: good, Head: []byte("good")})
	}
	sent, err := s.SendTo(list)
	if err != nil || sent != 20 {
		t.Fatalf("%d sent, %v: want the 20 that can be", sent, err)
	}
	for _, p := range receive(t, to, 20) {
		if string(p) != "good" {
			t.Fatalf("%q arrived", p)
		}
	}
}

func TestSendToNoAllocation(t *testing.T) {
	from, to := pair(t)
	s, err := gso.New(from)
	if err != nil {
		t.Fatal(err)
	}
	addresses := make([]gso.Address, 300)
	list := make([]gso.Datagram, len(addresses))
	tail := make([]byte, 1316)
	there := to.LocalAddr().(*net.UDPAddr).AddrPort()
	round := func() {
		for i := range list {
			addresses[i].Set(there)
			list[i] = gso.Datagram{To: &addresses[i], Tail: tail}
		}
		_, _ = s.SendTo(list)
	}
	if n := testing.AllocsPerRun(20, round); n != 0 && runtime.GOOS == "linux" {
		t.Errorf("%v allocations", n)
	}
}
