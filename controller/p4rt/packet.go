package p4rt

import (
	"fmt"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
)

// PacketIn is a packet that the switch gave to its controller.
type PacketIn struct {
	Payload []byte
	// Metadata holds the fields of the program's packet_in header, by name.
	Metadata map[string]uint64
}

// PacketIns is where packet-ins arrive; it is closed when the session ends.
// Those that arrive while it is full are dropped, see PacketInsDropped.
func (s *Session) PacketIns() <-chan PacketIn { return s.packets }

// PacketInsDropped counts the packet-ins that found no room, or that were longer
// than any frame.
func (s *Session) PacketInsDropped() uint64 { return s.dropped.Load() }

func (s *Session) packetIn(p *p4v1.PacketIn) {
	if len(p.GetPayload()) > maxPacketIn {
		s.dropped.Add(1)
		s.complain(lie("a packet-in of %d bytes; no frame is longer than %d", len(p.GetPayload()), maxPacketIn))
		return
	}
	in := PacketIn{Payload: p.GetPayload(), Metadata: make(map[string]uint64, len(p.GetMetadata()))}
	for _, m := range p.GetMetadata() {
		if f, ok := findID(s.schema.packetIn, m.GetMetadataId()); ok {
			in.Metadata[f.name] = number(m.GetValue())
		}
	}
	select {
	case s.packets <- in:
	default:
		s.dropped.Add(1)
	}
}

func number(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// PacketOut sends a packet through the switch; every field of the program's
// packet_out header must be given. The switch answers nothing; what it refuses
// reaches Options.OnStreamError.
func (s *Session) PacketOut(payload []byte, metadata map[string]uint64) error {
	out := &p4v1.PacketOut{Payload: payload}
	for name := range metadata {
		if _, ok := find(s.schema.packetOut, name); !ok {
			return fmt.Errorf("packet-out: no field %q; the program has %s", name, names(s.schema.packetOut))
		}
	}
	for _, f := range s.schema.packetOut {
		n, ok := metadata[f.name]
		if !ok {
			return fmt.Errorf("packet-out: field %s is missing", f.name)
		}
		v, err := f.value(Uint(n))
		if err != nil {
			return fmt.Errorf("packet-out: field %s: %w", f.name, err)
		}
		out.Metadata = append(out.Metadata, &p4v1.PacketMetadata{MetadataId: f.id, Value: []byte(v)})
	}
	if err := s.sendOrReason(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_Packet{Packet: out}}); err != nil {
		return reason("packet-out", err)
	}
	return nil
}
