package lisp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
	"sync"
)

// Key is a pre-shared secret with its hash states ready: signing and verifying
// a message allocates nothing and costs what hashing it costs. Any number of
// goroutines may use one Key at once.
type Key struct {
	secret []byte
	// Each pool holds *macState, keyed with the secret; derived holds
	// *derivation. They grow to as many as are used at once.
	sha1, sha256, derived sync.Pool
}

// NewKey returns the key of a secret.
func NewKey(secret []byte) *Key {
	k := &Key{secret: slices.Clone(secret)}
	k.sha1.New = func() any { return &macState{Hash: hmac.New(sha1.New, k.secret)} }
	k.sha256.New = func() any { return &macState{Hash: hmac.New(sha256.New, k.secret)} }
	k.derived.New = func() any { return newDerivation(k.secret) }
	return k
}

// Sign writes the authentication data of a message that Append made, in place:
// as its algorithm id and its length say. The HMAC is over the whole message,
// xTR-ID and Site-ID included.
func (k *Key) Sign(packet []byte) error {
	var sum [sha256.Size]byte
	data, err := k.sum(packet, &sum)
	if err != nil {
		return err
	}
	copy(data, sum[:])
	return nil
}

// Verify checks the authentication data of a received message in constant time,
// at its full length or truncated. It does not change the message. ErrAuth says
// that the data does not match; ErrAlgorithm, ErrAuthLength, ErrType and
// ErrTruncated that there is nothing to compare.
func (k *Key) Verify(packet []byte) error {
	var sum [sha256.Size]byte
	data, err := k.sum(packet, &sum)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(data, sum[:len(data)]) != 1 {
		return ErrAuth
	}
	return nil
}

// sum computes the HMAC of a message with its authentication data as zeros, and
// returns where that data is.
func (k *Key) sum(packet []byte, sum *[sha256.Size]byte) (data []byte, err error) {
	algorithm, data, err := authField(packet)
	if err != nil {
		return nil, err
	}
	rest := packet[authOffset+len(data):]
	switch algorithm {
	case AlgorithmSHA1:
		s := k.sha1.Get().(*macState)
		s.sum(packet[:authOffset], len(data), rest, sum)
		k.sha1.Put(s)
	case AlgorithmSHA256:
		s := k.sha256.Get().(*macState)
		s.sum(packet[:authOffset], len(data), rest, sum)
		k.sha256.Put(s)
	case AlgorithmSHA256HKDF:
		purpose, err := purposeOf(PeekType(packet))
		if err != nil {
			return nil, err
		}
		d := k.derived.Get().(*derivation)
		d.rekey(purpose, packet[4:12])
		d.mac.sum(packet[:authOffset], len(data), rest, sum)
		k.derived.Put(d)
	}
	return data, nil
}

// authField finds the authentication data of a message and checks its length.
func authField(packet []byte) (Algorithm, []byte, error) {
	if len(packet) < authOffset {
		return 0, nil, fmt.Errorf("%w: %d bytes, want %d up to the authentication data", ErrTruncated, len(packet), authOffset)
	}
	switch t := PeekType(packet); t {
	case TypeMapRegister, TypeMapNotify, TypeMapNotifyAck, TypeInfo:
	default:
		return 0, nil, fmt.Errorf("%w: a %s carries no authentication data", ErrType, t)
	}
	algorithm, size := Algorithm(packet[13]), int(binary.BigEndian.Uint16(packet[14:]))
	switch {
	case algorithm.Size() == 0:
		return 0, nil, fmt.Errorf("%w: id %d", ErrAlgorithm, algorithm)
	case size != algorithm.Size() && size != algorithm.TruncatedSize():
		return 0, nil, fmt.Errorf("%w: %d bytes, algorithm %d has %d or %d",
			ErrAuthLength, size, algorithm, algorithm.Size(), algorithm.TruncatedSize())
	case len(packet) < authOffset+size:
		return 0, nil, fmt.Errorf("%w: %d bytes of authentication data, want %d", ErrTruncated, len(packet)-authOffset, size)
	}
	return algorithm, packet[authOffset : authOffset+size], nil
}

// macState is a keyed HMAC, with what would otherwise be allocated for each
// message.
type macState struct {
	hash.Hash
	zeros  [sha256.Size]byte // stand for the authentication data
	result [sha256.Size]byte
}

func (s *macState) sum(head []byte, zeros int, rest []byte, out *[sha256.Size]byte) {
	s.Reset()
	s.Write(head)
	s.Write(s.zeros[:zeros])
	s.Write(rest)
	copy(out[:], s.Sum(s.result[:0]))
}
