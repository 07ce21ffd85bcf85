package p4rtserver

import (
	"context"
	"testing"
	"time"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// stream is a client's StreamChannel.
type stream struct {
	t testing.TB
	p4v1.P4Runtime_StreamChannelClient
	cancel   context.CancelFunc
	messages chan *p4v1.StreamMessageResponse
	ended    chan error
}

func (f *fixture) open() *stream {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f.t.Cleanup(cancel)
	c, err := f.client.StreamChannel(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	s := &stream{
		t: f.t, P4Runtime_StreamChannelClient: c, cancel: cancel,
		messages: make(chan *p4v1.StreamMessageResponse, 4096), ended: make(chan error, 1),
	}
	go func() {
		for {
			m, err := c.Recv()
			if err != nil {
				s.ended <- err
				return
			}
			s.messages <- m
		}
	}()
	return s
}

func (s *stream) send(m *p4v1.StreamMessageRequest) {
	s.t.Helper()
	if err := s.Send(m); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stream) arbitrate(id *p4v1.Uint128) {
	s.t.Helper()
	s.send(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_Arbitration{
		Arbitration: &p4v1.MasterArbitrationUpdate{DeviceId: testDevice, ElectionId: id},
	}})
}

// next waits for the next message.
func (s *stream) next() *p4v1.StreamMessageResponse {
	s.t.Helper()
	select {
	case m := <-s.messages:
		return m
	case err := <-s.ended:
		s.t.Fatalf("the stream ended: %v", err)
	case <-time.After(10 * time.Second):
		s.t.Fatal("no message on the stream")
	}
	return nil
}

// expectArbitration waits for a notice; low 0 wants no election id in it.
func (s *stream) expectArbitration(code codes.Code, low uint64) {
	s.t.Helper()
	m := s.next()
	a := m.GetArbitration()
	if a == nil {
		s.t.Fatalf("got %v, want an arbitration notice", m)
	}
	if codes.Code(a.GetStatus().GetCode()) != code || a.GetElectionId().GetLow() != low || (a.ElectionId == nil) != (low == 0) || a.DeviceId != testDevice {
		s.t.Fatalf("got %v, want status %v and election id %d", a, code, low)
	}
}

func (s *stream) expectEnd(code codes.Code) {
	s.t.Helper()
	select {
	case err := <-s.ended:
		if status.Code(err) != code {
			s.t.Fatalf("the stream ended with %v, want %v", err, code)
		}
	case <-time.After(10 * time.Second):
		s.t.Fatalf("the stream goes on, want its end with %v", code)
	}
}

func (s *stream) expectError(code codes.Code) *p4v1.StreamError {
	s.t.Helper()
	m := s.next()
	if e := m.GetError(); e == nil || codes.Code(e.CanonicalCode) != code {
		s.t.Fatalf("got %v, want a stream error with %v", m, code)
	}
	return m.GetError()
}
