// Package afpacket makes a switch port of a Linux network interface, by
// AF_PACKET raw sockets.
//
// It promises the frames as they were on the wire: 802.1Q tags that the
// kernel took off are put back, checksums that the sender left to its
// hardware are completed, super-frames (segmentation-offload bursts, which a
// veth pair and a card with GRO hand over as one frame) are split into the
// frames that they stand for, and frames this port itself sent are not heard
// again. So offloads may stay on, on either side, for any switch whose ports
// these are. Stock bmv2 does none of this: for its interfaces, before it
// attaches, ethtool -K IF gro off gso off tso off, and ip link set IF
// gso_max_segs 1 where a program sends with UDP_SEGMENT through a veth pair.
//
// Split are UDP and TCP right behind an IPv4 or IPv6 header. Everything else
// that is no frame of a wire, or is longer than port.MaxFrame, is dropped and
// counted, never cut short; a super-frame that cannot be split (other
// protocols, extension headers, tunnels, frames in it longer than
// port.MaxFrame as of jumbo MTUs, headers that contradict each other, over
// 64 KB) counts once.
//
// Frames move in batches, by recvmmsg and sendmmsg, straight between the
// kernel and the caller's buffers; only super-frames, and what arrives behind
// one in the same batch, are copied. A mapped ring (TPACKET_V3) costs the same
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
