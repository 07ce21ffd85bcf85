// Package afpacket makes a switch port of a Linux network interface, by
// AF_PACKET raw sockets.
//
// It promises the frames as they were on the wire: 802.1Q tags that the
// kernel took off are put back, checksums that the sender left to its
// hardware are completed, and frames this port itself sent are not heard
// again. What cannot be a frame on the wire (a segmentation-offload burst, or
// anything longer than port.MaxFrame) is dropped and counted, never cut
// short; switch such offloads off on the interface (ethtool -K IF gro off gso
// off tso off), and on the sender's side too where it is a veth pair.
//
// Frames move in batches, by recvmmsg and sendmmsg, straight between the
// kernel and the caller's buffers. A mapped ring (TPACKET_V3) costs the same
// per frame here, but holds frames back until a block is full or its timer,
// a millisecond or more, has run out.
//
// Opening a port needs CAP_NET_RAW.
package afpacket

// DefaultSocketBuffer is the size, in bytes, asked for the kernel's receive
// and send buffers unless told.
const DefaultSocketBuffer = 8 << 20

// Options shape a port. The zero value opens an interface of the caller's own
// network namespace.
type Options struct {
	// NetNS is the path of the network namespace the interface is in, such as
	// /run/netns/NAME or /proc/PID/ns/net. Empty: the caller's own. Only the
	// sockets are made there; the caller's threads stay where they are.
	NetNS string
	// SocketBuffer is the size of the kernel's buffers in bytes, each way;
	// zero means DefaultSocketBuffer.
	SocketBuffer int
}
