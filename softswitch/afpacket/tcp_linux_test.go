package afpacket

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/vishvananda/netlink"
)

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
