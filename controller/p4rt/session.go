package p4rt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/antoninbas/p4runtime-go-client/pkg/client"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// maxMessage bounds what a switch may answer in one message: bmv2 sends all
// entries of a Read at once.
const maxMessage = 256 << 20

// maxStreamMessage bounds one message of the stream; a larger one ends it.
// maxPacketIn bounds a packet-in: no frame is longer.
const (
	maxStreamMessage = 4 << 20
	maxPacketIn      = 16 << 10
)

// ElectionID orders the controllers of a switch; the highest is primary.
type ElectionID struct{ High, Low uint64 }

func (id ElectionID) proto() *p4v1.Uint128 { return &p4v1.Uint128{High: id.High, Low: id.Low} }

func (id ElectionID) String() string {
	if id.High == 0 {
		return fmt.Sprint(id.Low)
	}
	return fmt.Sprintf("0x%x%016x", id.High, id.Low)
}

// Options say which switch to talk to, and as whom.
type Options struct {
	Address    string // host:port, or any gRPC target
	DeviceID   uint64
	ElectionID ElectionID
	TLS        *tls.Config // nil: plaintext
	// PacketIns is how many packet-ins wait for their reader before further
	// ones are dropped and counted; 0 means 1024.
	PacketIns int
	// DialOptions are added to the session's own.
	DialOptions []grpc.DialOption
	// OnStreamError is told what the switch says about packet-outs that it
	// refused, and which messages nobody asked it for; it must not block. Nil
	// ignores it.
	OnStreamError func(error)
}

// Session is a P4Runtime session with one switch, as its primary. Its methods
// may be used by several goroutines at once, except that writes are sent in
// order only when one goroutine makes them.
type Session struct {
	opts    Options
	schema  *Schema
	conn    *grpc.ClientConn
	stream  p4v1.P4Runtime_StreamChannelClient
	cancel  context.CancelFunc
	packets chan PacketIn
	dropped atomic.Uint64
	done    chan struct{} // closed when the receiver has ended

	sendMu sync.Mutex // one Send at a time on stream

	mu       sync.Mutex // guards what follows
	rpc      *client.Client
	election ElectionID
	waiter   chan error // of the arbitration under way, or nil
	err      error      // why the session ended
}

// Dial connects, opens the stream and waits to be primary. It makes one
// attempt and reports what is wrong (no connection, *NotPrimaryError, …);
// trying again is the caller's. ctx bounds the attempt only.
func Dial(ctx context.Context, schema *Schema, opts Options) (*Session, error) {
	conn, err := connect(opts)
	if err != nil {
		return nil, err
	}
	if opts.PacketIns <= 0 {
		opts.PacketIns = 1024
	}
	streamCtx, cancel := context.WithCancel(context.Background())
	s := &Session{
		opts: opts, schema: schema, conn: conn, cancel: cancel,
		packets: make(chan PacketIn, opts.PacketIns), done: make(chan struct{}),
	}
	// Until the stream is open and we are primary, the caller's context ends
	// it; afterwards only Close does.
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	if err := s.open(ctx, streamCtx); err != nil {
		cancel()
		conn.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("%w (%v)", ctx.Err(), err)
		}
		return nil, fmt.Errorf("switch at %s: %w", opts.Address, err)
	}
	return s, nil
}

// connect makes the connection; nothing is sent before it is used.
func connect(opts Options) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if opts.TLS != nil {
		creds = credentials.NewTLS(opts.TLS)
	}
	conn, err := grpc.NewClient(opts.Address, append([]grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
	}, opts.DialOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("switch address %q: %w", opts.Address, err)
	}
	return conn, nil
}

func (s *Session) open(ctx, streamCtx context.Context) error {
	s.setElection(s.opts.ElectionID)
	stream, err := s.rpc.StreamChannel(streamCtx, grpc.MaxCallRecvMsgSize(maxStreamMessage))
	if err != nil {
		return reason("connect", err)
	}
	s.stream = stream
	go s.receive()
	if err := s.SetElectionID(ctx, s.opts.ElectionID); err != nil {
		s.cancel()
		<-s.done
		return err
	}
	return nil
}

func (s *Session) setElection(id ElectionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.election = id
	s.rpc = client.NewClient(p4v1.NewP4RuntimeClient(s.conn), s.opts.DeviceID, id.proto())
}

func (s *Session) client() (*client.Client, ElectionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rpc, s.election
}

// Done is closed when the session has ended; Err then says why.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err returns why the session ended, or nil while it has not.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the session and waits for its goroutine.
func (s *Session) Close() error {
	s.fail(net.ErrClosed)
	s.cancel()
	<-s.done
	return s.conn.Close()
}

// fail records the first reason for the session's end.
func (s *Session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// receive owns the receiving side of the stream until it ends.
func (s *Session) receive() {
	defer close(s.done)
	defer close(s.packets)
	defer s.cancel()
	for {
		in, err := s.stream.Recv()
		if errors.Is(err, io.EOF) {
			err = errors.New("the switch ended the stream")
		}
		if err != nil {
			s.fail(reason("stream", err))
			return
		}
		if err := s.handle(in); err != nil {
			s.fail(err)
			return
		}
	}
}

// handle takes one message of the stream; an error ends the session.
func (s *Session) handle(in *p4v1.StreamMessageResponse) error {
	switch m := in.GetUpdate().(type) {
	case *p4v1.StreamMessageResponse_Arbitration:
		return s.arbitrated(m.Arbitration)
	case *p4v1.StreamMessageResponse_Packet:
		s.packetIn(m.Packet)
	case *p4v1.StreamMessageResponse_Digest:
		// The program has none. Unacknowledged, it would come again and again.
		s.complain(lie("a digest with id 0x%x, which was not asked for", m.Digest.GetDigestId()))
		return s.send(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_DigestAck{
			DigestAck: &p4v1.DigestListAck{DigestId: m.Digest.GetDigestId(), ListId: m.Digest.GetListId()}}})
	case *p4v1.StreamMessageResponse_Error:
		s.complain(fmt.Errorf("the switch refused a message: %v: %s",
			codes.Code(m.Error.GetCanonicalCode()), m.Error.GetMessage()))
	default:
		s.complain(lie("a %T, which was not asked for", m))
	}
	return nil
}

func (s *Session) complain(err error) {
	if s.opts.OnStreamError != nil {
		s.opts.OnStreamError(err)
	}
}

// send sends a message; the receiver alone must not wait for the reason why
// that failed, since it is the one that finds it.
func (s *Session) send(m *p4v1.StreamMessageRequest) error {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	return s.stream.Send(m)
}

// sendOrReason is send for everybody else.
func (s *Session) sendOrReason(m *p4v1.StreamMessageRequest) error {
	err := s.send(m)
	if errors.Is(err, io.EOF) {
		<-s.done
		err = s.Err()
	}
	return err
}
