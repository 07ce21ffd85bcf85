package interop

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/internal/pcap"
	"golang.org/x/sys/unix"
)

// packet is one that entered the core.
type packet struct {
	at       time.Time
	data     []byte // from its IP header
	src, dst netip.AddrPort
	payload  []byte // of UDP
}

// capture records the UDP packets that enter a router, each once: on the
// interface where it comes in.
type capture struct {
	fd   int
	stop chan struct{}
	done chan struct{} // closed when nothing is read any more

	mu      sync.Mutex // guards packets
	packets []packet
}

// newCapture records what enters the namespace until the test ends.
func newCapture(t *testing.T, n *namespace) *capture {
	t.Helper()
	c := &capture{stop: make(chan struct{}), done: make(chan struct{})}
	err := n.Do(func() (err error) {
		c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(networkOrder(unix.ETH_P_ALL)))
		return err
	})
	if err != nil {
		t.Fatalf("capture in %s: %v", n.name, err)
	}
	t.Cleanup(func() {
		close(c.stop)
		<-c.done
		unix.Close(c.fd)
	})
	wake := unix.NsecToTimeval(int64(50 * time.Millisecond))
	if err := errors.Join(
		unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wake),
		unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20),
	); err != nil {
		t.Fatal(err)
	}
	go c.run()
	return c
}

func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

func (c *capture) run() {
	defer close(c.done)
	buffer := make([]byte, 64<<10)
	for {
		select {
		case <-c.stop:
			return
		default:
		}
		n, from, err := unix.Recvfrom(c.fd, buffer, 0)
		if err != nil {
			continue // a timeout: look whether to stop
		}
		if link, ok := from.(*unix.SockaddrLinklayer); !ok || link.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if p, ok := parseUDP(buffer[:n]); ok {
			c.mu.Lock()
			c.packets = append(c.packets, p)
			c.mu.Unlock()
		}
	}
}

// parseUDP copies an IP packet that carries UDP.
func parseUDP(b []byte) (packet, bool) {
	var src, dst netip.Addr
	var header int
	switch {
	case len(b) >= 28 && b[0]>>4 == 4 && b[9] == unix.IPPROTO_UDP:
		src, dst = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
		header = int(b[0]&15) * 4
	case len(b) >= 48 && b[0]>>4 == 6 && b[6] == unix.IPPROTO_UDP:
		src, dst = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
		header = 40
	default:
		return packet{}, false
	}
	if len(b) < header+8 {
		return packet{}, false
	}
	data := append([]byte(nil), b...)
	return packet{
		at: time.Now(), data: data, payload: data[header+8:],
		src: netip.AddrPortFrom(src, binary.BigEndian.Uint16(b[header:])),
		dst: netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[header+2:])),
	}, true
}

// count returns how many packets came so far: a mark for since.
func (c *capture) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.packets)
}

// since returns the packets after a mark that match.
func (c *capture) since(mark int, match func(packet) bool) []packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []packet
	for _, p := range c.packets[mark:] {
		if match(p) {
			found = append(found, p)
		}
	}
	return found
}

// writePcap writes packets to a new pcap file.
func writePcap(path string, packets []packet) error {
	out := pcap.Header(pcap.IP)
	for _, p := range packets {
		out = pcap.Append(out, p.at, p.data)
	}
	return os.WriteFile(path, out, 0o644)
}
