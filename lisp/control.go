package lisp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ControlPort is the UDP port of LISP control messages.
const ControlPort = 4342

// Type is the type of a LISP control message, the first 4 bits of it.
type Type uint8

// The types of RFC 9301 §5.1, of RFC 8111 (Map-Referral) and of the NAT
// traversal draft (Info-Request and Info-Reply).
const (
	TypeMapRequest   Type = 1
	TypeMapReply     Type = 2
	TypeMapRegister  Type = 3
	TypeMapNotify    Type = 4
	TypeMapNotifyAck Type = 5
	TypeMapReferral  Type = 6
	TypeInfo         Type = 7
	TypeECM          Type = 8
)

// String returns the name the RFCs give to the type.
func (t Type) String() string {
	switch t {
	case TypeMapRequest:
		return "Map-Request"
	case TypeMapReply:
		return "Map-Reply"
	case TypeMapRegister:
		return "Map-Register"
	case TypeMapNotify:
		return "Map-Notify"
	case TypeMapNotifyAck:
		return "Map-Notify-Ack"
	case TypeMapReferral:
		return "Map-Referral"
	case TypeInfo:
		return "Info-Request/Reply"
	case TypeECM:
		return "Encapsulated Control Message"
	}
	return fmt.Sprintf("LISP type %d", uint8(t))
}

// PeekType returns the type of a control message without decoding it, and the
// reserved type 0 when there is no byte to tell it from.
func PeekType(packet []byte) Type {
	if len(packet) == 0 {
		return 0
	}
	return Type(packet[0] >> 4)
}

// Why a control message is refused. ErrTruncated is one more reason.
var (
	// ErrType: a message of another type than the one it is decoded as.
	ErrType = errors.New("wrong LISP message type")
	// ErrTrailing: bytes after the end of the message.
	ErrTrailing = errors.New("bytes after the end of the LISP message")
	// ErrCount: a count that the message cannot have.
	ErrCount = errors.New("wrong count in LISP message")
	// ErrMaskLen: a mask length that the address family does not have.
	ErrMaskLen = errors.New("wrong EID mask length")
	// ErrAFI: an address family whose length nobody can know, so that
	// nothing after it can be read.
	ErrAFI = errors.New("unknown address family")
	// ErrLCAF: a LISP canonical address (RFC 8060) with contradictory lengths
	// or values.
	ErrLCAF = errors.New("wrong LISP canonical address")
	// ErrSecurity: LISP-SEC authentication data that is not RFC 9303's.
	ErrSecurity = errors.New("wrong LISP-SEC authentication data")
	// ErrValue: a field that does not fit its place (encoding only).
	ErrValue = errors.New("value does not fit the LISP message")
)

// cursor reads a packet from its front. Its first failure stays in err; from
// then on it has nothing left and reads zeros, so that a decoder may check
// once at the end, and must check in every loop.
type cursor struct {
	rest []byte
	err  error
}

// take returns the next n bytes, or nil when there are fewer.
func (c *cursor) take(n int, what string) []byte {
	if n > len(c.rest) {
		if c.err == nil {
			c.fail(fmt.Errorf("%w: %s of %d bytes, %d left", ErrTruncated, what, n, len(c.rest)))
		}
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) uint16(what string) uint16 {
	if b := c.take(2, what); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32(what string) uint32 {
	if b := c.take(4, what); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.rest = nil
}

// message starts to read a control message and returns its fixed header, or
// nil.
func (c *cursor) message(t Type, size int) []byte {
	head := c.take(size, "header")
	if head != nil && PeekType(head) != t {
		c.fail(fmt.Errorf("%w: %s", ErrType, PeekType(head)))
		return nil
	}
	return head
}

// end returns what went wrong in a message, or that it does not end here.
func (c *cursor) end(t Type) error {
	if c.err == nil && len(c.rest) > 0 {
		c.err = fmt.Errorf("%w: %d", ErrTrailing, len(c.rest))
	}
	if c.err != nil {
		return fmt.Errorf("%s: %w", t, c.err)
	}
	return nil
}

// next lengthens s by one element and returns it. The element still holds what
// an earlier use left there: its slices are there to be used again.
func next[T any](s *[]T) *T {
	if len(*s) < cap(*s) {
		*s = (*s)[:len(*s)+1]
	} else {
		var zero T
		*s = append(*s, zero)
	}
	return &(*s)[len(*s)-1]
}

// bit returns mask if set, for flag bytes.
func bit(set bool, mask byte) byte {
	if set {
		return mask
	}
	return 0
}

// checkCount checks a count before it is written in one byte.
func checkCount(t Type, what string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%s: %w: %d %s, want %d to %d", t, ErrValue, n, what, least, most)
	}
	return nil
}
