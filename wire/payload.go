package wire

import "fmt"

// Payload is a PAYLOAD packet: one chunk of media, sent once.
//
//	+-------+-------+---------------+-------------------------------+
//	| ver=1 |   1   |       0       |        payload length         |
//	+-------+-------+---------------+-------------------------------+
//	|                           sequence                            |
//	+---------------------------------------------------------------+
//	|                         payload hash                          |
//	+---------------------------------------------------------------+
//	|                    media (payload length bytes)               |
//	+---------------------------------------------------------------+
type Payload struct {
	ID    ID
	Media []byte // aliases the packet it was decoded from
}

// Decode reads a PAYLOAD packet and verifies its hash.
func (p *Payload) Decode(packet []byte) error {
	*p = Payload{}
	var h Header
	if err := h.expect(packet, TypePayload); err != nil {
		return err
	}
	media := packet[HeaderSize:]
	if got := Hash(media); got != h.ID.Hash {
		return fmt.Errorf("%w: sequence %d says %08x, its media has %08x", ErrHash, h.ID.Sequence, h.ID.Hash, got)
	}
	*p = Payload{ID: h.ID, Media: media}
	return nil
}

// AppendPayload appends the PAYLOAD packet of media to dst. The ID comes from
// Identify, which hashes the media once for this packet and its headers; the
// hash is not computed again here.
func AppendPayload(dst []byte, id ID, media []byte) ([]byte, error) {
	if err := id.valid(); err != nil {
		return dst, err
	}
	if len(media) != int(id.Length) {
		return dst, fmt.Errorf("%w: %d bytes of media, its ID says %d", ErrLength, len(media), id.Length)
	}
	h := Header{Type: TypePayload, ID: id}
	return append(h.append(dst), media...), nil
}
