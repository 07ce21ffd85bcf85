//go:build linux

package afpacket

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/corecast/corecast/softswitch/port"
)

// families names IPv4 and IPv6 subtests.
var families = map[string]bool{"IPv4": false, "IPv6": true}

// A kernel sender with UDP_SEGMENT: every datagram comes as a frame.
func TestDatagramsOfUDPSegmentAreFrames(t *testing.T) {
	for name, ipv6 := range families {
		t.Run(name, func(t *testing.T) {
			n := newTestNet(t)
			n.vethOf(t, "a", "b", 1500)
			b := n.open(t, "b")
			conn := n.dialUDP(t, "a", ipv6)
			setSegment(t, conn, 460)
			var sent []byte
			for i := range 100*46 + 7 { // 100 datagrams and a shorter one
				sent = append(sent, fmt.Sprintf("%10d", i)...)
			}
			if _, err := conn.Write(sent); err != nil {
				t.Fatal(err)
			}
			var got []byte
			for i, f := range receiveThat(t, b, 8, 101, toTestPort) {
				p := checkFrame(t, f)
				if ip, ok := p.NetworkLayer().(*layers.IPv4); ok && i > 0 && ip.Id == 0 {
					t.Errorf("datagram %d has identification 0", i)
				}
				got = append(got, p.TransportLayer().LayerPayload()...)
			}
			if !bytes.Equal(got, sent) {
				t.Fatalf("%d bytes arrived, not the %d sent", len(got), len(sent))
			}
			if s := b.Stats(); s.RxDropped != 0 {
				t.Errorf("RxDropped = %d", s.RxDropped)
			}
		})
	}
}

func setSegment(t testing.TB, conn *net.UDPConn, size int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := control(raw, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT, size) }); err != nil {
		t.Skipf("needs UDP_SEGMENT (Linux 4.18): %v", err)
	}
}

// checkFrame has gopacket find a frame's checksums and lengths right.
func checkFrame(t testing.TB, f []byte) gopacket.Packet {
	t.Helper()
	p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
	transport, ok := p.TransportLayer().(interface {
		SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
	})
	if !ok || p.Metadata().Truncated || transport.SetNetworkLayerForChecksum(p.NetworkLayer()) != nil {
		t.Fatalf("not whole: %v", p)
	}
	if err, wrong := p.VerifyChecksums(); err != nil || len(wrong) > 0 {
		t.Fatalf("checksums %v, %v of %v", err, wrong, p)
	}
	return p
}

// A TCP connection of two kernels, overheard: its stream can be put together
// from the frames, each of which its MTU allows.
func TestSegmentsOfTCPAreFrames(t *testing.T) {
	for name, ipv6 := range families {
		t.Run(name, func(t *testing.T) {
			near, far := newTestNet(t), newTestNet(t)
			near.vethOf(t, "a", "b", 1500)
			near.moveTo(t, "b", far)
			near.address(t, "a", 1)
			far.address(t, "b", 2)
			b := far.open(t, "b")
			sent := make([]byte, 300_000)
			rand.NewChaCha8([32]byte{1}).Read(sent)
			streamOver(t, near, far, ipv6, sent)

			segments := tcpSegments(t, b, len(sent))
			var got []byte
			for _, s := range segments {
				if len(s.LayerPayload())+len(s.Contents) > 1480 {
					t.Fatalf("a segment of %d bytes at MTU 1500", len(s.LayerPayload()))
				}
				at := int(s.Seq - segments[0].Seq)
				if at > len(got) {
					t.Fatalf("nothing for bytes %d to %d", len(got), at)
				}
				if end := at + len(s.LayerPayload()); end > len(got) {
					got = append(got[:at], s.LayerPayload()...)
				}
			}
			if !bytes.Equal(got, sent) {
				t.Fatalf("%d bytes put together, not the %d sent", len(got), len(sent))
			}
			if s := b.Stats(); s.RxDropped != 0 {
				t.Errorf("RxDropped = %d", s.RxDropped)
			}
		})
	}
}

// moveTo gives an interface to another namespace and brings it up there.
func (n *testNet) moveTo(t *testing.T, name string, to *testNet) {
	t.Helper()
	ns, err := os.Open(to.path)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	n.set(t, name, func(l netlink.Link) error { return n.handle.LinkSetNsFd(l, int(ns.Fd())) })
	to.set(t, name, to.handle.LinkSetUp)
}

// streamOver sends over a TCP connection between two namespaces and waits
// until the other side has read it all.
func streamOver(t *testing.T, near, far *testNet, ipv6 bool, data []byte) {
	t.Helper()
	address := fmt.Sprintf("10.0.0.2:%d", testPort)
	if ipv6 {
		address = fmt.Sprintf("[fd00::2]:%d", testPort)
	}
	var listener net.Listener
	var conn net.Conn
	err := inNetNS(far.path, func() (err error) {
		listener, err = net.Listen("tcp", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	read := make(chan error, 1)
	go func() {
		c, err := listener.Accept()
		if err == nil {
			defer c.Close()
			c.SetDeadline(time.Now().Add(10 * time.Second))
			_, err = io.Copy(io.Discard, c)
		}
		read <- err
	}()
	err = inNetNS(near.path, func() (err error) {
		conn, err = net.DialTimeout("tcp", address, 10*time.Second)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = conn.Write(data)
	if err := errors.Join(err, conn.Close(), <-read); err != nil {
		t.Fatal(err)
	}
}

// tcpSegments returns the segments with payload of a connection to testPort,
// in the order of the stream, once they have the bytes of it.
func tcpSegments(t *testing.T, b *Port, stream int) []*layers.TCP {
	t.Helper()
	var segments []*layers.TCP
	first, next := uint32(0), 0
	receiveThat(t, b, 16, 1, func(f []byte) bool {
		if !toTestPort(f) {
			return false
		}
		tcp, ok := checkFrame(t, bytes.Clone(f)).TransportLayer().(*layers.TCP)
		if !ok {
			return false
		}
		if tcp.SYN {
			first = tcp.Seq + 1
		}
		if len(tcp.LayerPayload()) > 0 {
			segments = append(segments, tcp)
			next = max(next, int(tcp.Seq-first)+len(tcp.LayerPayload()))
		}
		return tcp.FIN && next == stream
	})
	slices.SortFunc(segments, func(a, b *layers.TCP) int { return cmp.Compare(int32(a.Seq-first), int32(b.Seq-first)) })
	return segments
}

// injector sends frames with a virtio header before each.
type injector struct{ fd int }

func (n *testNet) injector(t testing.TB, name string) injector {
	t.Helper()
	var i injector
	err := inNetNS(n.path, func() (err error) {
		i.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(i.fd) })
	n.set(t, name, func(l netlink.Link) error {
		return errors.Join(unix.SetsockoptInt(i.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
			unix.Bind(i.fd, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index}))
	})
	return i
}

func (i injector) send(t testing.TB, frame []byte, header [vnetLen]byte) {
	t.Helper()
	if _, err := unix.Write(i.fd, append(header[:], frame...)); err != nil {
		t.Fatal(err)
	}
}

func fromBurst(f []byte) bool { return bytes.Equal(f[6:12], burstSource) }

// The same super-frame over two veth pairs, of which one takes none so that
// the kernel splits it: the frames are the same, byte by byte.
func TestSplitsAsTheKernelDoes(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	n.veth(t, "c", "d")
	n.set(t, "c", func(l netlink.Link) error { return n.handle.LinkSetGSOMaxSegs(l, 1) })
	ours, kernels := n.open(t, "b"), n.open(t, "d")
	toOurs, toKernels := n.injector(t, "a"), n.injector(t, "c")
	large := bytes.Repeat([]byte("0123456789abcdef"), 4000)
	bursts := append(sampleBursts(),
		burst{size: 1316, id: 1, payload: large},
		burst{ipv6: true, size: 1316, payload: large},
		burst{tcp: true, size: 1448, tcpOption: true, psh: true, cwr: true, payload: large},
		burst{ipv6: true, tcp: true, size: 1428, tcpOption: true, fin: true, payload: large})
	for _, s := range bursts {
		data, header := s.build(t)
		toOurs.send(t, data, header)
		toKernels.send(t, data, header)
		frames := (len(s.payload) + s.size - 1) / s.size
		want := receiveThat(t, kernels, 16, frames, fromBurst)
		for i, f := range receiveThat(t, ours, 16, frames, fromBurst) {
			if !bytes.Equal(f, want[i]) {
				t.Fatalf("%+v: frame %d of %d:\nours   %x\nkernel %x", s, i, frames, f, want[i])
			}
		}
	}
}

// Frames before, between and behind super-frames keep their order, however
// few the caller takes at a time.
func TestSuperFramesKeepTheirPlace(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	b, a := n.open(t, "b"), n.injector(t, "a")
	for _, batch := range []int{1, 2, 5, 64, 200} {
		want := 0
		mark := func(payload []byte) []byte {
			binary.BigEndian.PutUint32(payload, uint32(want))
			want++
			return payload
		}
		for i := range 12 {
			plain := slices.Concat(make([]byte, 6), burstSource, []byte("\x88\xb5"), mark(make([]byte, 46)))
			a.send(t, plain, [vnetLen]byte{})
			if i%3 == 2 {
				continue
			}
			s := burst{size: 1000}
			for range 7 + i {
				s.payload = append(s.payload, mark(make([]byte, 1000))...)
			}
			data, header := s.build(t)
			a.send(t, data, header)
		}
		for i, f := range receiveThat(t, b, batch, want, fromBurst) {
			at := 14
			if f[12] == 0x08 {
				at = 42
			}
			if got := binary.BigEndian.Uint32(f[at:]); got != uint32(i) {
				t.Fatalf("batches of %d: frame %d came where %d was due", batch, got, i)
			}
		}
	}
}

func TestSuperFrameThatCannotBeSplitIsDroppedAndCounted(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	b, a := n.open(t, "b"), n.injector(t, "a")
	before := b.Stats().RxDropped
	long, header := burst{tcp: true, size: port.MaxFrame, payload: make([]byte, 5000)}.build(t)
	a.send(t, long, header)
	a.send(t, slices.Concat(make([]byte, 6), burstSource, []byte("\x88\xb5"), make([]byte, 46)), [vnetLen]byte{})
	if f := receiveThat(t, b, 4, 1, fromBurst)[0]; f[12] != 0x88 {
		t.Fatal("frames longer than port.MaxFrame arrived")
	}
	if got := b.Stats().RxDropped - before; got != 1 {
		t.Fatalf("RxDropped rose by %d, want 1 for the super-frame", got)
	}
}

// The kernel has no virtio header for some super-frames, and then an error
// instead of them: that is no reason for the port to fail.
func TestSuperFrameUnknownToVirtioIsCounted(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	a, b := n.open(t, "a"), n.open(t, "b")
	before := b.Stats().RxDropped
	b.receiver.readable = func(uintptr) bool {
		b.receiver.got, b.receiver.err, b.receiver.readable = 0, unix.EINVAL, b.receiver.receive
		return true
	}
	a.Send([][]byte{frame(1, 60)})
	receive(t, b, 1)
	if got := b.Stats().RxDropped - before; got != 1 {
		t.Fatalf("RxDropped rose by %d, want 1", got)
	}
}

func TestRestOfASuperFrameOutlivesClose(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	b, a := n.open(t, "b"), n.injector(t, "a")
	data, header := burst{size: 100, payload: make([]byte, 1000)}.build(t)
	a.send(t, data, header)
	receiveThat(t, b, 1, 1, fromBurst)
	b.Close()
	if got := len(receiveThat(t, b, 4, 9, fromBurst)); got != 9 {
		t.Fatalf("%d frames after Close, want the 9 left", got)
	}
	if k, err := b.Recv(buffers(1)); k != 0 || !errors.Is(err, net.ErrClosed) {
		t.Fatalf("Recv = %d, %v, want net.ErrClosed", k, err)
	}
}

func TestNothingIsAllocatedPerSuperFrame(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	b, a := n.open(t, "b"), n.injector(t, "a")
	data, header := burst{size: 100, payload: make([]byte, 4000)}.build(t)
	message, buf := append(header[:], data...), buffers(16)
	got := testing.AllocsPerRun(50, func() {
		unix.Write(a.fd, message)
		for left := 40; left > 0; {
			k, err := b.Recv(buf)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range buf[:k] {
				if fromBurst(f) {
					left--
				}
			}
		}
	})
	if got > 0 {
		t.Fatalf("%v allocations per super-frame, want 0", got)
	}
}

func BenchmarkSuperFrame(b *testing.B) {
	for _, size := range []int{46, 1316} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			n := newTestNet(b)
			n.veth(b, "a", "b")
			in, out := n.injector(b, "a"), n.open(b, "b")
			data, header := burst{size: size, payload: make([]byte, 48*size)}.build(b)
			message, buf := append(header[:], data...), buffers(32)
			for b.Loop() {
				unix.Write(in.fd, message)
				for left := 48; left > 0; {
					k, err := out.Recv(buf)
					if err != nil {
						b.Fatal(err)
					}
					left -= k
				}
			}
			b.ReportMetric(48*float64(b.N)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}
