package interop

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const (
	pingWait  = 200 * time.Millisecond // for one reply
	pingPause = 50 * time.Millisecond  // after one that got none
)

// pinger sends echo requests from one address of a namespace.
type pinger struct {
	conn     *icmp.PacketConn
	src      netip.Addr
	sequence int
}

func newPinger(t *testing.T, n *namespace, src netip.Addr) *pinger {
	t.Helper()
	p := &pinger{src: src}
	network := "ip4:icmp"
	if src.Is6() {
		network = "ip6:ipv6-icmp"
	}
	err := n.Do(func() (err error) {
		p.conn, err = icmp.ListenPacket(network, src.String())
		return err
	})
	if err != nil {
		t.Fatalf("ping from %v of %s: %v", src, n.name, err)
	}
	n.owner.Cleanup(func() { p.conn.Close() })
	return p
}

// ping sends one echo request and waits for its reply.
func (p *pinger) ping(dst netip.Addr) error {
	p.sequence++
	echo := &icmp.Echo{ID: os.Getpid() & 0xffff, Seq: p.sequence & 0xffff, Data: []byte("corecast interop")}
	request := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: echo}
	protocol, reply := 1, icmp.Type(ipv4.ICMPTypeEchoReply)
	if p.src.Is6() {
		request.Type, protocol, reply = ipv6.ICMPTypeEchoRequest, 58, ipv6.ICMPTypeEchoReply
	}
	b, err := request.Marshal(nil) // the kernel fills in the checksum of ICMPv6
	if err != nil {
		return err
	}
	if _, err := p.conn.WriteTo(b, &net.IPAddr{IP: dst.AsSlice()}); err != nil {
		return err
	}
	if err := p.conn.SetReadDeadline(time.Now().Add(pingWait)); err != nil {
		return err
	}
	buffer := make([]byte, 1500)
	for {
		n, from, err := p.conn.ReadFrom(buffer)
		if err != nil {
			return fmt.Errorf("no reply from %v to %v in %v: %w", dst, p.src, pingWait, err)
		}
		m, err := icmp.ParseMessage(protocol, buffer[:n])
		if err != nil || m.Type != reply || from.String() != dst.String() {
			continue
		}
		if got, ok := m.Body.(*icmp.Echo); ok && got.ID == echo.ID && got.Seq == echo.Seq {
			return nil
		}
	}
}

// reaches pings until there is a reply, for at most limit, then wants ten
// replies in a row. It returns how long the first took.
func (p *pinger) reaches(t *testing.T, dst netip.Addr, limit time.Duration) time.Duration {
	t.Helper()
	start := time.Now()
	for err := errors.New("not tried"); err != nil; {
		if err = p.ping(dst); err != nil {
			if time.Since(start) > limit {
				t.Fatalf("%v does not reach %v within %v: %v", p.src, dst, limit, err)
			}
			time.Sleep(pingPause)
		}
	}
	took := time.Since(start)
	for i := range 10 {
		if err := p.ping(dst); err != nil {
			t.Fatalf("%v reached %v, then ping %d of 10 failed: %v", p.src, dst, i+1, err)
		}
	}
	return took
}

// fails wants no reply to any of count pings.
func (p *pinger) fails(t *testing.T, dst netip.Addr, count int) {
	t.Helper()
	for range count {
		if p.ping(dst) == nil {
			t.Fatalf("%v reaches %v, and should not", p.src, dst)
		}
	}
}
