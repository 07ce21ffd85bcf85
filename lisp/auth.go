package lisp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Algorithm identifies how a message is authenticated, RFC 9301 §12.5.
type Algorithm uint8

// The algorithms of RFC 9301 §12.5.
const (
	AlgorithmNone       Algorithm = 0
	AlgorithmSHA1       Algorithm = 1 // HMAC-SHA-1-96
	AlgorithmSHA256     Algorithm = 2 // HMAC-SHA-256-128
	AlgorithmSHA256HKDF Algorithm = 3 // HMAC-SHA256-128 with a key of HKDF-SHA256 per message
)

// Why a message is not authentic.
var (
	// ErrAuth: the authentication data is not what the key makes of the
	// message. Verify returns it as it is, so that forged messages cost no
	// memory.
	ErrAuth = errors.New("authentication data does not match")
	// ErrAlgorithm: an algorithm id that this package does not know.
	ErrAlgorithm = errors.New("unknown authentication algorithm")
	// ErrAuthLength: authentication data of a length that its algorithm does
	// not have.
	ErrAuthLength = errors.New("wrong length of authentication data")
)

// Auth is the authentication of a Map-Register, Map-Notify, Map-Notify-Ack or
// Info message.
type Auth struct {
	KeyID     uint8
	Algorithm Algorithm
	// Data is the HMAC; decoded, it aliases the packet. To be signed, a message
	// is appended with Data nil for the algorithm's full length, or with any
	// bytes of the length that it shall have: those of the message it answers.
	Data []byte
}

// authOffset is where authentication data starts in all messages that have it.
const authOffset = 16

// Size returns the full length of the algorithm's authentication data, which is
// what most implementations send.
func (a Algorithm) Size() int {
	switch a {
	case AlgorithmSHA1:
		return 20
	case AlgorithmSHA256, AlgorithmSHA256HKDF:
		return 32
	}
	return 0
}

// TruncatedSize returns the length that the algorithm's name asks for: 96 or
// 128 bits.
func (a Algorithm) TruncatedSize() int {
	switch a {
	case AlgorithmSHA1:
		return 12
	case AlgorithmSHA256, AlgorithmSHA256HKDF:
		return 16
	}
	return 0
}

func (a *Auth) decode(c *cursor) {
	*a = Auth{}
	head := c.take(4, "authentication header")
	if head == nil {
		return
	}
	a.KeyID, a.Algorithm = head[0], Algorithm(head[1])
	a.Data = c.take(int(binary.BigEndian.Uint16(head[2:])), "authentication data")
}

func (a *Auth) append(dst []byte) ([]byte, error) {
	size := len(a.Data)
	if a.Data == nil {
		size = a.Algorithm.Size()
	}
	if size > 0xffff {
		return dst, fmt.Errorf("%w: %d bytes of authentication data", ErrValue, size)
	}
	dst = binary.BigEndian.AppendUint16(append(dst, a.KeyID, byte(a.Algorithm)), uint16(size))
	if a.Data != nil {
		return append(dst, a.Data...), nil
	}
	var zero [32]byte
	return append(dst, zero[:size]...), nil
}
