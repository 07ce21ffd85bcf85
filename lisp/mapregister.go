package lisp

import (
	"encoding/binary"
	"fmt"
)

// MapRegister registers mappings with a Map-Server, RFC 9301 §5.6:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-+-+-+-----------------------+-+-+-+-+-+---------------+
//	|Type=3 |P|S|I|        Reserved       |E|T|a|R|M| Record Count  |
//	+-------+-+-+-+-----------------------+-+-+-+-+-+---------------+
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
type MapRegister struct {
	ProxyReply bool // P: the Map-Server shall answer for the ETR
	Security   bool // S: the ETR can LISP-SEC
	EIDNotify  bool // E: from a first-hop router
	UseTTL     bool // T: registrations time out after the Record TTL
	Merge      bool // a: merge with the locators of other xTRs
	WantNotify bool // M: answer with a Map-Notify
	Nonce      uint64
	Auth       Auth
	Records    []Record
	HasXTR     bool // I: XTR is there
	XTR        XTR

	// Encoded holds the records as they were received; it aliases the packet.
	// Append ignores it.
	Encoded []byte
}

// Decode reads a whole Map-Register. It does not verify it: that is
// Key.Verify. It reuses the slices of m and aliases packet (see Address);
// after an error the content of m is meaningless.
func (m *MapRegister) Decode(packet []byte) error {
	c := cursor{rest: packet}
	head := c.message(TypeMapRegister, 12)
	*m = MapRegister{Records: m.Records[:0]}
	if head == nil {
		return c.end(TypeMapRegister)
	}
	m.ProxyReply, m.Security, m.HasXTR = head[0]&8 != 0, head[0]&4 != 0, head[0]&2 != 0
	m.EIDNotify, m.UseTTL, m.Merge, m.WantNotify =
		head[2]&0x10 != 0, head[2]&8 != 0, head[2]&4 != 0, head[2]&1 != 0
	m.Nonce = binary.BigEndian.Uint64(head[4:])
	m.Auth.decode(&c)
	start := c.rest
	decodeRecords(&c, &m.Records, head[3])
	m.Encoded = start[:len(start)-len(c.rest)]
	if m.HasXTR {
		m.XTR.decode(&c)
	}
	return c.end(TypeMapRegister)
}

// Append appends the message to dst, for Key.Sign to complete.
func (m *MapRegister) Append(dst []byte) ([]byte, error) {
	if err := checkCount(TypeMapRegister, "records", len(m.Records), 0, 255); err != nil {
		return dst, err
	}
	out := append(dst,
		byte(TypeMapRegister)<<4|bit(m.ProxyReply, 8)|bit(m.Security, 4)|bit(m.HasXTR, 2), 0,
		bit(m.EIDNotify, 0x10)|bit(m.UseTTL, 8)|bit(m.Merge, 4)|bit(m.WantNotify, 1),
		byte(len(m.Records)))
	out = binary.BigEndian.AppendUint64(out, m.Nonce)
	out, err := m.Auth.append(out)
	if err == nil {
		out, err = appendRecords(out, m.Records)
	}
	if err != nil {
		return dst, fmt.Errorf("%s: %w", TypeMapRegister, err)
	}
	if m.HasXTR {
		out = m.XTR.append(out)
	}
	return out, nil
}
