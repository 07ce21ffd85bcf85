package itr

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/source/gso"
)

// sockets is how many there are to RLOCs of one family, each with an outer source
// port of its own: that many paths may be used.
const sockets = 4

// sendBuffer is what a socket may hold of a burst; the kernel may grant less.
const sendBuffer = 4 << 20

// Sockets is a Transport of UDP sockets. The first to each family has the outer
// source port that an ITR would choose for the channel, if it is free: a
// channel's copies and headers go by it. What viewers get by unicast is spread
// over all.
type Sockets struct {
	tunnel [2][]*socket // over IPv4, IPv6
	native *socket      // to viewers without LISP; nil if the source EID is not the host's
	why    error        // why there is no native one

	long    netip.Addr
	longMTU int
}

// socket collects what leaves by one UDP socket.
type socket struct {
	conn      *net.UDPConn
	out       *gso.Sender
	addresses []gso.Address
	rlocs     []netip.AddrPort // of addresses
	datagrams []gso.Datagram
}

// OpenSockets opens the sockets of a channel, which send from our RLOC; the zero
// Addr for what the routes choose.
func OpenSockets(c Channel, local netip.Addr) (*Sockets, error) {
	flow, err := c.Flow()
	if err != nil {
		return nil, err
	}
	s := new(Sockets)
	var failed [2]error
	for i, network := range []string{"udp4", "udp6"} {
		at := netip.Addr{}
		if network == netOf(local) {
			at = local
		}
		if err := s.openTunnel(i, network, at, flow); err != nil && at.IsValid() {
			s.Close()
			return nil, fmt.Errorf("cannot send to RLOCs from %s (is it an address of this host?): %w", at, err)
		} else if err != nil {
			failed[i] = err
		}
	}
	if len(s.tunnel[0])+len(s.tunnel[1]) == 0 {
		return nil, fmt.Errorf("cannot send to RLOCs: %w", errors.Join(failed[:]...))
	}
	from := netip.AddrPortFrom(c.SourceEID, c.UDPPort)
	s.native, s.why = openSocket(netOf(c.SourceEID), net.UDPAddrFromAddrPort(from))
	return s, nil
}

// netOf is the network of an address; none of no address.
func netOf(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return ""
	case a.Is4():
		return "udp4"
	}
	return "udp6"
}

func (s *Sockets) openTunnel(family int, network string, local netip.Addr, flow uint16) error {
	for i := range sockets {
		at := &net.UDPAddr{}
		if local.IsValid() {
			at.IP = local.AsSlice()
		}
		if i == 0 {
			at.Port = int(flow)
		}
		sock, err := openSocket(network, at)
		if err != nil && i == 0 {
			at.Port = 0 // another channel has it
			sock, err = openSocket(network, at)
		}
		if err != nil {
			return err
		}
		s.tunnel[family] = append(s.tunnel[family], sock)
		if err := gso.SetTTL(sock.conn, hop); err != nil { // as RFC 9300 §5.3 has it of the inner one
			return err
		}
	}
	return nil
}

func openSocket(network string, at *net.UDPAddr) (*socket, error) {
	conn, err := net.ListenUDP(network, at)
	if err != nil {
		return nil, err
	}
	_ = conn.SetWriteBuffer(sendBuffer)
	sock := &socket{conn: conn}
	if err = gso.NeverFragment(conn); err == nil {
		sock.out, err = gso.New(conn)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return sock, nil
}

// CanSend says whether there is a way to an RLOC, as far as its family goes.
func (s *Sockets) CanSend(rloc netip.Addr) bool { return len(s.of(rloc)) > 0 }

func (s *Sockets) of(rloc netip.Addr) []*socket {
	if rloc.Is4() {
		return s.tunnel[0]
	}
	return s.tunnel[1]
}

// Native says why viewers in sites without LISP cannot be sent to; nil if they
// can.
func (s *Sockets) Native() error {
	if s.native != nil {
		return nil
	}
	return fmt.Errorf("viewers without LISP get nothing (is the source EID an address of this host?): %w", s.why)
}

// Send implements Transport.
func (s *Sockets) Send(packets []Packet) (sent int, err error) {
	for i := range packets {
		p := &packets[i]
		switch tunnels := s.of(p.RLOC); {
		case !p.RLOC.IsValid() && s.native != nil:
			s.native.add(p.Viewer, p, len(packets))
		case p.RLOC.IsValid() && len(tunnels) > 0:
			n := 0
			if len(p.Tail) > 0 {
				n = int(p.Flow) % len(tunnels)
			}
			tunnels[n].add(netip.AddrPortFrom(p.RLOC, lisp.DataPort), p, len(packets))
		}
	}
	s.long = netip.Addr{}
	for _, tunnels := range s.tunnel {
		for _, sock := range tunnels {
			n, err := s.flush(sock, true)
			if sent += n; err != nil {
				return sent, err
			}
		}
	}
	if s.native != nil {
		n, err := s.flush(s.native, false)
		return sent + n, err
	}
	return sent, nil
}

// add collects a packet to somebody, one of at most so many in all.
func (k *socket) add(to netip.AddrPort, p *Packet, most int) {
	if len(k.datagrams) == 0 && len(k.addresses) < most { // later on they must not move
		k.addresses, k.rlocs = make([]gso.Address, most), make([]netip.AddrPort, 0, most)
	}
	if n := len(k.rlocs); n == 0 || k.rlocs[n-1] != to {
		k.addresses[n].Set(to)
		k.rlocs = append(k.rlocs, to)
	}
	k.datagrams = append(k.datagrams, gso.Datagram{To: &k.addresses[len(k.rlocs)-1], Head: p.Head, Tail: p.Tail})
}

// flush sends what a socket has collected.
func (s *Sockets) flush(k *socket, tunnel bool) (int, error) {
	if len(k.datagrams) == 0 {
		return 0, nil
	}
	sent, err := k.out.SendTo(k.datagrams)
	if long := k.out.TooLong(); long != nil && tunnel {
		for i := range k.rlocs {
			if &k.addresses[i] == long {
				s.long, s.longMTU = k.rlocs[i].Addr(), mtuTo(k.rlocs[i])
			}
		}
	}
	k.rlocs, k.datagrams = k.rlocs[:0], k.datagrams[:0]
	return sent, err
}

// mtuTo asks the host for the MTU of the path to an RLOC; 0 for not known.
func mtuTo(rloc netip.AddrPort) int {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(rloc))
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Close() }()
	return gso.PathMTU(conn)
}

// TooLong implements Transport.
func (s *Sockets) TooLong() (netip.Addr, int) { return s.long, s.longMTU }

// DisableSegmentation makes every packet one of its own for the kernel, for
// interfaces that hand bursts on unsegmented (see gso).
func (s *Sockets) DisableSegmentation() error {
	for _, sock := range s.all() {
		out, err := gso.NewWithLimit(sock.conn, 1)
		if err != nil {
			return err
		}
		sock.out = out
	}
	return nil
}

// Mode says in words how packets are sent.
func (s *Sockets) Mode() string { return s.all()[0].out.Mode() }

func (s *Sockets) all() (all []*socket) {
	all = append(append(all, s.tunnel[0]...), s.tunnel[1]...)
	if s.native != nil {
		all = append(all, s.native)
	}
	return all
}

// Close closes the sockets.
func (s *Sockets) Close() {
	for _, sock := range s.all() {
		_ = sock.conn.Close()
	}
}
