package wire

import "errors"

// Why a packet is refused. Every error of this package wraps one of these
// with the value that was found.
var (
	// ErrTruncated: the packet ends before what its header announces.
	ErrTruncated = errors.New("truncated CoreCast packet")
	// ErrVersion: not version 1; the rest of the packet cannot be read.
	ErrVersion = errors.New("unknown CoreCast version")
	// ErrType: no packet type of version 1, or not the type asked for.
	ErrType = errors.New("wrong CoreCast packet type")
	// ErrCount: a PAYLOAD with entries, or a HEADER without or with too many.
	ErrCount = errors.New("wrong number of viewer entries")
	// ErrLength: a payload length that no payload has, or bytes after the
	// end of the packet.
	ErrLength = errors.New("wrong length")
	// ErrHash: the media is not what the header says it is.
	ErrHash = errors.New("payload hash does not match")
	// ErrViewer: a viewer EID of the wrong address family (encoding only).
	ErrViewer = errors.New("viewer EID of the wrong family")
)
