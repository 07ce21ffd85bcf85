// Package port says what a switch port is: a thing that moves whole Ethernet
// frames in and out, in batches, without allocating.
//
// The softswitch, the test hosts of bmv2test and the demo all speak through
// this one interface, so that a frame takes the same path in memory and on a
// Linux interface. Implementations: softswitch/link (in memory) and
// softswitch/afpacket (Linux interfaces).
package port

// MaxFrame is the largest frame, in bytes and without FCS, that a port must
// be able to carry: an Ethernet header, LISP over IPv6 and the largest
// CoreCast-sized inner packet fit with room to spare.
const MaxFrame = 2048

// A Port moves whole Ethernet frames (no FCS). Recv may be called by one
// goroutine at a time and Send by one goroutine at a time; the two may run at
// once. Close may be called at any time, more than once, and ends both.
type Port interface {
	// Recv waits for at least one frame, then fills as many of frames as it
	// can without waiting again, in order of arrival. The caller owns the
	// buffers: each frames[i] must have capacity MaxFrame and is resliced to
	// the frame's length. It returns net.ErrClosed once the port is closed.
	Recv(frames [][]byte) (int, error)

	// Send transmits frames in order and returns how many left; it keeps no
	// reference to them. What "cannot leave" means is the port's own: an
	// in-memory link waits for room, a Linux port drops and counts. It
	// returns net.ErrClosed once the port is closed.
	Send(frames [][]byte) (int, error)

	// Stats returns the port's counters so far.
	Stats() Stats

	Close() error
}

// Stats counts what passed through a port since it was opened.
type Stats struct {
	RxFrames, RxBytes uint64
	TxFrames, TxBytes uint64
	// RxDropped counts frames that arrived and could not be kept (too long,
	// or lost in the kernel's ring); TxDropped those that could not leave.
	RxDropped, TxDropped uint64
}
