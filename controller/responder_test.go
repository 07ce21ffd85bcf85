package controller

import (
	"context"
	"net"
	"sync"
	"testing"
	"unique"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// responder is a P4Runtime server without a switch: it keeps what is written
// and tells it when read. Equal entries of all responders of a process share
// memory, so that thousands fit. The hooks make it lie.
type responder struct {
	p4v1.UnimplementedP4RuntimeServer

	stream func(p4v1.P4Runtime_StreamChannelServer) error // instead of being a good switch
	read   func(p4v1.P4Runtime_ReadServer) error
	write  func(*p4v1.WriteRequest) error

	mu       sync.Mutex // guards what follows
	cookie   uint64
	entities map[unique.Handle[string]]unique.Handle[string] // wire form by wire form of the key
	writes   int
}

func newResponder() *responder {
	return &responder{entities: map[unique.Handle[string]]unique.Handle[string]{}}
}

// serveAny starts a P4Runtime server, for as long as the test.
func serveAny(t testing.TB, s p4v1.P4RuntimeServer) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, s, l)
	return l.Addr().String()
}

func serveOn(t testing.TB, s p4v1.P4RuntimeServer, l net.Listener) {
	g := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	p4v1.RegisterP4RuntimeServer(g, s)
	done := make(chan struct{})
	go func() { defer close(done); g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-done })
}

func primary(s p4v1.P4Runtime_StreamChannelServer) error {
	in, err := s.Recv()
	if err != nil {
		return err
	}
	return s.Send(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Arbitration{
		Arbitration: &p4v1.MasterArbitrationUpdate{
			DeviceId: in.GetArbitration().GetDeviceId(), ElectionId: in.GetArbitration().GetElectionId(), Status: &rpcstatus.Status{}}}})
}

func (r *responder) StreamChannel(s p4v1.P4Runtime_StreamChannelServer) error {
	if r.stream != nil {
		return r.stream(s)
	}
	for {
		if err := primary(s); err != nil {
			return err
		}
	}
}

func (r *responder) Capabilities(context.Context, *p4v1.CapabilitiesRequest) (*p4v1.CapabilitiesResponse, error) {
	return &p4v1.CapabilitiesResponse{P4RuntimeApiVersion: "1.4.0"}, nil
}

func (r *responder) GetForwardingPipelineConfig(context.Context, *p4v1.GetForwardingPipelineConfigRequest) (*p4v1.GetForwardingPipelineConfigResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cookie == 0 {
		return nil, status.Error(codes.FailedPrecondition, "no pipeline")
	}
	return &p4v1.GetForwardingPipelineConfigResponse{Config: &p4v1.ForwardingPipelineConfig{
		Cookie: &p4v1.ForwardingPipelineConfig_Cookie{Cookie: r.cookie}}}, nil
}

func (r *responder) SetForwardingPipelineConfig(_ context.Context, q *p4v1.SetForwardingPipelineConfigRequest) (*p4v1.SetForwardingPipelineConfigResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cookie = q.GetConfig().GetCookie().GetCookie()
	clear(r.entities)
	return &p4v1.SetForwardingPipelineConfigResponse{}, nil
}

// keyOf is the wire form of what identifies an entity.
func keyOf(e *p4v1.Entity) unique.Handle[string] {
	var k *p4v1.Entity
	switch {
	case e.GetTableEntry() != nil:
		t := e.GetTableEntry()
		k = &p4v1.Entity{Entity: &p4v1.Entity_TableEntry{TableEntry: &p4v1.TableEntry{
			TableId: t.TableId, Match: t.Match, Priority: t.Priority, IsDefaultAction: t.IsDefaultAction}}}
	case e.GetMeterEntry() != nil:
		k = &p4v1.Entity{Entity: &p4v1.Entity_MeterEntry{MeterEntry: &p4v1.MeterEntry{
			MeterId: e.GetMeterEntry().MeterId, Index: e.GetMeterEntry().Index}}}
	default:
		k = &p4v1.Entity{Entity: &p4v1.Entity_PacketReplicationEngineEntry{PacketReplicationEngineEntry: &p4v1.PacketReplicationEngineEntry{
			Type: &p4v1.PacketReplicationEngineEntry_MulticastGroupEntry{MulticastGroupEntry: &p4v1.MulticastGroupEntry{
				MulticastGroupId: e.GetPacketReplicationEngineEntry().GetMulticastGroupEntry().GetMulticastGroupId()}}}}}
	}
	return marshal(k)
}

func marshal(e *p4v1.Entity) unique.Handle[string] {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	if err != nil {
		panic(err)
	}
	return unique.Make(string(b))
}

func (r *responder) Write(_ context.Context, q *p4v1.WriteRequest) (*p4v1.WriteResponse, error) {
	if r.write != nil {
		if err := r.write(q); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	details, failed := make([]protoadapt.MessageV1, len(q.Updates)), false
	for i, u := range q.Updates {
		e := r.update(u)
		failed = failed || e.CanonicalCode != 0
		details[i] = protoadapt.MessageV1Of(e)
	}
	r.writes += len(q.Updates)
	if !failed {
		return &p4v1.WriteResponse{}, nil
	}
	st, err := status.New(codes.Unknown, "some updates failed").WithDetails(details...)
	if err != nil {
		return nil, err
	}
	return nil, st.Err()
}

func (r *responder) update(u *p4v1.Update) *p4v1.Error {
	key := keyOf(u.Entity)
	_, there := r.entities[key]
	switch u.Type {
	case p4v1.Update_INSERT:
		if there {
			return &p4v1.Error{CanonicalCode: int32(codes.AlreadyExists), Message: "is there"}
		}
	case p4v1.Update_DELETE:
		if !there {
			return &p4v1.Error{CanonicalCode: int32(codes.NotFound), Message: "is not there"}
		}
		delete(r.entities, key)
		return &p4v1.Error{}
	}
	r.entities[key] = marshal(u.Entity)
	return &p4v1.Error{}
}

func (r *responder) Read(q *p4v1.ReadRequest, s p4v1.P4Runtime_ReadServer) error {
	if r.read != nil {
		return r.read(s)
	}
	table, meter, group := false, false, false
	for _, e := range q.Entities {
		table = table || e.GetTableEntry() != nil
		meter = meter || e.GetMeterEntry() != nil
		group = group || e.GetPacketReplicationEngineEntry() != nil
	}
	r.mu.Lock()
	resp := &p4v1.ReadResponse{}
	for _, h := range r.entities {
		e := &p4v1.Entity{}
		if err := proto.Unmarshal([]byte(h.Value()), e); err != nil {
			r.mu.Unlock()
			return err
		}
		if table && e.GetTableEntry() != nil || meter && e.GetMeterEntry() != nil || group && e.GetPacketReplicationEngineEntry() != nil {
			resp.Entities = append(resp.Entities, e)
		}
	}
	r.mu.Unlock()
	return s.Send(resp)
}
