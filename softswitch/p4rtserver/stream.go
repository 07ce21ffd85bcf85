package p4rtserver

import (
	"errors"
	"io"
	"sync"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// noticeQueue is how many arbitration notices may wait for a client that
	// does not read; one more ends its stream.
	noticeQueue = 64
	// packetQueue is how many packet-ins, digests and errors may wait; more
	// are dropped and counted.
	packetQueue = 1024
)

// client is one StreamChannel. Its writer goroutine alone sends on the stream.
type client struct {
	device  uint64
	id      electionID // guarded by Server.mu
	gone    bool       // guarded by Server.mu: the stream has ended
	notices chan *p4v1.StreamMessageResponse
	packets chan *p4v1.StreamMessageResponse

	stopOnce sync.Once
	stop     chan struct{} // closed when the stream has to end
}

func newClient(device uint64) *client {
	return &client{
		device:  device,
		notices: make(chan *p4v1.StreamMessageResponse, noticeQueue),
		packets: make(chan *p4v1.StreamMessageResponse, packetQueue),
		stop:    make(chan struct{}),
	}
}

// notify queues what the client must not miss.
func (c *client) notify(m *p4v1.StreamMessageResponse) {
	select {
	case c.notices <- m:
	default:
		c.end()
	}
}

// offer queues what may be lost, and reports whether it was not.
func (c *client) offer(m *p4v1.StreamMessageResponse) bool {
	select {
	case c.packets <- m:
		return true
	default:
		return false
	}
}

func (c *client) end() { c.stopOnce.Do(func() { close(c.stop) }) }

// write sends what is queued until the client is to end, notices first.
func (c *client) write(stream p4v1.P4Runtime_StreamChannelServer) {
	for {
		var m *p4v1.StreamMessageResponse
		select {
		case m = <-c.notices:
		default:
			select {
			case m = <-c.notices:
			case m = <-c.packets:
			case <-c.stop:
				return
			}
		}
		if stream.Send(m) != nil {
			return // the reader finds out why
		}
	}
}

// StreamChannel implements the P4Runtime RPC.
func (s *Server) StreamChannel(stream p4v1.P4Runtime_StreamChannelServer) error {
	c := newClient(s.cfg.DeviceID)
	defer s.leave(c)
	s.wg.Go(func() { c.write(stream) })
	requests := make(chan error, 1)
	s.wg.Go(func() { requests <- s.serveStream(c, stream) })
	select {
	case err := <-requests:
		return err
	case <-c.stop:
		return status.Errorf(codes.ResourceExhausted, "%d notices wait to be read: read the stream", noticeQueue)
	}
}

func (s *Server) serveStream(c *client, stream p4v1.P4Runtime_StreamChannelServer) error {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch u := m.Update.(type) {
		case *p4v1.StreamMessageRequest_Arbitration:
			if err := s.arbitrate(c, u.Arbitration); err != nil {
				return err
			}
		case *p4v1.StreamMessageRequest_Packet:
			s.packetOut(c, u.Packet)
		case *p4v1.StreamMessageRequest_DigestAck:
			s.digestAck(c, u.DigestAck)
		default:
			c.offer(streamError(codes.Unimplemented, "this stream message is not implemented: send arbitration, packet or digest_ack",
				&p4v1.StreamError{Details: &p4v1.StreamError_Other{Other: &p4v1.StreamOtherError{}}}))
		}
	}
}

func (s *Server) arbitrate(c *client, u *p4v1.MasterArbitrationUpdate) error {
	if u.GetDeviceId() != s.cfg.DeviceID {
		return status.Errorf(codes.NotFound, "device_id %d is not here: this is device %d", u.GetDeviceId(), s.cfg.DeviceID)
	}
	if r := u.GetRole(); r != nil && (r.Name != "" || r.Id != 0 || r.Config != nil) {
		return status.Errorf(codes.Unimplemented, "role %q: roles are not implemented: leave role unset for full access", r.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.elect.join(c, newElectionID(u.ElectionId)); err != nil {
		return err
	}
	s.refreshPuntLocked()
	s.log.Debug("arbitration", "election_high", c.id.high, "election_low", c.id.low, "primary", s.elect.primary == c)
	return nil
}

func (s *Server) leave(c *client) {
	c.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.elect.leave(c)
	s.refreshPuntLocked()
}

func streamError(code codes.Code, message string, e *p4v1.StreamError) *p4v1.StreamMessageResponse {
	e.CanonicalCode, e.Message = int32(code), message
	return &p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Error{Error: e}}
}
