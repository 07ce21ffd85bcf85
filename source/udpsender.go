package source

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/gso"
	"github.com/corecast/corecast/wire"
)

// UDPSender is a BatchSender for an ordinary host: a UDP socket with the
// channel's source port, connected to the reserved EID. The host's routes must
// lead that address to the ITR. Viewers by unicast are sent to from the same
// socket, so that all see the media come from the same port.
//
// Packets are never fragmented: one that is longer than the path's MTU, which
// routers tell the host by ICMP, is ErrTooLong. A packet that the network
// refuses for now (a full queue, or a router that says it cannot reach the
// reserved EID) is lost.
type UDPSender struct {
	conn    *net.UDPConn
	out     *gso.Sender
	unicast unicast
}

// sendBuffer is what the socket may hold of a burst; the kernel may grant less.
const sendBuffer = 4 << 20

// DialUDP opens the sender of a channel. The source EID must be an address of
// this host.
func DialUDP(channel Channel) (*UDPSender, error) {
	channel, err := channel.withDefaults()
	if err != nil {
		return nil, err
	}
	from := netip.AddrPortFrom(channel.SourceEID, channel.UDPPort)
	to := netip.AddrPortFrom(channel.ReservedEID, wire.Port)
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, fmt.Errorf("cannot send channel %s from %s to %s (is the source EID an address of this host, the port free, and the reserved EID routed to the ITR?): %w",
			channel.Name, from, to, err)
	}
	_ = conn.SetWriteBuffer(sendBuffer)
	s := &UDPSender{conn: conn}
	if err = gso.NeverFragment(conn); err == nil {
		s.out, err = gso.New(conn)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot send channel %s: %w", channel.Name, err)
	}
	return s, nil
}

// DisableSegmentation makes every packet one of its own for the kernel, for
// interfaces that hand bursts on unsegmented (see gso).
func (s *UDPSender) DisableSegmentation() error {
	out, err := gso.NewWithLimit(s.conn, 1)
	if err == nil {
		s.out = out
	}
	return err
}

// Headroom implements Sender.
func (s *UDPSender) Headroom() int { return 0 }

// Send implements Sender.
func (s *UDPSender) Send(packets [][]byte) (int, error) { return s.out.Send(packets) }

// SendBatch implements BatchSender.
func (s *UDPSender) SendBatch(b *dstlist.Batch, media []byte) (int, error) {
	sent, err := s.out.Send(b.Packets())
	if err != nil || len(b.Unicast()) == 0 {
		return sent, err
	}
	n, err := s.unicast.send(s.out, b.Unicast(), media)
	return sent + n, err
}

// unicast sends media to viewers, from memory that is used again and again.
type unicast struct {
	addresses []gso.Address
	datagrams []gso.Datagram
}

func (u *unicast) send(out *gso.Sender, to []dstlist.Destination, media []byte) (int, error) {
	for len(u.addresses) < len(to) {
		u.addresses = append(u.addresses, make([]gso.Address, len(to))...)
	}
	u.datagrams = u.datagrams[:0]
	for i := range to {
		u.addresses[i].Set(to[i].Viewer)
		u.datagrams = append(u.datagrams, gso.Datagram{To: &u.addresses[i], Tail: media})
	}
	return out.SendTo(u.datagrams)
}

// Mode says in words how packets are sent.
func (s *UDPSender) Mode() string { return s.out.Mode() }

// PathMTU returns the longest IP packet that the path to the ITR takes, as far
// as the host knows; 0 where hosts do not say.
func (s *UDPSender) PathMTU() int { return gso.PathMTU(s.conn) }

// Close closes the socket.
func (s *UDPSender) Close() error { return s.conn.Close() }
