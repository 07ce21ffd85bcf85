package p4rtserver

import (
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// readChunk is how many entities one message of an answer holds at most, so
// that no answer outgrows the 4 MB that gRPC clients take unless told.
const readChunk = 1000

// maxBatch is how many updates or requests one message may hold: each costs an
// error message in the worst case.
const maxBatch = 1 << 16

// Read implements the P4Runtime RPC. Requests are answered one after the
// other. What a request finds in tables, groups and the like is collected
// first, under the lock, and sent after: a slow reader holds nobody up. The
// cells of arrays, which can be millions, are read and sent in chunks, without
// the lock: each is what it was at some time during the read.
func (s *Server) Read(req *p4v1.ReadRequest, stream p4v1.P4Runtime_ReadServer) error {
	if err := s.checkTarget(req.DeviceId, req.Role, 0); err != nil {
		return err
	}
	if len(req.Entities) > maxBatch {
		return status.Errorf(codes.ResourceExhausted, "%d requests in one read: %d is the most", len(req.Entities), maxBatch)
	}
	s.mu.RLock()
	pipe := s.pipe
	s.mu.RUnlock()
	if pipe == nil {
		return errNoPipeline
	}
	out := &answer{stream: stream}
	errs := make([]error, len(req.Entities))
	for i, e := range req.Entities {
		if errs[i] = s.readOne(pipe, e, out); out.err != nil {
			return out.err
		}
	}
	if err := out.finish(); err != nil {
		return err
	}
	return batchError("requests", errs)
}

// answer sends entities in messages of readChunk.
type answer struct {
	stream p4v1.P4Runtime_ReadServer
	chunk  []*p4v1.Entity
	sent   bool
	err    error // of the stream; nothing is sent after it
}

// add takes an entity; false says that the reader has gone.
func (a *answer) add(e *p4v1.Entity) bool {
	if a.chunk = append(a.chunk, e); len(a.chunk) == readChunk {
		a.flush()
	}
	return a.err == nil
}

func (a *answer) flush() {
	if a.err == nil {
		a.err = a.stream.Send(&p4v1.ReadResponse{Entities: a.chunk})
	}
	a.chunk, a.sent = nil, true
}

// finish sends the rest; even an answer without entities is one message.
func (a *answer) finish() error {
	if len(a.chunk) > 0 || !a.sent {
		a.flush()
	}
	return a.err
}

func (s *Server) readOne(p *pipeline, m *p4v1.Entity, out *answer) error {
	if m == nil {
		return invalid("the entity is not set")
	}
	if err := checkKnown(m.ProtoReflect()); err != nil {
		return err
	}
	switch e := m.Entity.(type) {
	case *p4v1.Entity_CounterEntry:
		return p.readCounters(e.CounterEntry, out.add)
	case *p4v1.Entity_RegisterEntry:
		return p.readRegisters(e.RegisterEntry, out.add)
	case *p4v1.Entity_MeterEntry:
		return p.readMeters(e.MeterEntry, out.add)
	}
	found, err := s.collect(p, m)
	if err != nil {
		return err
	}
	for _, e := range found {
		if !out.add(e) {
			break
		}
	}
	return nil
}

// collect reads what the lock guards.
func (s *Server) collect(p *pipeline, m *p4v1.Entity) ([]*p4v1.Entity, error) {
	var found []*p4v1.Entity
	yield := func(e *p4v1.Entity) { found = append(found, e) }
	s.mu.RLock()
	defer s.mu.RUnlock()
	err := unservedEntity(m)
	switch e := m.Entity.(type) {
	case *p4v1.Entity_TableEntry:
		err = p.readTableEntries(e.TableEntry, yield)
	case *p4v1.Entity_DirectCounterEntry:
		err = p.readDirectCounters(e.DirectCounterEntry, yield)
	case *p4v1.Entity_DirectMeterEntry:
		err = p.readDirectMeters(e.DirectMeterEntry, yield)
	case *p4v1.Entity_DigestEntry:
		err = p.digests.read(e.DigestEntry, yield)
	case *p4v1.Entity_PacketReplicationEngineEntry:
		err = p.readReplication(e.PacketReplicationEngineEntry, yield)
	}
	return found, err
}
