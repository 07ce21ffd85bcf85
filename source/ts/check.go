package ts

import (
	"errors"
	"fmt"
)

// ErrNotTS: the stream does not begin like a transport stream.
var ErrNotTS = errors.New("not MPEG-TS")

// CheckSize is how much of a stream Check wants to see.
const CheckSize = 5 * PacketSize

// Check looks at the beginning of a stream, CheckSize bytes or all of it when
// it is shorter, and returns the offset of the first packet: usually 0, more
// when a recording starts in the middle of a packet. The end of the stream
// need not be that of a packet.
func Check(head []byte) (offset int, err error) {
	head = head[:min(len(head), CheckSize)]
	for offset = range min(len(head), PacketSize) {
		// A stray 0x47 is common: behind the very first byte, only a row of
		// them counts.
		if synced(head, offset, PacketSize) && (offset == 0 || len(head) >= offset+3*PacketSize) {
			return offset, nil
		}
	}
	return 0, refusal(head)
}

// synced says whether sync bytes stand every stride bytes from offset on.
func synced(head []byte, offset, stride int) bool {
	for i := offset; i < len(head); i += stride {
		if head[i] != syncByte {
			return false
		}
	}
	return offset < len(head)
}

// refusal says what was found instead of a transport stream.
func refusal(head []byte) error {
	if len(head) == 0 {
		return fmt.Errorf("%w: no bytes at all", ErrNotTS)
	}
	for _, other := range []struct {
		offset, stride int
		name           string
	}{
		{4, 192, "192-byte packets of M2TS (Blu-ray, AVCHD)"},
		{0, 204, "204-byte packets with Reed-Solomon bytes"},
	} {
		if len(head) >= 3*other.stride && synced(head, other.offset, other.stride) {
			return fmt.Errorf("%w with 188-byte packets: it has the %s; convert it, for example with ffmpeg -c copy -f mpegts", ErrNotTS, other.name)
		}
	}
	at := 0
	for at < len(head) && head[at] == syncByte {
		at += PacketSize
	}
	return fmt.Errorf("%w: byte %d is %#02x, where a packet should start with %#02x; no offset in the first %d bytes has a packet every %d",
		ErrNotTS, at, head[min(at, len(head)-1)], syncByte, len(head), PacketSize)
}
