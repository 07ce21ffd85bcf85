package input

import (
	"net"
	"os"
	"time"

	"golang.org/x/net/ipv4"
)

// FromPipe makes an input of a pipe, as Open("-") does of standard input.
func FromPipe(r *os.File) (Input, error) { return fromFile(r, "pipe", Options{}) }

// Reorder is the buffer that puts RTP packets in order.
type Reorder struct{ r reorder }

func (r *Reorder) Push(sequence uint16, media []byte, now time.Time) bool {
	return r.r.push(sequence, media, now)
}
func (r *Reorder) Pop(now time.Time) ([]byte, bool) { return r.r.pop(now) }

// TestRTP is an RTP input without a socket.
type TestRTP struct{ in rtpInput }

func NewTestRTP() *TestRTP                            { return new(TestRTP) }
func (r *TestRTP) Take(datagram []byte, at time.Time) { r.in.take(datagram, at) }
func (r *TestRTP) Pop(now time.Time) ([]byte, bool)   { return r.in.order.pop(now) }

// SendOn makes what conn sends to groups leave by an interface, and come back.
func SendOn(conn *net.UDPConn, iface string) error {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return err
	}
	p := ipv4.NewPacketConn(conn)
	if err := p.SetMulticastInterface(i); err != nil {
		return err
	}
	return p.SetMulticastLoopback(true)
}
