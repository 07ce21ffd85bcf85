//go:build !linux

package gso

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// Sender sends datagrams over a socket, one by one. One goroutine may use it.
type Sender struct{ conn *net.UDPConn }

// New returns the sender of a socket, which must be connected for Send. The
// socket stays the caller's.
func New(conn *net.UDPConn) (*Sender, error) { return NewWithLimit(conn, 1) }

// NewWithLimit is New: nothing is segmented here.
func NewWithLimit(conn *net.UDPConn, _ int) (*Sender, error) { return &Sender{conn: conn}, nil }

// Limit is how many datagrams one message of the kernel carries.
func (s *Sender) Limit() int { return 1 }

// Mode says in words how datagrams are sent.
func (s *Sender) Mode() string { return "a write for each datagram" }

// Send sends packets in order and returns how many left. The error is nil when
// some were merely lost.
func (s *Sender) Send(packets [][]byte) (sent int, err error) {
	for _, p := range packets {
		switch _, err := s.conn.Write(p); {
		case err == nil:
			sent++
		case errors.Is(err, syscall.EMSGSIZE):
			return sent, fmt.Errorf("a datagram of %d bytes is %w", len(p), ErrTooLong)
		case !passing(err):
			return sent, err
		}
	}
	return sent, nil
}

// Address is where a datagram goes.
type Address struct{ addr netip.AddrPort }

// Set makes it this address, of the family of the sockets that it is used with.
func (a *Address) Set(to netip.AddrPort) { a.addr = to }

// SendTo sends datagrams, in order, and returns how many left. A connected socket
// reaches its peer alone here.
func (s *Sender) SendTo(list []Datagram) (sent int, err error) {
	var packet []byte
	for i := range list {
		packet = append(append(packet[:0], list[i].Head...), list[i].Tail...)
		if list[i].To == nil {
			_, err = s.conn.Write(packet)
		} else {
			_, err = s.conn.WriteToUDPAddrPort(packet, list[i].To.addr)
		}
		switch {
		case err == nil:
			sent++
		case errors.Is(err, net.ErrClosed):
			return sent, err
		}
	}
	return sent, nil
}

// TooLong is not known here.
func (s *Sender) TooLong() *Address { return nil }

// passing says whether err may be gone for the next datagram.
func passing(err error) bool {
	for _, e := range []error{syscall.ENOBUFS, syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
