package p4rtserver

import (
	"context"
	"testing"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// newFuzzFixture has the pipeline and a primary without a stream.
func newFuzzFixture(f *testing.F) *fixture {
	fx := newFixture(f)
	if err := fx.server.elect.join(newClient(testDevice), electionID{set: true, low: 1}); err != nil {
		f.Fatal(err)
	}
	if err := fx.push(p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_COMMIT, fx.config); err != nil {
		f.Fatal(err)
	}
	return fx
}

var seeds = []string{
	insert(l2Entry), insert(routeEntry), insert(aclEntry), insert(aclAny), remove(l2Entry), modify(aclEntry),
	`type: MODIFY entity { counter_entry { counter_id: <arrivals> index { index: 2 } data { packet_count: 9 } } }`,
	`type: MODIFY entity { register_entry { register_id: <last_source> data { bitstring: "\x07" } } }`,
	modify(`meter_entry { meter_id: <budgets> index { index: 1 } config { cir: 1 cburst: 2 pir: 3 pburst: 4 }`),
	modify(`direct_meter_entry { table_entry { table_id: <aging> match { field_id: 1 exact { value: "\x01" } } } config { pir: 1 }`),
	insert(`packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1 replicas { egress_port: 1 } }`),
	modify(`packet_replication_engine_entry { clone_session_entry { session_id: 1 packet_length_bytes: 9 }`),
	insert(`digest_entry { digest_id: <learn_t> config { max_list_size: 1 }`),
	modify(`direct_counter_entry { ` + l2Entry + `} data { packet_count: 1 }`),
	`type: MODIFY entity { table_entry { table_id: <l2> is_default_action: true } }`,
}

// Whatever a client writes, the server answers, with one error for each update
// if any; what it accepted can be read, and packets still flow.
func FuzzWrite(f *testing.F) {
	fx := newFuzzFixture(f)
	for _, s := range seeds {
		b, err := proto.Marshal(&p4v1.WriteRequest{Updates: []*p4v1.Update{parse(fx, s, &p4v1.Update{})}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		req := &p4v1.WriteRequest{}
		if proto.Unmarshal(b, req) != nil {
			return
		}
		req.DeviceId, req.Role, req.RoleId, req.ElectionId = testDevice, "", 0, &p4v1.Uint128{Low: 1}
		_, err := fx.server.Write(context.Background(), req)
		if got := len(status.Convert(err).Details()); status.Code(err) == codes.Unknown && got != len(req.Updates) {
			t.Fatalf("%d details for %d updates", got, len(req.Updates))
		}
		fx.plane.Load().Process(1, ethernetFrame("\x02\x00\x00\x00\x00\x01", 0x88b5), func(uint32, []byte) {})
		everything := &p4v1.ReadRequest{DeviceId: testDevice, Entities: []*p4v1.Entity{
			{Entity: &p4v1.Entity_TableEntry{TableEntry: &p4v1.TableEntry{CounterData: &p4v1.CounterData{}}}},
			{Entity: &p4v1.Entity_DirectCounterEntry{DirectCounterEntry: &p4v1.DirectCounterEntry{}}},
			{Entity: &p4v1.Entity_MeterEntry{MeterEntry: &p4v1.MeterEntry{}}},
			{Entity: &p4v1.Entity_DirectMeterEntry{DirectMeterEntry: &p4v1.DirectMeterEntry{}}},
		}}
		if err := fx.server.Read(everything, discard{}); err != nil {
			t.Fatalf("read after a write: %v", err)
		}
	})
}

// Whatever a client asks for, the server answers.
func FuzzRead(f *testing.F) {
	fx := newFuzzFixture(f)
	for _, s := range seeds {
		u := parse(fx, s, &p4v1.Update{})
		fx.server.Write(context.Background(), &p4v1.WriteRequest{DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 1}, Updates: []*p4v1.Update{u}})
		b, err := proto.Marshal(&p4v1.ReadRequest{Entities: []*p4v1.Entity{u.Entity}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		req := &p4v1.ReadRequest{}
		if proto.Unmarshal(b, req) != nil {
			return
		}
		req.DeviceId, req.Role = testDevice, ""
		err := fx.server.Read(req, discard{})
		if got := len(status.Convert(err).Details()); err != nil && got != len(req.Entities) {
			t.Fatalf("%v: %d details for %d requests", err, got, len(req.Entities))
		}
	})
}

// FuzzStream decodes what comes on a stream: packet-outs and acknowledgements.
func FuzzStream(f *testing.F) {
	fx := newFuzzFixture(f)
	for _, m := range []*p4v1.StreamMessageRequest{
		{Update: &p4v1.StreamMessageRequest_Packet{Packet: &p4v1.PacketOut{Payload: []byte{1}, Metadata: []*p4v1.PacketMetadata{{MetadataId: 2, Value: []byte{1}}}}}},
		{Update: &p4v1.StreamMessageRequest_DigestAck{DigestAck: &p4v1.DigestListAck{DigestId: fx.ids["learn_t"], ListId: 1}}},
		{Update: &p4v1.StreamMessageRequest_Arbitration{Arbitration: &p4v1.MasterArbitrationUpdate{DeviceId: testDevice}}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	fx.server.cfg.PacketOut = func([]byte) {}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &p4v1.StreamMessageRequest{}
		if proto.Unmarshal(b, m) != nil {
			return
		}
		c := fx.server.elect.primary
		fx.server.packetOut(c, m.GetPacket())
		fx.server.digestAck(c, m.GetDigestAck())
		other := newClient(testDevice)
		fx.server.arbitrate(other, m.GetArbitration())
		fx.server.leave(other)
	})
}

type discard struct{ grpc.ServerStream }

func (discard) Send(*p4v1.ReadResponse) error { return nil }
