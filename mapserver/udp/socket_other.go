//go:build !linux

package udp

import (
	"errors"
	"net/netip"
)

// Elsewhere a Socket moves one datagram a system call; one that is bound to
// the unspecified address leaves the choice of the address that datagrams
// leave from to the system.

const (
	canSharePort = false
	batchSize    = 1 // datagrams a system call
)

func sharePort(int) error { return errors.ErrUnsupported }

func askForLocalAddress(int, bool) error { return nil }

func (s *Socket) setBuffers(size int) {
	_ = s.conn.SetReadBuffer(size) // less than asked for is no reason to fail
	_ = s.conn.SetWriteBuffer(size)
}

func (s *Socket) kernelDrops() uint64 { return 0 }

// A Receiver is the memory to receive from one socket.
type Receiver struct {
	socket    *Socket
	datagrams [1]Datagram
	memory    [MaxDatagram]byte
}

// NewReceiver returns the memory for one goroutine to receive from s.
func (s *Socket) NewReceiver() *Receiver { return &Receiver{socket: s} }

// Receive waits for a datagram. It is valid until the next call. After Close
// it returns net.ErrClosed.
func (r *Receiver) Receive() ([]Datagram, error) {
	n, from, err := r.socket.conn.ReadFromUDPAddrPort(r.memory[:])
	if err != nil {
		return nil, err
	}
	r.datagrams[0] = Datagram{
		Remote:  netip.AddrPortFrom(from.Addr().Unmap(), from.Port()),
		Local:   r.socket.local.Addr(),
		Payload: r.memory[:n],
	}
	return r.datagrams[:], nil
}

// A Sender sends through any socket, each datagram by itself. The zero value is
// ready for use by one goroutine.
type Sender struct{ OneByOne bool }

// Send sends the datagrams through socket, in order. What the system does not
// take is left out, and the rest still sent.
func (*Sender) Send(socket *Socket, datagrams []Datagram) (result SendResult) {
	for i := range datagrams {
		n, err := socket.conn.WriteToUDPAddrPort(datagrams[i].Payload, datagrams[i].Remote)
		switch {
		case err != nil:
			result.Failed++
			result.Err, result.ErrTo = err, datagrams[i].Remote
		case n < len(datagrams[i].Payload):
			result.Short++
		default:
			result.Sent++
			result.Bytes += n
		}
	}
	return result
}
