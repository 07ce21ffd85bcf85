package p4rt

import (
	"context"
	"errors"
	"fmt"
	"strings"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// NotPrimaryError says that another controller owns the switch.
type NotPrimaryError struct {
	Ours, Primary ElectionID
	// NoPrimary says that nobody does: our id is lower than one seen before.
	NoPrimary bool
}

func (e *NotPrimaryError) Error() string {
	if e.NoPrimary {
		return fmt.Sprintf("not primary with election id %v: the switch has seen a higher one; use a higher id", e.Ours)
	}
	return fmt.Sprintf("not primary with election id %v: the controller with id %v owns the switch; stop it or use a higher id",
		e.Ours, e.Primary)
}

// SetElectionID asks to be primary with id and waits for the answer. A session
// that does not become primary ends.
func (s *Session) SetElectionID(ctx context.Context, id ElectionID) error {
	answer := make(chan error, 1)
	s.mu.Lock()
	s.waiter = answer
	s.mu.Unlock()
	s.setElection(id)
	if err := s.sendOrReason(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_Arbitration{
		Arbitration: &p4v1.MasterArbitrationUpdate{DeviceId: s.opts.DeviceID, ElectionId: id.proto()},
	}}); err != nil {
		return reason("arbitration", err)
	}
	select {
	case err := <-answer:
		return err
	case <-s.done:
		return s.Err()
	case <-ctx.Done():
		return fmt.Errorf("arbitration: no answer: %w", ctx.Err())
	}
}

// arbitrated takes the switch's word on who is primary: the answer to our
// request, or news. It returns an error when we are not.
func (s *Session) arbitrated(m *p4v1.MasterArbitrationUpdate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if id := m.GetDeviceId(); id != 0 && id != s.opts.DeviceID {
		err = lie("the arbitration of device %d; we asked for device %d: check device_id", id, s.opts.DeviceID)
	}
	if code := codes.Code(m.GetStatus().GetCode()); code != codes.OK {
		err = &NotPrimaryError{
			Ours:      s.election,
			Primary:   ElectionID{m.GetElectionId().GetHigh(), m.GetElectionId().GetLow()},
			NoPrimary: code == codes.NotFound,
		}
	}
	if s.waiter != nil {
		s.waiter <- err
		s.waiter = nil
	}
	return err
}

// reason puts what was being done in front of a gRPC error, in a form that
// names the code and the text once.
func reason(doing string, err error) error {
	if st, ok := status.FromError(err); ok && st.Code() != codes.OK {
		return &RPCError{Doing: doing, Code: st.Code(), Message: st.Message()}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// ErrUnimplemented is what an RPCError is when the target cannot do what was
// asked at all.
var ErrUnimplemented = errors.New("not implemented by the target")

// ProtocolError is something that a switch must not send: ids that its program
// does not have, values that do not fit, more than there can be.
type ProtocolError struct{ What string }

func (e *ProtocolError) Error() string { return "the switch sent " + e.What }

func lie(format string, args ...any) error { return &ProtocolError{fmt.Sprintf(format, args...)} }

// Is makes errors.Is(err, ErrUnimplemented) work.
func (e *RPCError) Is(target error) bool {
	return target == ErrUnimplemented && e.Code == codes.Unimplemented
}

// RPCError is a request that failed as a whole.
type RPCError struct {
	Doing   string
	Code    codes.Code
	Message string
}

func (e *RPCError) Error() string {
	if e.Code == codes.Unavailable {
		if why, ok := dialFailure(e.Message); ok {
			return fmt.Sprintf("%s: %s", e.Doing, why)
		}
	}
	return fmt.Sprintf("%s: %v: %s", e.Doing, e.Code, e.Message)
}

// dialFailure is what the system said, where gRPC wraps a connection that could
// not be made: connection error: desc = "transport: … dial tcp A:P: connect: WHY".
func dialFailure(message string) (why string, ok bool) {
	_, dial, ok := strings.Cut(message, ": dial ")
	if !ok {
		return "", false
	}
	if at := strings.LastIndex(dial, ": "); at >= 0 {
		dial = dial[at+2:]
	}
	return strings.TrimSuffix(dial, `"`), true
}
