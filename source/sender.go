package source

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
	// packet that was merely lost is none.
	Send(packets [][]byte) (int, error)
}
