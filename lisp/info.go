package lisp

import (
	"encoding/binary"
	"fmt"
)

// InfoMessage is an Info-Request, by which an xTR finds out whether it is
// behind a NAT, or the Info-Reply (draft-ermagan-lisp-nat-traversal):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-+-----------------------------------------------------+
//	|Type=7 |R|               Reserved                              |
//	+-------+-+-----------------------------------------------------+
//	|                         Nonce . . .                           |
//	|                         . . . Nonce                           |
//	+---------------+---------------+-------------------------------+
//	|    Key ID     | Algorithm ID  |  Authentication Data Length   |
//	+---------------+---------------+-------------------------------+
//	~                     Authentication Data                       ~
//	+---------------------------------------------------------------+
//	|                              TTL                              |
//	+---------------+---------------+-------------------------------+
//	|   Reserved    | EID mask-len  |        EID-prefix-AFI         |
//	+---------------+---------------+-------------------------------+
//	|                          EID-prefix                           |
//	+-------------------------------+-------------------------------+
//	|  AFI = 0 in a request, 16387 (NAT-Traversal LCAF) in a reply  |
//	+---------------------------------------------------------------+
type InfoMessage struct {
	Reply  bool // R
	Nonce  uint64
	Auth   Auth
	TTL    uint32 // minutes
	Prefix EIDPrefix
	// Address is the zero Address or a name in a request, and in a reply an
	// LCAF, which ParseLCAF returns as *NAT.
	Address Address
}

// Decode reads a whole message. It does not verify it: that is Key.Verify. It
// aliases packet (see Address); after an error the content of m is
// meaningless.
func (m *InfoMessage) Decode(packet []byte) error {
	c := cursor{rest: packet}
	head := c.message(TypeInfo, 12)
	*m = InfoMessage{}
	if head == nil {
		return c.end(TypeInfo)
	}
	m.Reply = head[0]&8 != 0
	m.Nonce = binary.BigEndian.Uint64(head[4:])
	m.Auth.decode(&c)
	if body := c.take(6, "TTL and mask length"); body != nil {
		m.TTL = binary.BigEndian.Uint32(body)
		m.Prefix.decodeEID(&c, body[5])
		m.Address.decode(&c)
	}
	return c.end(TypeInfo)
}

// Append appends the message to dst, for Key.Sign to complete.
func (m *InfoMessage) Append(dst []byte) ([]byte, error) {
	out := append(dst, byte(TypeInfo)<<4|bit(m.Reply, 8), 0, 0, 0)
	out = binary.BigEndian.AppendUint64(out, m.Nonce)
	err := m.Prefix.check()
	if err == nil {
		out, err = m.Auth.append(out)
	}
	if err == nil {
		out = append(binary.BigEndian.AppendUint32(out, m.TTL), 0, m.Prefix.MaskLen)
		out, err = m.Prefix.Address.append(out)
	}
	if err == nil {
		out, err = m.Address.append(out)
	}
	if err != nil {
		return dst, fmt.Errorf("%s: %w", TypeInfo, err)
	}
	return out, nil
}
