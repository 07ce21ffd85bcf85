package udp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// DefaultSocketBuffer is the size, in bytes, asked for the kernel's receive
// and send buffers of a socket unless told.
const DefaultSocketBuffer = 4 << 20

// MaxDatagram is the longest payload of a UDP datagram: nothing that arrives
// is cut short.
const MaxDatagram = 65535

// A Datagram is one message and where it came from, or where it goes to.
type Datagram struct {
	Remote  netip.AddrPort // the sender, or the receiver
	Local   netip.Addr     // the address of ours it came to, or leaves from
	Payload []byte
}

// A Socket is one UDP socket, IPv4 or IPv6. One goroutine may receive while
// others send.
type Socket struct {
	conn  *net.UDPConn
	raw   syscall.RawConn
	local netip.AddrPort
	info  bool // bound to the unspecified address: datagrams say where they came to
	// oneByOne: the way out does not cut up messages.
	oneByOne atomic.Bool
}

// OpenSocket binds a UDP socket to address. A socket bound to the unspecified
// address receives what comes to any of the machine's addresses of that family
// (never of the other one) and can send from each of them. bufferSize 0 means
// DefaultSocketBuffer.
func OpenSocket(address netip.AddrPort, bufferSize int) (*Socket, error) {
	return openSocket(address, bufferSize, func(int) error { return nil })
}

func openSocket(address netip.AddrPort, bufferSize int, beforeBind func(fd int) error) (*Socket, error) {
	if !address.Addr().IsValid() {
		return nil, fmt.Errorf("listen: no address: want one such as 192.0.2.1:4342, [2001:db8::1]:4342 or [::]:4342")
	}
	address = netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
	network := "udp6"
	if address.Addr().Is4() {
		network = "udp4"
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, beforeBind)
	}}
	packetConn, err := config.ListenPacket(context.Background(), network, address.String())
	if err != nil {
		return nil, fmt.Errorf("listen on UDP %s: %w", address, explain(err))
	}
	s := &Socket{conn: packetConn.(*net.UDPConn), info: address.Addr().IsUnspecified()}
	if err := s.setUp(bufferSize); err != nil {
		s.conn.Close()
		return nil, fmt.Errorf("listen on UDP %s: %w", address, err)
	}
	return s, nil
}

func (s *Socket) setUp(bufferSize int) (err error) {
	bound := s.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	s.local = netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port())
	if s.raw, err = s.conn.SyscallConn(); err != nil {
		return err
	}
	if bufferSize == 0 {
		bufferSize = DefaultSocketBuffer
	}
	s.setBuffers(bufferSize)
	if !s.info {
		return nil
	}
	return control(s.raw, func(fd int) error { return askForLocalAddress(fd, s.local.Addr().Is4()) })
}

// Local returns the address and port the socket is bound to.
func (s *Socket) Local() netip.AddrPort { return s.local }

// SetReadDeadline makes Receive fail with os.ErrDeadlineExceeded at a time, or
// never if that is zero.
func (s *Socket) SetReadDeadline(t time.Time) error { return s.conn.SetReadDeadline(t) }

// sendsFrom says whether a datagram from addr can leave by this socket.
func (s *Socket) sendsFrom(addr netip.Addr) bool {
	return s.local.Addr() == addr || s.info && s.local.Addr().Is4() == addr.Is4()
}

// Close ends Receive with net.ErrClosed.
func (s *Socket) Close() error { return s.conn.Close() }

func control(raw syscall.RawConn, f func(fd int) error) error {
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}
