package lisp

import (
	"encoding/binary"
	"fmt"
)

// MapNotify acknowledges a Map-Register, or tells a subscriber that a mapping
// changed. RFC 9301 §5.7:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-+-------------------------------------+---------------+
//	|Type=4 |I|          Reserved                   | Record Count  |
//	+-------+-+-------------------------------------+---------------+
//	|                         Nonce . . .                           |
//	|                         . . . Nonce                           |
//	+---------------+---------------+-------------------------------+
//	|    Key ID     | Algorithm ID  |  Authentication Data Length   |
//	+---------------+---------------+-------------------------------+
//	~                     Authentication Data                       ~
//	+---------------------------------------------------------------+
//	|                       Records  . . .                          |
//	+---------------------------------------------------------------+
//	|        xTR-ID (16 bytes), Site-ID (8 bytes), with I           |
//	+---------------------------------------------------------------+
//
// RFC 9301 says that the fields of a Map-Register are copied, xTR-ID included,
// and leaves open which bit tells that it is there; the I bit is where the NAT
// traversal draft has it.
type MapNotify struct {
	Nonce   uint64
	Auth    Auth
	Records []Record
	HasXTR  bool // I: XTR is there
	XTR     XTR

	// Encoded holds the records as they were received; it aliases the packet.
	// Append ignores it.
	Encoded []byte
}

// MapNotifyAck acknowledges a Map-Notify that was not itself an
// acknowledgment, RFC 9301 §5.7. It has the format of the Map-Notify, with
// type 5, and converts to it.
type MapNotifyAck MapNotify

// Decode reads a whole Map-Notify. It does not verify it: that is Key.Verify.
// It reuses the slices of m and aliases packet (see Address); after an error
// the content of m is meaningless.
func (m *MapNotify) Decode(packet []byte) error { return m.decode(packet, TypeMapNotify) }

// Append appends the message to dst, for Key.Sign to complete.
func (m *MapNotify) Append(dst []byte) ([]byte, error) { return m.append(dst, TypeMapNotify) }

// Decode reads a whole Map-Notify-Ack, like MapNotify.Decode.
func (m *MapNotifyAck) Decode(packet []byte) error {
	return (*MapNotify)(m).decode(packet, TypeMapNotifyAck)
}

// Append appends the message to dst, for Key.Sign to complete.
func (m *MapNotifyAck) Append(dst []byte) ([]byte, error) {
	return (*MapNotify)(m).append(dst, TypeMapNotifyAck)
}

func (m *MapNotify) decode(packet []byte, t Type) error {
	c := cursor{rest: packet}
	head := c.message(t, 12)
	*m = MapNotify{Records: m.Records[:0]}
	if head == nil {
		return c.end(t)
	}
	m.HasXTR = head[0]&8 != 0
	m.Nonce = binary.BigEndian.Uint64(head[4:])
	m.Auth.decode(&c)
	start := c.rest
	decodeRecords(&c, &m.Records, head[3])
	m.Encoded = start[:len(start)-len(c.rest)]
	if m.HasXTR {
		m.XTR.decode(&c)
	}
	return c.end(t)
}

func (m *MapNotify) append(dst []byte, t Type) ([]byte, error) {
	if err := checkCount(t, "records", len(m.Records), 0, 255); err != nil {
		return dst, err
	}
	out, err := m.appendHeader(dst, t, len(m.Records))
	if err == nil {
		out, err = appendRecords(out, m.Records)
	}
	if err != nil {
		return dst, fmt.Errorf("%s: %w", t, err)
	}
	if m.HasXTR {
		out = m.XTR.append(out)
	}
	return out, nil
}

func (m *MapNotify) appendHeader(dst []byte, t Type, records int) ([]byte, error) {
	dst = append(dst, byte(t)<<4|bit(m.HasXTR, 8), 0, 0, byte(records))
	dst = binary.BigEndian.AppendUint64(dst, m.Nonce)
	return m.Auth.append(dst)
}

// AppendNotify appends the Map-Notify that acknowledges a decoded Map-Register:
// its nonce, key, records and xTR-ID, byte for byte, and authentication data
// of the same algorithm and length, for Key.Sign to complete.
func (m *MapRegister) AppendNotify(dst []byte) ([]byte, error) {
	n := MapNotify{Nonce: m.Nonce, Auth: m.Auth, HasXTR: m.HasXTR, XTR: m.XTR}
	return n.appendEncoded(dst, TypeMapNotify, m.Encoded, len(m.Records))
}

// AppendAck appends the Map-Notify-Ack for a decoded Map-Notify, for Key.Sign
// to complete.
func (m *MapNotify) AppendAck(dst []byte) ([]byte, error) {
	return m.appendEncoded(dst, TypeMapNotifyAck, m.Encoded, len(m.Records))
}

// appendEncoded appends the message with records that are encoded already.
func (m *MapNotify) appendEncoded(dst []byte, t Type, encoded []byte, records int) ([]byte, error) {
	out, err := m.appendHeader(dst, t, records)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", t, err)
	}
	out = append(out, encoded...)
	if m.HasXTR {
		out = m.XTR.append(out)
	}
	return out, nil
}
