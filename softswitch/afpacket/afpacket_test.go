//go:build linux

package afpacket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/corecast/corecast/softswitch/port"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testNet is a network namespace of the test's own, gone when the test is.
type testNet struct {
	handle *netlink.Handle
	path   string
}

func newTestNet(t testing.TB) *testNet {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	ns, err := netns.New()
	if errors.Is(err, unix.EPERM) {
		t.Skip("needs root or CAP_SYS_ADMIN+CAP_NET_ADMIN to make a network namespace: sudo go test")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := netns.Set(home); err != nil {
		t.Fatal(err)
	}
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(); ns.Close() })
	return &testNet{handle: h, path: fmt.Sprintf("/proc/self/fd/%d", int(ns))}
}

// veth makes a pair of interfaces, both up, which take frames a little longer
// than a port does.
func (n *testNet) veth(t testing.TB, a, b string) { n.vethOf(t, a, b, 2100) }

func (n *testNet) vethOf(t testing.TB, a, b string, mtu uint32) {
	t.Helper()
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: a, MTU: int(mtu)}, PeerName: b, PeerMTU: mtu}
	if err := n.handle.LinkAdd(pair); err != nil {
		t.Fatalf("add veth %s: %v", a, err)
	}
	for _, name := range []string{a, b} {
		n.set(t, name, n.handle.LinkSetUp)
	}
}

func (n *testNet) set(t testing.TB, name string, f func(netlink.Link) error) {
	t.Helper()
	l, err := n.handle.LinkByName(name)
	if err == nil {
		err = f(l)
	}
	if err != nil {
		t.Fatalf("interface %s: %v", name, err)
	}
}

func (n *testNet) open(t testing.TB, name string) *Port {
	t.Helper()
	p, err := Open(name, Options{NetNS: n.path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func buffers(n int) [][]byte {
	b := make([][]byte, n)
	for i := range b {
		b[i] = make([]byte, 0, port.MaxFrame)
	}
	return b
}

// frame is an Ethernet frame of an experimental type, so that nothing else
// that veth interfaces say is mistaken for it.
func frame(seq, length int) []byte {
	f := make([]byte, length)
	copy(f, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x88\xb5")
	binary.BigEndian.PutUint32(f[14:], uint32(seq))
	return f
}

func isTestFrame(f []byte) bool { return len(f) > 18 && f[12] == 0x88 && f[13] == 0xb5 }

// receive returns copies of the next n test frames.
func receive(t testing.TB, p *Port, n int) [][]byte {
	t.Helper()
	return receiveThat(t, p, 16, n, func(f []byte) bool { return isTestFrame(f) || (len(f) > 18 && f[12] == 0x81) })
}

// receiveThat returns copies of the next n frames that are wanted, received
// in batches.
func receiveThat(t testing.TB, p *Port, batch, n int, wanted func([]byte) bool) [][]byte {
	t.Helper()
	watchdog := time.AfterFunc(10*time.Second, func() { p.Close() })
	defer watchdog.Stop()
	var got [][]byte
	for buf := buffers(batch); len(got) < n; {
		k, err := p.Recv(buf)
		if err != nil {
			t.Fatalf("after %d of %d frames: %v", len(got), n, err)
		}
		for _, f := range buf[:k] {
			if wanted(f) {
				got = append(got, bytes.Clone(f))
			}
		}
	}
	return got
}

func TestFramesCrossAVethInOrder(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	a, b := n.open(t, "a"), n.open(t, "b")
	var sent [][]byte
	for i := range 100 {
		sent = append(sent, frame(i, 60+i*20)) // up to 2040 bytes
	}
	sent = append(sent, frame(100, port.MaxFrame))
	if k, err := a.Send(sent); k != len(sent) || err != nil {
		t.Fatalf("Send = %d, %v, want %d", k, err, len(sent))
	}
	for i, f := range receive(t, b, len(sent)) {
		if !bytes.Equal(f, sent[i]) {
			t.Fatalf("frame %d of %d bytes arrived as %d bytes", i, len(sent[i]), len(f))
		}
	}
	if s := a.Stats(); s.TxFrames != uint64(len(sent)) || s.TxDropped != 0 {
		t.Errorf("sender counts %+v", s)
	}
	if s := b.Stats(); s.RxFrames < uint64(len(sent)) || s.RxDropped != 0 {
		t.Errorf("receiver counts %+v", s)
	}
}

func TestOwnFramesAreNotHeard(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	a, b := n.open(t, "a"), n.open(t, "b")
	a.Send([][]byte{frame(1, 60)})
	b.Send([][]byte{frame(2, 60)})
	if f := receive(t, a, 1)[0]; binary.BigEndian.Uint32(f[14:]) != 2 {
		t.Fatal("a port heard its own frame")
	}
}

func TestTagsThatTheKernelTookOffAreBack(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	a, b := n.open(t, "a"), n.open(t, "b")
	plain := frame(7, 100)
	tagged := slices.Concat(plain[:12], []byte{0x81, 0x00, 0x20, 0x07}, plain[12:])
	a.Send([][]byte{tagged})
	if f := receive(t, b, 1)[0]; !bytes.Equal(f, tagged) {
		t.Fatalf("got  %x\nwant %x", f[:24], tagged[:24])
	}
}

func TestFrameTooLongIsDroppedAndCounted(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	a, b := n.open(t, "a"), n.open(t, "b")
	a.Send([][]byte{frame(1, port.MaxFrame+1), frame(2, 60)})
	if f := receive(t, b, 1)[0]; binary.BigEndian.Uint32(f[14:]) != 2 {
		t.Fatal("a frame longer than port.MaxFrame arrived")
	}
	if got := b.Stats().RxDropped; got != 1 {
		t.Fatalf("RxDropped = %d, want 1", got)
	}
	a.Send([][]byte{frame(3, 4000)})
	if got := a.Stats().TxDropped; got != 1 {
		t.Fatalf("TxDropped = %d, want 1 for a frame longer than the interface's MTU", got)
	}
}

// A kernel sender leaves UDP checksums to hardware, and a veth has none.
func TestPartialChecksumIsCompleted(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	b := n.open(t, "b")
	payload := []byte("a payload of an odd length.")
	if _, err := n.dialUDP(t, "a", false).Write(payload); err != nil {
		t.Fatal(err)
	}
	f := receiveThat(t, b, 1, 1, toTestPort)[0]
	if len(f) != 42+len(payload) {
		t.Fatalf("a frame of %d bytes, want %d", len(f), 42+len(payload))
	}
	if sum := udpSum(f); sum != 0xffff {
		t.Fatalf("the UDP checksum of %x sums to %#x, want 0xffff", f, sum)
	}
}

// testPort is where datagrams and connections of these tests go.
const testPort = 4344

func toTestPort(f []byte) bool {
	switch {
	case len(f) > 42 && f[12] == 0x08 && f[13] == 0:
		return binary.BigEndian.Uint16(f[36:]) == testPort
	case len(f) > 62 && f[12] == 0x86 && f[13] == 0xdd:
		return binary.BigEndian.Uint16(f[56:]) == testPort
	}
	return false
}

// address gives an interface 10.0.0.host and fd00::host.
func (n *testNet) address(t *testing.T, name string, host byte) {
	t.Helper()
	n.set(t, name, func(l netlink.Link) error {
		v4 := &net.IPNet{IP: net.IPv4(10, 0, 0, host), Mask: net.CIDRMask(24, 32)}
		v6 := &net.IPNet{IP: net.IP{0: 0xfd, 15: host}, Mask: net.CIDRMask(64, 128)}
		return errors.Join(n.handle.AddrAdd(l, &netlink.Addr{IPNet: v4}),
			n.handle.AddrAdd(l, &netlink.Addr{IPNet: v6, Flags: unix.IFA_F_NODAD}))
	})
}

// dialUDP gives an interface addresses and connects a socket through it to a
// neighbour that never answers.
func (n *testNet) dialUDP(t *testing.T, name string, ipv6 bool) *net.UDPConn {
	t.Helper()
	n.address(t, name, 1)
	to := net.IP{10, 0, 0, 2}
	if ipv6 {
		to = net.IP{0: 0xfd, 15: 2}
	}
	n.set(t, name, func(l netlink.Link) error {
		return n.handle.NeighSet(&netlink.Neigh{LinkIndex: l.Attrs().Index, State: netlink.NUD_PERMANENT,
			IP: to, HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 2}})
	})
	var conn *net.UDPConn
	err := inNetNS(n.path, func() (err error) {
		conn, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: to, Port: testPort})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// udpSum adds up the pseudo-header and the datagram: 0xffff if it is right.
func udpSum(f []byte) uint32 {
	b := append(bytes.Clone(f[26:34]), 0, unix.IPPROTO_UDP, f[38], f[39])
	b = append(b, f[34:]...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	var sum uint32
	for ; len(b) > 0; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum
}

func TestPortOutlivesItsInterfaceBeingDown(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	a, b := n.open(t, "a"), n.open(t, "b")
	n.set(t, "b", n.handle.LinkSetDown)
	if k, err := a.Send([][]byte{frame(1, 60)}); err != nil {
		t.Fatalf("Send to a down interface = %d, %v", k, err)
	}
	got := make(chan []byte, 1)
	go func() { got <- receive(t, b, 1)[0] }()
	n.set(t, "b", n.handle.LinkSetUp)
	for deadline := time.Now().Add(10 * time.Second); ; {
		a.Send([][]byte{frame(2, 60)})
		select {
		case f := <-got:
			if binary.BigEndian.Uint32(f[14:]) != 2 {
				t.Fatal("got the frame sent while down")
			}
			return
		case <-time.After(10 * time.Millisecond):
			if time.Now().After(deadline) {
				t.Fatal("no frame after the interface came back up")
			}
		}
	}
}

func TestDeletedInterfaceIsAnErrorThatNamesIt(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	b := n.open(t, "b")
	result := make(chan error, 1)
	go func() {
		for buf := buffers(4); ; {
			if _, err := b.Recv(buf); err != nil {
				result <- err
				return
			}
		}
	}()
	n.set(t, "b", n.handle.LinkDel)
	select {
	case err := <-result:
		if !strings.Contains(err.Error(), `"b"`) || !strings.Contains(err.Error(), "deleted") {
			t.Fatalf("Recv = %v, want an error naming the interface and what became of it", err)
		}
	case <-time.After(10 * time.Second):
		b.Close()
		t.Fatal("Recv still waits on a deleted interface")
	}
	if k, err := b.Send([][]byte{frame(1, 60)}); k != 0 || err != nil {
		t.Fatalf("Send = %d, %v, want the frame dropped", k, err)
	}
}

func TestCloseEndsRecvAndSend(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	a := n.open(t, "a")
	result := make(chan error, 1)
	go func() {
		for buf := buffers(1); ; {
			if _, err := a.Recv(buf); err != nil {
				result <- err
				return
			}
		}
	}()
	a.Close()
	if err := <-result; !errors.Is(err, net.ErrClosed) {
		t.Fatalf("Recv = %v, want net.ErrClosed", err)
	}
	if _, err := a.Send([][]byte{frame(1, 60)}); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("Send = %v, want net.ErrClosed", err)
	}
	a.Stats()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenErrorsNameTheThing(t *testing.T) {
	n := newTestNet(t)
	tests := []struct {
		name, netns, want string
	}{
		{"nosuch0", n.path, `"nosuch0"`},
		{"a-name-that-is-too-long", n.path, "not an interface name"},
		{"lo", "/run/netns/no-such-namespace", "/run/netns/no-such-namespace"},
		{"lo", os.DevNull, os.DevNull},
	}
	for _, tt := range tests {
		_, err := Open(tt.name, Options{NetNS: tt.netns})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Open(%q, %q) = %v, want an error with %q", tt.name, tt.netns, err, tt.want)
		}
	}
}

func TestNothingIsAllocatedPerFrame(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	a, b := n.open(t, "a"), n.open(t, "b")
	batch, buf := [][]byte{frame(1, 60), frame(2, 1500)}, buffers(8)
	if got := testing.AllocsPerRun(50, func() { a.Send(batch); b.Recv(buf) }); got > 0 {
		t.Fatalf("%v allocations per batch, want 0", got)
	}
}

func BenchmarkVeth(b *testing.B) {
	for _, size := range []int{60, 1316} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			n := newTestNet(b)
			n.veth(b, "a", "b")
			x, y := n.open(b, "a"), n.open(b, "b")
			batch := make([][]byte, 32)
			for i := range batch {
				batch[i] = frame(i, size)
			}
			buf := buffers(32)
			for b.Loop() { // one goroutine: the cost of both directions per frame
				x.Send(batch)
				for left := len(batch); left > 0; {
					k, err := y.Recv(buf)
					if err != nil {
						b.Fatal(err)
					}
					left -= k
				}
			}
			b.ReportMetric(float64(len(batch))*float64(b.N)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}
