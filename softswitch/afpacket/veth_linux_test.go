package afpacket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"

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

// A buffer shorter than the contract asks for loses what it has no room for,
// and only that.
func TestFramesOfASuperFrameThatHaveNoRoomAreCounted(t *testing.T) {
	n := newTestNet(t)
	n.veth(t, "a", "b")
	b, a := n.open(t, "b"), n.injector(t, "a")
	payload := bytes.Repeat([]byte("0123456789"), 61)
	for _, size := range []int{300, 200} { // of the first only the last frame, of 10 bytes, has room
		data, header := burst{size: size, payload: payload}.build(t)
		a.send(t, data, header)
	}
	var got []byte
	small := [][]byte{make([]byte, 0, 250)}
	for len(got) < 10+len(payload) {
		if _, err := b.Recv(small); err != nil {
			t.Fatal(err)
		}
		if f := small[0]; fromBurst(f) {
			got = append(got, checkFrame(t, bytes.Clone(f)).TransportLayer().LayerPayload()...)
		}
	}
	if want := append(payload[600:], payload...); !bytes.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
	if got := b.Stats().RxDropped; got != 2 {
		t.Fatalf("RxDropped = %d, want 2", got)
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
