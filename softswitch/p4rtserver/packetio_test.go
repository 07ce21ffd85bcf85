package p4rtserver

import (
	"bytes"
	"math/big"
	"testing"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/corecast/corecast/softswitch/port"
)

func (s *stream) packetOut(payload []byte, metadata ...*p4v1.PacketMetadata) {
	s.t.Helper()
	s.send(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_Packet{
		Packet: &p4v1.PacketOut{Payload: payload, Metadata: metadata},
	}})
}

func TestPacketInCarriesItsMetadata(t *testing.T) {
	f, s := newReadyFixture(t)
	// ingress_port 0x101 in 9 bits, reason 5 in 3, pad 0 in 4, then the frame.
	f.server.PacketIn([]byte{0x80, 0xd0, 1, 2, 3})
	want := &p4v1.PacketIn{Payload: []byte{1, 2, 3}, Metadata: []*p4v1.PacketMetadata{
		{MetadataId: 1, Value: []byte{1, 1}}, {MetadataId: 2, Value: []byte{5}}, {MetadataId: 3, Value: []byte{0}},
	}}
	if got := s.next().GetPacket(); !proto.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	f.server.PacketIn([]byte{1}) // shorter than the header
	if got := f.server.Stats(); got.PacketsIn != 1 || got.PacketsInDropped != 1 {
		t.Fatalf("%+v, want 1 packet-in and 1 dropped", got)
	}
}

func TestPacketInQueueIsBounded(t *testing.T) {
	f := newFixture(t)
	f.server.PacketIn([]byte{1, 2, 3}) // there is no primary
	c := newClient(testDevice)         // whose stream nobody reads
	f.server.punt.Store(&punt{primary: c})
	for range packetQueue + 5 {
		f.server.PacketIn([]byte{1, 2, 3})
	}
	if got := f.server.Stats(); got.PacketsIn != packetQueue || got.PacketsInDropped != 6 {
		t.Fatalf("%+v, want %d packet-ins and 6 dropped", got, packetQueue)
	}
}

func TestPacketOutGetsItsHeader(t *testing.T) {
	f, s := newReadyFixture(t)
	s.packetOut([]byte{9, 8}, &p4v1.PacketMetadata{MetadataId: 2, Value: []byte{0, 1, 0x05}}) // pad is left out
	if got := <-f.packetsOut; !bytes.Equal(got, []byte{0x01, 0x05, 9, 8}) {
		t.Fatalf("frame %x, want 01050908", got)
	}
}

func TestPacketOutRefusals(t *testing.T) {
	f, s := newReadyFixture(t)
	egress := &p4v1.PacketMetadata{MetadataId: 2, Value: []byte{1}}
	tests := []struct {
		name     string
		payload  []byte
		metadata []*p4v1.PacketMetadata
	}{
		{"unknown id", nil, []*p4v1.PacketMetadata{{MetadataId: 9, Value: []byte{1}}}},
		{"twice", nil, []*p4v1.PacketMetadata{egress, egress}},
		{"too wide", nil, []*p4v1.PacketMetadata{{MetadataId: 2, Value: []byte{2, 0}}}},
		{"empty", nil, []*p4v1.PacketMetadata{{MetadataId: 2}}},
		{"too long", make([]byte, port.MaxFrame-1), nil},
	}
	for _, tt := range tests {
		s.packetOut(tt.payload, tt.metadata...)
		if e := s.expectError(codes.InvalidArgument); e.GetPacketOut().GetPacketOut() == nil {
			t.Errorf("%s: %v does not say which packet", tt.name, e)
		}
	}
	backup := f.open()
	backup.arbitrate(nil)
	backup.next()
	backup.packetOut([]byte{1})
	backup.expectError(codes.PermissionDenied)
	backup.send(&p4v1.StreamMessageRequest{})
	backup.expectError(codes.Unimplemented)
	if got := f.server.Stats(); got.PacketsOut != 0 || got.PacketsOutRefused != uint64(len(tests)+1) {
		t.Fatalf("%+v, want none out and %d refused", got, len(tests)+1)
	}
}

// getBits and putBits agree with arithmetic on one big number.
func TestBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, offset := rapid.IntRange(1, 130).Draw(t, "width"), rapid.IntRange(0, 40).Draw(t, "offset")
		tail := rapid.IntRange(0, 20).Draw(t, "tail")
		buf := make([]byte, (offset+width+tail+7)/8)
		v := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), (width+7)/8, (width+7)/8).Draw(t, "value"))
		v.And(v, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(width)), big.NewInt(1)))
		putBits(buf, offset, width, v.FillBytes(make([]byte, (width+7)/8)))
		want := new(big.Int).Lsh(v, uint(len(buf)*8-offset-width))
		if new(big.Int).SetBytes(buf).Cmp(want) != 0 {
			t.Fatalf("buffer %x, want %x", buf, want)
		}
		if got := getBits(buf, offset, width); new(big.Int).SetBytes(got).Cmp(v) != 0 {
			t.Fatalf("got %x, want %x", got, v)
		}
	})
}

// parseValue takes exactly the values that fit, however they are written, and
// canonical is the shortest way to write them.
func TestValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 140).Draw(t, "width")
		raw := rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "value")
		n := new(big.Int).SetBytes(raw)
		got, err := parseValue("value", raw, width)
		if fits := n.BitLen() <= width; fits != (err == nil) {
			t.Fatalf("%x in %d bits: %v", raw, width, err)
		}
		if err != nil {
			return
		}
		if len(got) != (width+7)/8 || new(big.Int).SetBytes(got).Cmp(n) != 0 {
			t.Fatalf("%x in %d bits became %x", raw, width, got)
		}
		want := n.Bytes()
		if len(want) == 0 {
			want = []byte{0}
		}
		if c := canonical(got); !bytes.Equal(c, want) {
			t.Fatalf("%x is canonical for %x, want %x", c, raw, want)
		}
	})
}
