package p4rtserver

import (
	configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corecast/corecast/softswitch/engine"
	"github.com/corecast/corecast/softswitch/port"
)

// packetHeader is a @controller_header: the bits that precede a frame on the
// CPU port, one metadata field after the other.
type packetHeader struct {
	name   string
	fields []headerField
	byID   map[uint32]int
	length int // bytes
}

type headerField struct {
	id     uint32
	name   string
	offset int // bits
	width  int
}

func (s *schema) addPacketHeaders(info *configv1.P4Info, _ *engine.Program) error {
	for _, m := range info.ControllerPacketMetadata {
		h := &packetHeader{name: m.GetPreamble().GetName(), byID: map[uint32]int{}}
		bits := 0
		for i, f := range m.Metadata {
			if f.Bitwidth < 1 || f.Bitwidth > 8*port.MaxFrame {
				return invalid("P4Info: %s: metadata %q has %d bits", h.name, f.Name, f.Bitwidth)
			}
			h.byID[f.Id] = i
			h.fields = append(h.fields, headerField{id: f.Id, name: f.Name, offset: bits, width: int(f.Bitwidth)})
			bits += int(f.Bitwidth)
		}
		if len(h.byID) != len(h.fields) || bits > 8*port.MaxFrame {
			return invalid("P4Info: %s has two metadata of one id, or is longer than a frame", h.name)
		}
		h.length = (bits + 7) / 8
		switch h.name {
		case "packet_in":
			s.packetIn = h
		case "packet_out":
			s.packetOut = h
		}
	}
	return nil
}

// getBits returns width bits of b from a bit offset, right-aligned.
func getBits(b []byte, offset, width int) []byte {
	out := make([]byte, (width+7)/8)
	for i := range width {
		if from := offset + i; b[from/8]&(0x80>>(from%8)) != 0 {
			to := len(out)*8 - width + i
			out[to/8] |= 0x80 >> (to % 8)
		}
	}
	return out
}

// putBits is getBits the other way; the bits of b must be zero.
func putBits(b []byte, offset, width int, v []byte) {
	for i := range width {
		if from := len(v)*8 - width + i; v[from/8]&(0x80>>(from%8)) != 0 {
			to := offset + i
			b[to/8] |= 0x80 >> (to % 8)
		}
	}
}

// decode makes a packet-in of a frame; nil if it is shorter than the header.
// A program without the header has its frames passed on whole.
func (h *packetHeader) decode(frame []byte) *p4v1.PacketIn {
	if h == nil {
		return &p4v1.PacketIn{Payload: append([]byte(nil), frame...)}
	}
	if len(frame) < h.length {
		return nil
	}
	m := &p4v1.PacketIn{Payload: append([]byte(nil), frame[h.length:]...)}
	for _, f := range h.fields {
		m.Metadata = append(m.Metadata, &p4v1.PacketMetadata{MetadataId: f.id, Value: canonical(getBits(frame, f.offset, f.width))})
	}
	return m
}

// encode makes a frame of a packet-out. Fields that are left out are zero.
func (h *packetHeader) encode(m *p4v1.PacketOut) ([]byte, error) {
	length := 0
	if h != nil {
		length = h.length
	}
	if n := length + len(m.GetPayload()); n > port.MaxFrame {
		return nil, invalid("packet-out of %d bytes, header included: %d is the most", n, port.MaxFrame)
	}
	frame := make([]byte, length, length+len(m.GetPayload()))
	var seen map[uint32]bool
	for _, f := range m.GetMetadata() {
		if h == nil {
			return nil, invalid("packet-out has metadata %d, but the P4Info has no packet_out header", f.GetMetadataId())
		}
		i, ok := h.byID[f.GetMetadataId()]
		if !ok {
			return nil, invalid("packet-out has metadata %d, which %s has not", f.GetMetadataId(), h.name)
		}
		if seen[f.GetMetadataId()] {
			return nil, invalid("packet-out has metadata %d twice", f.GetMetadataId())
		}
		if seen == nil {
			seen = make(map[uint32]bool, len(h.fields))
		}
		seen[f.GetMetadataId()] = true
		field := h.fields[i]
		v, err := parseValue("packet-out metadata \""+field.name+"\"", f.GetValue(), field.width)
		if err != nil {
			return nil, err
		}
		putBits(frame, field.offset, field.width, v)
	}
	return append(frame, m.GetPayload()...), nil
}

// PacketIn sends a frame that left through the CPU port to the primary, or
// drops and counts it. It takes no lock and never waits.
func (s *Server) PacketIn(frame []byte) {
	p := s.punt.Load()
	if p.primary != nil {
		if m := p.in.decode(frame); m != nil &&
			p.primary.offer(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Packet{Packet: m}}) {
			s.counts.packetsIn.Add(1)
			return
		}
	}
	s.counts.packetsInDropped.Add(1)
}

// packetOut injects a client's frame, or tells it why not.
func (s *Server) packetOut(c *client, m *p4v1.PacketOut) {
	frame, err := s.buildPacketOut(c, m)
	if err != nil {
		s.counts.packetsOutRefused.Add(1)
		st := status.Convert(err)
		c.offer(streamError(st.Code(), st.Message(), &p4v1.StreamError{
			Details: &p4v1.StreamError_PacketOut{PacketOut: &p4v1.PacketOutError{PacketOut: m}},
		}))
		return
	}
	s.counts.packetsOut.Add(1)
	s.cfg.PacketOut(frame)
}

func (s *Server) buildPacketOut(c *client, m *p4v1.PacketOut) ([]byte, error) {
	p := s.punt.Load()
	if p.primary != c {
		return nil, status.Error(codes.PermissionDenied, "only the primary may send packets")
	}
	if s.cfg.Engine.CPUPort == 0 {
		return nil, status.Error(codes.FailedPrecondition, "the switch has no CPU port: start it with one (--cpu-port)")
	}
	s.mu.RLock()
	none := s.running == nil
	s.mu.RUnlock()
	if none {
		return nil, errNoPipeline
	}
	if err := checkKnown(m.ProtoReflect()); err != nil {
		return nil, err
	}
	return p.out.encode(m)
}
