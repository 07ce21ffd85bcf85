package lisp

import "encoding/hex"

// XTR identifies the xTR that sent a message and its site: the 24 bytes at the
// end of a message that has the I bit (RFC 9301 §5.6, RFC 9437 §4). It is
// comparable: nonces are kept per XTR and key.
type XTR struct {
	ID   [16]byte // xTR-ID
	Site [8]byte  // Site-ID
}

const xtrSize = 24

// String returns xTR-ID and Site-ID in hex.
func (x XTR) String() string {
	return hex.EncodeToString(x.ID[:]) + "@" + hex.EncodeToString(x.Site[:])
}

func (x *XTR) decode(c *cursor) {
	*x = XTR{}
	if b := c.take(xtrSize, "xTR-ID and Site-ID"); b != nil {
		*x = XTR{[16]byte(b), [8]byte(b[16:])}
	}
}

func (x *XTR) append(dst []byte) []byte {
	return append(append(dst, x.ID[:]...), x.Site[:]...)
}
