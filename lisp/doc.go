// Package lisp is the codec for LISP: the data plane of RFC 9300. One message
// per file; control messages (RFC 9301) get files of their own.
//
// It promises that encoding appends to the caller's buffer and decoding
// aliases it, so that neither allocates (errors do); that every length is
// checked before it is used; that every field is overwritten on decode; and
// that a refusal wraps one of the Err values below with the value found.
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
