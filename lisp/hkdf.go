package lisp

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
)

// purpose is the salt that ties a derived key to one message type.
type purpose int

const (
	purposeRegister purpose = iota
	purposeNotify
	purposeNotifyAck
	purposes
)

// salts are the strings of RFC 9301 §5.6, step 4.
func (p purpose) salt() string {
	return [purposes]string{
		"Map-Register Authentication",
		"Map-Notify Authentication",
		"Map-Notify-Ack Authentication",
	}[p]
}

func purposeOf(t Type) (purpose, error) {
	switch t {
	case TypeMapRegister:
		return purposeRegister, nil
	case TypeMapNotify:
		return purposeNotify, nil
	case TypeMapNotifyAck:
		return purposeNotifyAck, nil
	}
	return 0, fmt.Errorf("%w: id %d is not defined for a %s", ErrAlgorithm, AlgorithmSHA256HKDF, t)
}

// derivation makes the per-message keys of AlgorithmSHA256HKDF, RFC 9301 §5.6:
//
//	per-msg-key = KDF(nonce + PSK, s)
//
// with HKDF-SHA256 (RFC 5869): the input keying material is the nonce and the
// secret, s is the salt, info is empty, and the key has the 32 bytes that RFC
// 4868 wants for HMAC-SHA-256-128. RFC 9301 names neither info nor length.
type derivation struct {
	extract [purposes]hash.Hash // HMACs keyed with the salts
	input   []byte              // 8 bytes for the nonce, then the secret
	key     [sha256.Size]byte
	one     [1]byte
	expand  *rekeyedMAC
	keyed   *rekeyedMAC
	mac     macState // on keyed
}

func newDerivation(secret []byte) *derivation {
	d := &derivation{
		input:  append(make([]byte, 8), secret...),
		one:    [1]byte{1},
		expand: newRekeyedMAC(),
		keyed:  newRekeyedMAC(),
	}
	for p := range purposes {
		d.extract[p] = hmac.New(sha256.New, []byte(p.salt()))
	}
	d.mac.Hash = d.keyed
	return d
}

// rekey keys d.mac for a message of this nonce.
func (d *derivation) rekey(p purpose, nonce []byte) {
	copy(d.input, nonce)
	extract := d.extract[p]
	extract.Reset()
	extract.Write(d.input)
	d.expand.setKey(extract.Sum(d.key[:0]))
	d.expand.Reset()
	d.expand.Write(d.one[:]) // T(1) = HMAC(PRK, info | 1), with no info
	d.keyed.setKey(d.expand.Sum(d.key[:0]))
}

// rekeyedMAC is HMAC-SHA-256 (RFC 2104) whose key can be replaced without
// allocating, which crypto/hmac cannot do.
type rekeyedMAC struct {
	hash.Hash // inner
	outer     hash.Hash
	pad       [sha256.BlockSize]byte // of the inner hash
	sum       [sha256.Size]byte
}

func newRekeyedMAC() *rekeyedMAC {
	return &rekeyedMAC{Hash: sha256.New(), outer: sha256.New()}
}

// setKey sets a key of at most a block. The next message starts with Reset.
func (m *rekeyedMAC) setKey(key []byte) {
	clear(m.pad[copy(m.pad[:], key):])
	for i := range m.pad {
		m.pad[i] ^= 0x36
	}
}

// Reset starts a new message with the same key.
func (m *rekeyedMAC) Reset() {
	m.Hash.Reset()
	m.Hash.Write(m.pad[:])
}

// Sum appends the HMAC to b. It ends the message.
func (m *rekeyedMAC) Sum(b []byte) []byte {
	inner := m.Hash.Sum(m.sum[:0])
	for i := range m.pad {
		m.pad[i] ^= 0x36 ^ 0x5c
	}
	m.outer.Reset()
	m.outer.Write(m.pad[:])
	for i := range m.pad {
		m.pad[i] ^= 0x36 ^ 0x5c
	}
	m.outer.Write(inner)
	return m.outer.Sum(b)
}
