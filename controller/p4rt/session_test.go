package p4rt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"go.uber.org/goleak"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a switch that answers what a test tells it to; the controller's own
// tests use real ones.
type fake struct {
	p4v1.UnimplementedP4RuntimeServer
	addr   string
	stream func(p4v1.P4Runtime_StreamChannelServer) error

	mu     sync.Mutex
	writes []*p4v1.WriteRequest
	refuse func(*p4v1.WriteRequest) error
}

func startFake(t *testing.T, stream func(p4v1.P4Runtime_StreamChannelServer) error, opts ...grpc.ServerOption) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{addr: l.Addr().String(), stream: stream}
	g := grpc.NewServer(opts...)
	p4v1.RegisterP4RuntimeServer(g, f)
	done := make(chan struct{})
	go func() { defer close(done); g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-done })
	return f
}

func (f *fake) StreamChannel(s p4v1.P4Runtime_StreamChannelServer) error { return f.stream(s) }

func (f *fake) Write(_ context.Context, r *p4v1.WriteRequest) (*p4v1.WriteResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes = append(f.writes, r)
	if f.refuse != nil {
		if err := f.refuse(r); err != nil {
			return nil, err
		}
	}
	return &p4v1.WriteResponse{}, nil
}

// answer sends an arbitration answer with the code.
func answer(s p4v1.P4Runtime_StreamChannelServer, code codes.Code, primary uint64) error {
	return s.Send(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Arbitration{
		Arbitration: &p4v1.MasterArbitrationUpdate{ElectionId: &p4v1.Uint128{Low: primary}, Status: &rpcstatus.Status{Code: int32(code)}}}})
}

// accept makes the client primary, then does more.
func accept(more ...func(p4v1.P4Runtime_StreamChannelServer) error) func(p4v1.P4Runtime_StreamChannelServer) error {
	return func(s p4v1.P4Runtime_StreamChannelServer) error {
		if _, err := s.Recv(); err != nil {
			return err
		}
		if err := answer(s, codes.OK, 1); err != nil {
			return err
		}
		for _, f := range more {
			if err := f(s); err != nil {
				return err
			}
		}
		<-s.Context().Done()
		return nil
	}
}

func dial(t *testing.T, f *fake, opts Options) (*Session, error) {
	t.Helper()
	opts.Address, opts.ElectionID = f.addr, ElectionID{Low: 3}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := Dial(ctx, testSchema(t), opts)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func TestDialFailures(t *testing.T) {
	cases := []struct {
		name   string
		stream func(p4v1.P4Runtime_StreamChannelServer) error
		want   string
	}{
		{"another is primary", func(s p4v1.P4Runtime_StreamChannelServer) error {
			s.Recv()
			answer(s, codes.AlreadyExists, 9)
			<-s.Context().Done()
			return nil
		}, "not primary with election id 3: the controller with id 9 owns the switch"},
		{"nobody is", func(s p4v1.P4Runtime_StreamChannelServer) error {
			s.Recv()
			answer(s, codes.NotFound, 9)
			<-s.Context().Done()
			return nil
		}, "the switch has seen a higher one"},
		{"election id in use", func(s p4v1.P4Runtime_StreamChannelServer) error {
			s.Recv()
			return status.Error(codes.InvalidArgument, "Election id already exists")
		}, "InvalidArgument: Election id already exists"},
		{"end of the stream", func(s p4v1.P4Runtime_StreamChannelServer) error { s.Recv(); return nil }, "the switch ended the stream"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := dial(t, startFake(t, tc.stream), Options{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		_, err := Dial(context.Background(), testSchema(t), Options{Address: "127.0.0.1:1"})
		if err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no answer", func(t *testing.T) {
		f := startFake(t, func(s p4v1.P4Runtime_StreamChannelServer) error { <-s.Context().Done(); return nil })
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if _, err := Dial(ctx, testSchema(t), Options{Address: f.addr}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestEndOfStreamIsNoticed(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(p4v1.P4Runtime_StreamChannelServer) error
		want string
	}{
		"EOF":      {func(p4v1.P4Runtime_StreamChannelServer) error { return errEOF }, "the switch ended the stream"},
		"demotion": {func(s p4v1.P4Runtime_StreamChannelServer) error { return answer(s, codes.AlreadyExists, 8) }, "the controller with id 8 owns the switch"},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, nil)
			f.stream = func(s p4v1.P4Runtime_StreamChannelServer) error {
				if err := accept(tc.end)(s); err != errEOF {
					return err
				}
				return nil
			}
			s, err := dial(t, f, Options{})
			if err == nil {
				<-s.Done()
				err = s.Err()
			}
			if !strings.Contains(fmt.Sprint(err), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

var errEOF = errors.New("end it without a status")

func TestWriteBatchesAndErrors(t *testing.T) {
	f := startFake(t, accept())
	f.refuse = func(r *p4v1.WriteRequest) error {
		if len(f.writes) != 2 {
			return nil
		}
		var details []protoadapt.MessageV1
		for i := range r.Updates {
			e := &p4v1.Error{}
			if i == 5 || i == 6 {
				e.CanonicalCode, e.Message = int32(codes.AlreadyExists), "entry exists"
			}
			details = append(details, protoadapt.MessageV1Of(e))
		}
		st, _ := status.New(codes.Unknown, "").WithDetails(details...)
		return st.Err()
	}
	s, err := dial(t, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var updates []Update
	for i := range 2500 {
		updates = append(updates, Update{Insert, route(1, fmt.Sprintf("10.%d.%d.0/24", i/256, i%256), 1)})
	}
	err = s.Write(context.Background(), updates)
	var we *WriteError
	if !errors.As(err, &we) {
		t.Fatalf("got %v", err)
	}
	if len(we.Errors) != 2 || we.Errors[0].Index != 1005 || we.Errors[0].Code != codes.AlreadyExists || we.Updates != 2500 {
		t.Errorf("got %+v", we.Errors)
	}
	if want := "2 of 2500 updates refused: insert routes dst=10.3.237.0/24 vrf=1"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	if got := len(f.writes); got != 3 {
		t.Errorf("%d requests", got)
	}
	// A mistake of ours stops everything before the switch is touched.
	err = s.Write(context.Background(), append(updates[:1:1], Update{Insert, &Entry{Table: "none"}}))
	if err == nil || errors.As(err, &we) && len(f.writes) != 3 || !strings.Contains(err.Error(), `no table "none"`) {
		t.Errorf("got %v after %d requests", err, len(f.writes))
	}
	// So does a request that fails as a whole.
	f.mu.Lock()
	f.refuse = func(*p4v1.WriteRequest) error { return status.Error(codes.PermissionDenied, "not primary") }
	f.mu.Unlock()
	err = s.Write(context.Background(), updates)
	var rpc *RPCError
	if !errors.As(err, &rpc) || rpc.Code != codes.PermissionDenied || len(f.writes) != 4 {
		t.Errorf("got %v after %d requests", err, len(f.writes))
	}
}

func TestPacketIns(t *testing.T) {
	sent := make(chan struct{})
	f := startFake(t, accept(func(s p4v1.P4Runtime_StreamChannelServer) error {
		for i := range 5 {
			s.Send(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Packet{Packet: &p4v1.PacketIn{
				Payload: []byte{byte(i)}, Metadata: []*p4v1.PacketMetadata{{MetadataId: 1, Value: []byte{1, 2}}}}}})
		}
		// An arbitration answer comes behind them: then all have been taken.
		if _, err := s.Recv(); err != nil {
			return err
		}
		close(sent)
		return answer(s, codes.OK, 4)
	}))
	s, err := dial(t, f, Options{PacketIns: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetElectionID(context.Background(), ElectionID{Low: 4}); err != nil {
		t.Fatal(err)
	}
	<-sent
	if got := s.PacketInsDropped(); got != 3 {
		t.Errorf("%d dropped, want 3", got)
	}
	if in := <-s.PacketIns(); in.Payload[0] != 0 || in.Metadata["in"] != 0x102 {
		t.Errorf("got %+v", in)
	}
	for name, tc := range map[string]struct {
		meta map[string]uint64
		want string
	}{
		"missing":  {nil, "field out is missing"},
		"unknown":  {map[string]uint64{"out": 1, "port": 1}, `no field "port"; the program has out`},
		"too wide": {map[string]uint64{"out": 512}, "value 512 needs 10 bits and has 9"},
	} {
		if err := s.PacketOut(nil, tc.meta); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
	s.Close()
	if err := s.PacketOut(nil, map[string]uint64{"out": 1}); err == nil {
		t.Error("a packet-out on a closed session was accepted")
	}
	for range s.PacketIns() { // closed with the session
	}
}

func TestReadCounterChecksItsRange(t *testing.T) {
	s, err := dial(t, startFake(t, accept()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name     string
		first, n int64
		want     string
	}{{"none", 0, 1, `no counter "none"`}, {"drops", 4, 5, "cells 4 to 8: it has 8"}} {
		if _, err := s.ReadCounter(context.Background(), tc.name, tc.first, tc.n); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}

func TestRPCErrorSaysWhatTheSystemSaid(t *testing.T) {
	for message, want := range map[string]string{
		`connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:9559: connect: connection refused"`: "connect: connection refused",
		`connection error: desc = "transport: Error while dialing: dial unix x"`:                                          "connect: unix x",
		"no such thing": "connect: Unavailable: no such thing",
	} {
		if got := (&RPCError{"connect", codes.Unavailable, message}).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
