// Package gso sends many datagrams over one UDP socket in as few system calls as
// the kernel allows: to its peer, or each to a destination of its own.
//
// It owns how: on Linux with generic segmentation offload (UDP_SEGMENT: one
// message of the kernel carries up to 64 or 128 datagrams of one size, the last
// may be shorter) and sendmmsg, which takes many messages at once; on older
// kernels sendmmsg alone; elsewhere a write for each datagram. Which of them is
// found out by trying. A kernel or device that refuses segmentation later on is
// asked no more.
//
// Some interfaces hand segmented messages on as one packet: veth pairs do, to
// whoever reads packets at the other end, such as a software switch. Nobody can
// see that from here; NewWithLimit does without, and so does
// `ethtool -K IF tx-udp-segmentation off`.
//
// It promises that
//   - datagrams leave in the order given, cut as given;
//   - a socket whose buffer is full is waited for, while what the network
//     refuses (no buffer, nobody there) is counted as lost and the rest goes on;
//     what has a destination of its own is lost alone, whatever is wrong with it;
//   - sending allocates nothing.
package gso

import "errors"

// ErrTooLong: a datagram is longer than the path takes. It and those behind it
// were not sent.
var ErrTooLong = errors.New("longer than the path's MTU")

// Datagram is one datagram: Head and behind it Tail, which many may share.
type Datagram struct {
	To         *Address // nil is the peer that the socket is connected to
	Head, Tail []byte
}
