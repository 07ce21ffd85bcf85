// Package wire is the codec for CoreCast packets: what follows the UDP header
// on port 4344. docs/wire-format.md describes the same format byte by byte.
//
// It owns the packet layout and nothing else. It promises that
//   - encoding appends to the caller's buffer and decoding aliases it: neither
//     allocates (errors do);
//   - decoding is strict: a packet that decodes is encoded again to the very
//     same bytes, and one that does not is refused with one of the Err values
//     below, wrapped with the value that was found;
//   - decoding overwrites every field, also when it fails, so that one struct
//     can be reused for every packet.
//
// What an entry's address or port means (is the viewer ours, is the port
// sensible) is the policy of whoever receives the packet, not of the codec.
package wire

// Port is the UDP destination port of every CoreCast packet.
const Port = 4344

// Version is the only version of the format so far.
const Version = 1

// Sizes in bytes, and the limits of the format.
const (
	HeaderSize = 12 // the header that every CoreCast packet starts with
	Entry4Size = 6  // one viewer in a HEADER4: EID and UDP port
	Entry6Size = 18 // one viewer in a HEADER6

	MaxPayload = 1472 // media bytes in a PAYLOAD
	MaxEntries = 32   // viewers in a HEADER4 or HEADER6

	// MaxPacket is the longest CoreCast packet there is: a full PAYLOAD.
	MaxPacket = HeaderSize + MaxPayload
)

// Type is the kind of a CoreCast packet.
type Type uint8

// The packet types.
const (
	TypePayload Type = 1 // media, sent once per chunk
	TypeHeader4 Type = 2 // IPv4 viewers that are to receive a payload
	TypeHeader6 Type = 3 // IPv6 viewers that are to receive a payload
)

func (t Type) String() string {
	switch t {
	case TypePayload:
		return "PAYLOAD"
	case TypeHeader4:
		return "HEADER4"
	case TypeHeader6:
		return "HEADER6"
	}
	return "unknown type"
}
