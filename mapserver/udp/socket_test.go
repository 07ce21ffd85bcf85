package udp

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func mustOpen(t *testing.T, address string) *Socket {
	t.Helper()
	s, err := OpenSocket(addrPort(address), 0)
	if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// to is where a socket bound to the unspecified address is reached at addr.
func to(s *Socket, addr string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), s.Local().Port())
}

func send(t *testing.T, from *Socket, d ...Datagram) {
	t.Helper()
	var sender Sender
	if r := sender.Send(from, d); r.Sent != len(d) || r.Err != nil {
		t.Fatalf("sent %d of %d: %+v", r.Sent, len(d), r)
	}
}

func receive(t *testing.T, s *Socket, n int) (got []Datagram) {
	t.Helper()
	s.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	for r := s.NewReceiver(); len(got) < n; {
		batch, err := r.Receive()
		if err != nil {
			t.Fatalf("after %d of %d datagrams: %v", len(got), n, err)
		}
		for _, d := range batch {
			d.Payload = bytes.Clone(d.Payload)
			got = append(got, d)
		}
	}
	return got
}

// What is asked at an address of the machine is answered from that address,
// also by a socket bound to all of them.
func TestAnswersLeaveFromWhereTheRequestCame(t *testing.T) {
	for _, c := range []struct{ server, at, client string }{
		{"127.0.0.1:0", "127.0.0.1", "127.0.0.1:0"},
		{"0.0.0.0:0", "127.0.0.1", "127.0.0.1:0"},
		{"0.0.0.0:0", "127.9.8.7", "127.0.0.1:0"},
		{"[::1]:0", "::1", "[::1]:0"},
		{"[::]:0", "::1", "[::1]:0"},
	} {
		t.Run(c.server+" at "+c.at, func(t *testing.T) {
			server, client := mustOpen(t, c.server), mustOpen(t, c.client)
			send(t, client, Datagram{Remote: to(server, c.at), Payload: []byte("request")})
			request := receive(t, server, 1)[0]
			if request.Remote != client.Local() || request.Local != netip.MustParseAddr(c.at) || string(request.Payload) != "request" {
				t.Fatalf("the server received %+v", request)
			}
			request.Payload = []byte("reply")
			send(t, server, request)
			if reply := receive(t, client, 1)[0]; reply.Remote != to(server, c.at) || string(reply.Payload) != "reply" {
				t.Errorf("the client received %+v", reply)
			}
		})
	}
}

func TestBatchesKeepOrderAndBytes(t *testing.T) {
	server, client := mustOpen(t, "127.0.0.1:0"), mustOpen(t, "127.0.0.1:0")
	var batch []Datagram
	for i := range 3*batchSize + 1 {
		batch = append(batch, Datagram{Remote: server.Local(), Payload: bytes.Repeat([]byte{byte(i)}, i*20)})
	}
	send(t, client, batch...)
	for i, d := range receive(t, server, len(batch)) {
		if !bytes.Equal(d.Payload, batch[i].Payload) {
			t.Fatalf("datagram %d: %d bytes, sent %d", i, len(d.Payload), len(batch[i].Payload))
		}
	}
}

func TestTheLongestDatagramArrivesWhole(t *testing.T) {
	server, client := mustOpen(t, "[::1]:0"), mustOpen(t, "[::1]:0")
	long := bytes.Repeat([]byte("x"), MaxDatagram-8)
	send(t, client, Datagram{Remote: server.Local(), Payload: long})
	if got := receive(t, server, 1)[0]; !bytes.Equal(got.Payload, long) {
		t.Errorf("%d bytes of %d", len(got.Payload), len(long))
	}
}

func TestWhatCannotBeSentIsLeftOutAndTheRestSent(t *testing.T) {
	server, client := mustOpen(t, "127.0.0.1:0"), mustOpen(t, "127.0.0.1:0")
	good := Datagram{Remote: server.Local(), Payload: []byte("good")}
	long := Datagram{Remote: server.Local(), Payload: make([]byte, MaxDatagram)}
	other := Datagram{Remote: addrPort("[::1]:4342"), Payload: []byte("IPv6 through an IPv4 socket")}
	var sender Sender
	r := sender.Send(client, []Datagram{good, long, other, good})
	if r.Sent != 2 || r.Failed != 2 || r.Err == nil || r.Bytes != 2*len(good.Payload) {
		t.Errorf("%+v", r)
	}
	receive(t, server, 2)
}

func TestCloseEndsReceive(t *testing.T) {
	s := mustOpen(t, "127.0.0.1:0")
	done := make(chan error)
	go func() { _, err := s.NewReceiver().Receive(); done <- err }()
	s.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestErrorsNameAddressAndFix(t *testing.T) {
	taken := mustOpen(t, "127.0.0.1:0").Local().String()
	for _, c := range []struct{ address, fix string }{
		{taken, "another Map-Server"},
		{"192.0.2.77:4342", "does not have that address"},
	} {
		_, err := OpenGroup(addrPort(c.address), 2, 0)
		if err == nil || !strings.Contains(err.Error(), c.address) || !strings.Contains(err.Error(), c.fix) {
			t.Errorf("%s: %v", c.address, err)
		}
	}
	if _, err := OpenSocket(netip.AddrPort{}, 0); err == nil {
		t.Error("listens on no address")
	}
}

// A second server of the same user must be refused, not share the senders.
func TestASecondGroupIsRefused(t *testing.T) {
	group, err := OpenGroup(addrPort("127.0.0.1:0"), 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(group)
	if second, err := OpenGroup(group[0].Local(), 3, 0); !errors.Is(err, syscall.EADDRINUSE) {
		closeAll(second)
		t.Errorf("a second group of sockets: %v", err)
	}
}

// The kernel spreads senders over the sockets of a group; each sender stays
// with one.
func TestGroupSharesTheSenders(t *testing.T) {
	group, err := OpenGroup(addrPort("127.0.0.1:0"), 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(group)
	if len(group) < 2 {
		t.Skip("sockets cannot share an address on this system")
	}
	const senders, each = 64, 3
	for range senders {
		client := mustOpen(t, "127.0.0.1:0")
		for range each {
			send(t, client, Datagram{Remote: group[0].Local(), Payload: []byte("x")})
		}
	}
	seen, total := make([]int, len(group)), 0
	owner := map[netip.AddrPort]int{}
	for i, s := range group {
		s.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		for r := s.NewReceiver(); ; {
			batch, err := r.Receive()
			if err != nil {
				break
			}
			for _, d := range batch {
				if first, ok := owner[d.Remote]; ok && first != i {
					t.Errorf("%s went to sockets %d and %d", d.Remote, first, i)
				}
				owner[d.Remote] = i
				seen[i]++
				total++
			}
		}
	}
	if total != senders*each || seen[0] == 0 || seen[1] == 0 {
		t.Errorf("sockets received %v, %d in all: want %d on both", seen, total, senders*each)
	}
}

func TestBatchesDoNotAllocate(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		wildcard := "0.0.0.0:0"
		if address == "::1" {
			wildcard = "[::]:0"
		}
		server := mustOpen(t, wildcard)
		receiver, sender := server.NewReceiver(), new(Sender)
		d := []Datagram{{Remote: to(server, address), Local: netip.MustParseAddr(address), Payload: []byte("to itself")}}
		n := testing.AllocsPerRun(100, func() {
			sender.Send(server, d)
			if got, err := receiver.Receive(); err != nil || len(got) != 1 {
				t.Fatal(len(got), err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations for one sent and one received", address, n)
		}
	}
}

// Datagrams that can leave together arrive as they were: by themselves, in
// order, from the right address.
func TestDatagramsSentTogetherArriveApart(t *testing.T) {
	for _, c := range []struct{ from, to, local string }{
		{"127.0.0.1:0", "127.0.0.1:0", ""}, {"0.0.0.0:0", "127.0.0.1:0", "127.0.0.7"}, {"[::1]:0", "[::1]:0", ""}, {"[::]:0", "[::1]:0", "::1"},
	} {
		from, one, two := mustOpen(t, c.from), mustOpen(t, c.to), mustOpen(t, c.to)
		sizes := []int{40, 40, 40, 40, 17, 17, 40, 0, 0, 5, 1200, 1200, 1024, 1024, 3}
		for range 2 * batchSize {
			sizes = append(sizes, 44)
		}
		var batch []Datagram
		for i, size := range sizes {
			d := Datagram{Remote: one.Local(), Payload: bytes.Repeat([]byte{byte(i)}, size)}
			if c.local != "" {
				d.Local = netip.MustParseAddr(c.local)
			}
			if i%11 == 10 {
				d.Remote = two.Local()
			}
			batch = append(batch, d)
		}
		send(t, from, batch...)
		for _, to := range []*Socket{one, two} {
			var want []Datagram
			for _, d := range batch {
				if d.Remote == to.Local() {
					want = append(want, d)
				}
			}
			for i, got := range receive(t, to, len(want)) {
				if !bytes.Equal(got.Payload, want[i].Payload) || c.local != "" && got.Remote.Addr() != want[i].Local {
					t.Fatalf("%s: datagram %d: %d bytes of %v from %s, want %d bytes", c.from, i, len(got.Payload), got.Payload[:min(1, len(got.Payload))], got.Remote, len(want[i].Payload))
				}
			}
		}
		if runtime.GOOS == "linux" && from.oneByOne.Load() {
			t.Errorf("%s: the kernel does not take datagrams together", c.from)
		}
	}
}
