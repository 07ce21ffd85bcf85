package ts

import "bytes"

// Scanner finds the packets in a stream that comes in pieces of any size. The
// zero Scanner expects a packet at the first byte.
type Scanner struct {
	offset int64 // in the stream, of the next byte to come
	carry  [PacketSize]byte
	held   int  // bytes of a split packet in carry
	lost   bool // looking for a sync byte
	row    int  // packets in a row that began with one
	losses uint64
}

// trusted is how many sync bytes in a row it takes, after a loss, to believe
// that they are not part of the media.
const trusted = 3

// Next returns the next packet of the stream, of which b is what follows the
// bytes given before, and the rest of b. The packet is nil once b is used up.
// Call it again with the rest until then, and after that with the next piece.
// The packet is valid until the next call.
func (s *Scanner) Next(b []byte) (packet []byte, offset int64, rest []byte) {
	for len(b) > 0 {
		if s.lost && s.held == 0 {
			b = s.seek(b)
			continue
		}
		if s.held == 0 && len(b) >= PacketSize {
			packet, b = b[:PacketSize], b[PacketSize:]
			s.offset += PacketSize
		} else {
			n := copy(s.carry[s.held:], b)
			b = b[n:]
			s.held += n
			s.offset += int64(n)
			if s.held < PacketSize {
				return nil, 0, nil
			}
			packet, s.held = s.carry[:], 0
		}
		if packet[0] != syncByte {
			// Look on behind this packet: what it hides is at most one
			// more packet.
			if s.row >= trusted || s.losses == 0 {
				s.losses++
			}
			s.lost, s.row = true, 0
			continue
		}
		s.row++
		if s.losses == 0 || s.row >= trusted {
			return packet, s.offset - PacketSize, b
		}
	}
	return nil, 0, nil
}

// seek skips to the next sync byte.
func (s *Scanner) seek(b []byte) []byte {
	i := bytes.IndexByte(b, syncByte)
	s.lost = i < 0
	if i < 0 {
		i = len(b)
	}
	s.offset += int64(i)
	return b[i:]
}

// Losses returns how often the sync bytes were not where they should be.
func (s *Scanner) Losses() uint64 { return s.losses }

// Skip passes over n bytes before the first packet (see Check).
func (s *Scanner) Skip(n int) { s.offset += int64(n) }
