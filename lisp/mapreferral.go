package lisp

import (
	"encoding/binary"
	"fmt"
)

// The actions of a Map-Referral record, RFC 8111 §6.1.
const (
	ReferralNode             Action = 0 // NODE-REFERRAL
	ReferralMapServer        Action = 1 // MS-REFERRAL
	ReferralMapServerAck     Action = 2 // MS-ACK
	ReferralNotRegistered    Action = 3 // MS-NOT-REGISTERED
	ReferralDelegationHole   Action = 4 // DELEGATION-HOLE
	ReferralNotAuthoritative Action = 5 // NOT-AUTHORITATIVE
)

// MapReferral answers a DDT Map-Request, RFC 8111 §6.4:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+---------------------------------------+---------------+
//	|Type=6 |                Reserved               | Record Count  |
//	+-------+---------------------------------------+---------------+
//	|                         Nonce . . .                           |
//	|                         . . . Nonce                           |
//	+---------------------------------------------------------------+
//	|                       Records  . . .                          |
//	+---------------------------------------------------------------+
type MapReferral struct {
	Nonce   uint64
	Records []ReferralRecord
}

// ReferralRecord is a record of a Map-Referral: a Record whose Action is one of
// the Referral constants and whose locators are DDT nodes, with two more fields
// in bits that other records reserve:
//
//	+---------------+---------------+-----+-+-+---------------------+
//	| Referral Count| EID mask-len  | ACT |A|I|     Reserved        |
//	+-------+-------+---------------+-----+-+-+---------------------+
//	|SigCnt |   Map Version Number  |            EID-AFI            |
//	+-------+-----------------------+-------------------------------+
type ReferralRecord struct {
	Record
	Incomplete bool        // I: do not cache
	Signatures []Signature // at most 15
}

// Signature is a signature section of a referral record, RFC 8111 §6.4.1:
//
//	+---------------------------------------------------------------+
//	|                      Original Record TTL                      |
//	+---------------------------------------------------------------+
//	|                      Signature Expiration                     |
//	+---------------------------------------------------------------+
//	|                      Signature Inception                      |
//	+-------------------------------+-------------------------------+
//	|            Key Tag            |           Sig Length          |
//	+---------------+---------------+-------------------------------+
//	| Sig-Algorithm |    Reserved   |            Reserved           |
//	+---------------+---------------+-------------------------------+
//	~                             Signature                         ~
//	+---------------------------------------------------------------+
type Signature struct {
	OriginalTTL           uint32 // minutes
	Expiration, Inception uint32 // seconds since 1970
	KeyTag                uint16
	Algorithm             uint8  // 2: RSA-SHA256
	Data                  []byte // decoded, it aliases the packet
}

const (
	signatureHeaderSize = 20
	maxSignatures       = 15
)

// Decode reads a whole Map-Referral. It reuses the slices of m and aliases
// packet (see Address); after an error the content of m is meaningless.
func (m *MapReferral) Decode(packet []byte) error {
	c := cursor{rest: packet}
	head := c.message(TypeMapReferral, 12)
	*m = MapReferral{Records: m.Records[:0]}
	if head == nil {
		return c.end(TypeMapReferral)
	}
	m.Nonce = binary.BigEndian.Uint64(head[4:])
	for range head[3] {
		if c.err != nil {
			break
		}
		next(&m.Records).decode(&c)
	}
	return c.end(TypeMapReferral)
}

// Append appends the message to dst.
func (m *MapReferral) Append(dst []byte) ([]byte, error) {
	if err := checkCount(TypeMapReferral, "records", len(m.Records), 0, 255); err != nil {
		return dst, err
	}
	out := append(dst, byte(TypeMapReferral)<<4, 0, 0, byte(len(m.Records)))
	out = binary.BigEndian.AppendUint64(out, m.Nonce)
	var err error
	for i := 0; err == nil && i < len(m.Records); i++ {
		out, err = m.Records[i].append(out)
	}
	if err != nil {
		return dst, fmt.Errorf("%s: %w", TypeMapReferral, err)
	}
	return out, nil
}

func (r *ReferralRecord) decode(c *cursor) {
	r.Signatures = r.Signatures[:0]
	flags, signatures := r.Record.decode(c)
	r.Incomplete = flags&flagIncomplete != 0
	for range signatures {
		if c.err != nil {
			break
		}
		next(&r.Signatures).decode(c)
	}
}

func (r *ReferralRecord) append(dst []byte) ([]byte, error) {
	if len(r.Signatures) > maxSignatures {
		return dst, fmt.Errorf("%w: %d signatures, want at most %d", ErrValue, len(r.Signatures), maxSignatures)
	}
	var flags uint16
	if r.Incomplete {
		flags = flagIncomplete
	}
	dst, err := r.Record.append(dst, flags, uint8(len(r.Signatures)))
	for i := 0; err == nil && i < len(r.Signatures); i++ {
		dst, err = r.Signatures[i].append(dst)
	}
	return dst, err
}

func (s *Signature) decode(c *cursor) {
	*s = Signature{}
	head := c.take(signatureHeaderSize, "signature section")
	if head == nil {
		return
	}
	s.OriginalTTL = binary.BigEndian.Uint32(head)
	s.Expiration, s.Inception = binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[8:])
	s.KeyTag = binary.BigEndian.Uint16(head[12:])
	s.Algorithm = head[16]
	s.Data = c.take(int(binary.BigEndian.Uint16(head[14:])), "signature")
}

func (s *Signature) append(dst []byte) ([]byte, error) {
	if len(s.Data) > 0xffff {
		return dst, fmt.Errorf("%w: signature of %d bytes", ErrValue, len(s.Data))
	}
	dst = binary.BigEndian.AppendUint32(dst, s.OriginalTTL)
	dst = binary.BigEndian.AppendUint32(dst, s.Expiration)
	dst = binary.BigEndian.AppendUint32(dst, s.Inception)
	dst = binary.BigEndian.AppendUint16(dst, s.KeyTag)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s.Data)))
	return append(append(dst, s.Algorithm, 0, 0, 0), s.Data...), nil
}
