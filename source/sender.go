package source

import (
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/gso"
)

// ErrTooLong: a packet is longer than the path takes.
var ErrTooLong = gso.ErrTooLong

// Sender takes a channel's CoreCast packets on their way to the ITR. It is the
// one thing that differs between a source in a test network, which makes
// Ethernet frames, and one on a host, which has sockets.
type Sender interface {
	// Headroom is how many bytes the sender wants in front of each packet for
	// headers of its own.
	Headroom() int
	// Send transmits packets in order and returns how many left. Each begins
	// with Headroom bytes that Send may write to, then comes the CoreCast
	// packet. It keeps no reference to them. An error ends the channel; a
	// packet that was merely lost is none. ErrTooLong for a payload packet
	// makes the channel go on with smaller ones.
	Send(packets [][]byte) (int, error)
}

// BatchSender is a Sender that reaches viewers without an ITR's help. Any other
// one loses what is for viewers served by unicast.
type BatchSender interface {
	Sender
	// SendBatch is Send for the packets of a batch, and sends the media itself
	// to the batch's viewers by unicast. It returns how many of both left, and
	// keeps no reference to any. What a single viewer's path does not take is
	// lost, and no error.
	SendBatch(b *dstlist.Batch, media []byte) (int, error)
}

// pathSender is a Sender that knows its path.
type pathSender interface {
	// PathMTU returns the longest IP packet that the path takes, as far as is
	// known; 0 for unknown.
	PathMTU() int
}
