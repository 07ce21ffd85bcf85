package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
)

// witness stands between the controllers and one switch, and holds what it sees to
// what must be true of masters: each new one has a higher election id than all
// before it, and nobody writes while one with a higher id is connected.
type witness struct {
	p4v1.UnimplementedP4RuntimeServer
	name   string
	conn   *grpc.ClientConn
	to     p4v1.P4RuntimeClient
	server *grpc.Server

	mu      sync.Mutex // guards what follows
	highest uint64     // election id of all that were accepted
	since   time.Time  // when it was
	open    map[int]uint64
	streams int
	writes  int
	refused int // of old masters
	wrong   []string
}

const maxRPC = 64 << 20

// newWitness listens for a switch's controllers.
func newWitness(name, address string) (w *witness, listens string, err error) {
	w = &witness{name: name, open: map[int]uint64{}}
	w.conn, err = grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxRPC), grpc.MaxCallSendMsgSize(maxRPC)))
	if err != nil {
		return nil, "", err
	}
	w.to = p4v1.NewP4RuntimeClient(w.conn)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	w.server = grpc.NewServer(grpc.MaxRecvMsgSize(maxRPC))
	p4v1.RegisterP4RuntimeServer(w.server, w)
	go w.server.Serve(l)
	return w, l.Addr().String(), nil
}

func (w *witness) close() {
	w.server.Stop()
	w.conn.Close()
}

// master is the election id of the last new master, and since when it is that.
func (w *witness) master() (id uint64, since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.highest, w.since
}

func (w *witness) violatedLocked(format string, args ...any) {
	w.wrong = append(w.wrong, w.name+": "+fmt.Sprintf(format, args...))
}

// join notes that a controller asks to be master.
func (w *witness) join(id uint64) (stream int, before uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.streams++
	w.open[w.streams] = id
	return w.streams, w.highest
}

func (w *witness) leave(stream int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, stream)
}

// accepted notes that the switch has taken a controller that has just asked.
func (w *witness) accepted(id, before uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id < before { // the same again is a session anew of one that still is the master
		w.violatedLocked("the switch takes a master with election id %d after one with %d", id, before)
	}
	if id > w.highest {
		w.highest, w.since = id, time.Now()
	}
}

// StreamChannel implements p4v1.P4RuntimeServer.
func (w *witness) StreamChannel(from p4v1.P4Runtime_StreamChannelServer) error {
	to, err := w.to.StreamChannel(from.Context())
	if err != nil {
		return err
	}
	first, err := from.Recv()
	if err != nil {
		return err
	}
	id := first.GetArbitration().GetElectionId().GetLow()
	stream, before := w.join(id)
	defer w.leave(stream)
	if err := to.Send(first); err != nil {
		return err
	}
	go func() {
		for {
			m, err := from.Recv()
			if err != nil {
				to.CloseSend()
				return
			}
			if to.Send(m) != nil {
				return
			}
		}
	}()
	for asked := true; ; asked = false {
		m, err := to.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if a := m.GetArbitration(); asked && a != nil && a.GetStatus().GetCode() == int32(codes.OK) {
			w.accepted(id, before)
		}
		if err := from.Send(m); err != nil {
			return err
		}
	}
}

// above returns a stream with an election id above one; 0 if there is none.
func (w *witness) above(id uint64) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for stream, other := range w.open {
		if other > id && other <= w.highest {
			return stream
		}
	}
	return 0
}

// Write implements p4v1.P4RuntimeServer.
func (w *witness) Write(ctx context.Context, q *p4v1.WriteRequest) (*p4v1.WriteResponse, error) {
	id := q.GetElectionId().GetLow()
	above := w.above(id)
	answer, err := w.to.Write(ctx, q)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	_, still := w.open[above]
	switch {
	case above != 0 && still && err == nil:
		w.violatedLocked("the switch takes a write with election id %d while %d is connected", id, w.open[above])
	case above != 0 && err != nil:
		w.refused++
	}
	return answer, err
}

// Capabilities implements p4v1.P4RuntimeServer.
func (w *witness) Capabilities(ctx context.Context, q *p4v1.CapabilitiesRequest) (*p4v1.CapabilitiesResponse, error) {
	return w.to.Capabilities(ctx, q)
}

// GetForwardingPipelineConfig implements p4v1.P4RuntimeServer.
func (w *witness) GetForwardingPipelineConfig(ctx context.Context, q *p4v1.GetForwardingPipelineConfigRequest) (*p4v1.GetForwardingPipelineConfigResponse, error) {
	return w.to.GetForwardingPipelineConfig(ctx, q)
}

// SetForwardingPipelineConfig implements p4v1.P4RuntimeServer.
func (w *witness) SetForwardingPipelineConfig(ctx context.Context, q *p4v1.SetForwardingPipelineConfigRequest) (*p4v1.SetForwardingPipelineConfigResponse, error) {
	return w.to.SetForwardingPipelineConfig(ctx, q)
}

// Read implements p4v1.P4RuntimeServer.
func (w *witness) Read(q *p4v1.ReadRequest, from p4v1.P4Runtime_ReadServer) error {
	to, err := w.to.Read(from.Context(), q)
	if err != nil {
		return err
	}
	for {
		m, err := to.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := from.Send(m); err != nil {
			return err
		}
	}
}
