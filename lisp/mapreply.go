package lisp

import (
	"encoding/binary"
	"fmt"
)

// MapReply answers a Map-Request, RFC 9301 §5.4:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-+-+-+---------------------------------+---------------+
//	|Type=2 |P|E|S|          Reserved               | Record Count  |
//	+-------+-+-+-+---------------------------------+---------------+
//	|                         Nonce . . .                           |
//	|                         . . . Nonce                           |
//	+---------------------------------------------------------------+
//	|                       Records  . . .                          |
//	+---------------+-----------------------------------------------+
//	|    AD Type    |   Authentication Data Content . . ., with S   |
//	+---------------+-----------------------------------------------+
type MapReply struct {
	Probe     bool // P: answers an RLOC-probe
	EchoNonce bool // E: the site supports echo-nonce
	Security  bool // S: Auth is there
	Nonce     uint64
	Records   []Record
	Auth      []byte // LISP-SEC authentication data (RFC 9303 §6.2), not looked into
}

// Decode reads a whole Map-Reply. It reuses the slices of m and aliases packet
// (see Address); after an error the content of m is meaningless.
func (m *MapReply) Decode(packet []byte) error {
	c := cursor{rest: packet}
	head := c.message(TypeMapReply, 12)
	*m = MapReply{Records: m.Records[:0]}
	if head == nil {
		return c.end(TypeMapReply)
	}
	m.Probe, m.EchoNonce, m.Security = head[0]&8 != 0, head[0]&4 != 0, head[0]&2 != 0
	m.Nonce = binary.BigEndian.Uint64(head[4:])
	decodeRecords(&c, &m.Records, head[3])
	if m.Security {
		m.Auth = c.take(len(c.rest), "authentication data")
	}
	return c.end(TypeMapReply)
}

// Append appends the message to dst.
func (m *MapReply) Append(dst []byte) ([]byte, error) {
	if err := checkCount(TypeMapReply, "records", len(m.Records), 0, 255); err != nil {
		return dst, err
	}
	if !m.Security && len(m.Auth) > 0 {
		return dst, fmt.Errorf("%s: %w: authentication data without the S bit", TypeMapReply, ErrValue)
	}
	out, err := appendRecords(m.AppendHeader(dst, len(m.Records)), m.Records)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", TypeMapReply, err)
	}
	return append(out, m.Auth...), nil
}

// AppendHeader appends the message up to its records: all of a Map-Reply for
// those who keep their records encoded. records is at most 255.
func (m *MapReply) AppendHeader(dst []byte, records int) []byte {
	dst = append(dst,
		byte(TypeMapReply)<<4|bit(m.Probe, 8)|bit(m.EchoNonce, 4)|bit(m.Security, 2), 0, 0, byte(records))
	return binary.BigEndian.AppendUint64(dst, m.Nonce)
}

func decodeRecords(c *cursor, records *[]Record, count byte) {
	for range count {
		if c.err != nil {
			break
		}
		next(records).decode(c)
	}
}

func appendRecords(dst []byte, records []Record) ([]byte, error) {
	var err error
	for i := 0; err == nil && i < len(records); i++ {
		dst, err = records[i].Append(dst)
	}
	return dst, err
}
