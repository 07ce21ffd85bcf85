package softswitch

import (
	"bytes"
	"context"
	"testing"
	"time"

	configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/prototext"
)

// controller is a P4Runtime client with a stream, primary.
type controller struct {
	p4v1.P4RuntimeClient
	t      testing.TB
	stream p4v1.P4Runtime_StreamChannelClient
}

func (s *testSwitch) connect(creds credentials.TransportCredentials) *controller {
	s.t.Helper()
	conn, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	s.t.Cleanup(func() { cancel(); conn.Close() })
	c := &controller{P4RuntimeClient: p4v1.NewP4RuntimeClient(conn), t: s.t}
	if c.stream, err = c.StreamChannel(ctx); err != nil {
		s.t.Fatal(err)
	}
	err = c.stream.Send(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_Arbitration{
		Arbitration: &p4v1.MasterArbitrationUpdate{DeviceId: 1, ElectionId: &p4v1.Uint128{Low: 1}},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	if m := c.next(); m.GetArbitration() == nil {
		s.t.Fatalf("got %v, want an arbitration notice", m)
	}
	return c
}

func (c *controller) next() *p4v1.StreamMessageResponse {
	c.t.Helper()
	m, err := c.stream.Recv()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *controller) push() {
	c.t.Helper()
	info := &configv1.P4Info{}
	if err := (prototext.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(readFile(c.t, "testdata/toolbox.p4info.txtpb"), info); err != nil {
		c.t.Fatal(err)
	}
	_, err := c.SetForwardingPipelineConfig(c.t.Context(), &p4v1.SetForwardingPipelineConfigRequest{
		DeviceId: 1, ElectionId: &p4v1.Uint128{Low: 1},
		Action: p4v1.SetForwardingPipelineConfigRequest_VERIFY_AND_COMMIT,
		Config: &p4v1.ForwardingPipelineConfig{P4Info: info, P4DeviceConfig: readFile(c.t, "testdata/toolbox.json")},
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// A controller pushes the pipeline while frames arrive, takes frames in and
// sends frames out.
func TestControllerOverTheNetwork(t *testing.T) {
	s := startSwitch(t, Config{DeviceID: 1, CPUPort: testCPUPort}, 2)
	c := s.connect(insecure.NewCredentials())
	s.hosts[1].Send([][]byte{frameTo(1, 0)})
	c.push()
	if err := s.Dataplane().SetDefaultAction("toolbox_ingress.l2", "toolbox_ingress.punt", [][]byte{{3}}); err != nil {
		t.Fatal(err)
	}
	s.hosts[2].Send([][]byte{frameTo(1, 77)})
	in := c.next().GetPacket()
	if !bytes.Equal(in.GetPayload(), frameTo(1, 77)) || len(in.Metadata) != 3 || in.Metadata[0].Value[0] != 2 || in.Metadata[1].Value[0] != 3 {
		t.Fatalf("packet-in %v, want the frame with ingress port 2 and reason 3", in)
	}
	err := c.stream.Send(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_Packet{Packet: &p4v1.PacketOut{
		Payload: frameTo(1, 88), Metadata: []*p4v1.PacketMetadata{{MetadataId: 2, Value: []byte{1}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.receive(1, 1)[0]; !bytes.Equal(got, frameTo(1, 88)) {
		t.Fatalf("packet-out %x", got)
	}
	before := s.Dataplane()
	c.push()
	if s.Dataplane() == before {
		t.Fatal("the second push changed nothing")
	}
	if got := s.Stats().P4Runtime; got.PacketsIn != 1 || got.PacketsOut != 1 || got.Clients != 1 {
		t.Fatalf("%+v", got)
	}
}
