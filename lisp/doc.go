// Package lisp is the codec for LISP: the data plane of RFC 9300 and the control
// messages of RFC 9301, 8111 (Map-Referral), 9437 (PubSub) and 8060 (LCAF). One
// message per file. It also authenticates control messages (Key).
//
// It promises that encoding appends to the caller's buffer and decoding
// aliases it and reuses the message's own slices, so that neither allocates
// (errors and unusually long messages do); that every length is checked before
// it is used; that every field is overwritten on decode; and that a refusal
// wraps one of the Err values with the value found. What decoded encodes to a
// message that decodes to the same.
package lisp

import "errors"

// DataPort is the UDP destination port of encapsulated data packets.
const DataPort = 4341

// Why a packet is refused.
var (
	// ErrTruncated: the packet ends before what its headers announce.
	ErrTruncated = errors.New("truncated LISP packet")
	// ErrOuter: not a packet that a LISP tunnel could have sent to us.
	ErrOuter = errors.New("not LISP-encapsulated")
	// ErrInner: the encapsulated bytes are not one IP packet.
	ErrInner = errors.New("wrong inner packet")
	// ErrEncrypted: the KK bits are set (RFC 8061), which we cannot read.
	ErrEncrypted = errors.New("encrypted LISP packet")
	// ErrCongestion: congestion was experienced in the tunnel by a packet
	// whose sender cannot be told (RFC 6040 §4.2): it must be dropped.
	ErrCongestion = errors.New("congestion mark on a packet that is not ECN-capable")
	// ErrHeader: header fields that contradict each other (encoding only).
	ErrHeader = errors.New("contradictory LISP header")
	// ErrLocator: outer addresses that cannot be in one packet.
	ErrLocator = errors.New("wrong RLOC pair")
)
