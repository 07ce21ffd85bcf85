package p4rtserver

import (
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// readChunk is how many entities one message of an answer holds at most, so
// that no answer outgrows the 4 MB that gRPC clients take unless told.
const readChunk = 1000

const (
	// maxBatch is how many updates or requests one message may hold: each costs
	// an error message in the worst case.
	maxBatch = 1 << 16
	// maxAnswer is how many entities one Read may collect: a few bytes of
	// request can ask for every entry of every table.
	maxAnswer = 1 << 20
)

// Read implements the P4Runtime RPC. What is asked for is collected first,
// under the lock, and sent after: a slow reader holds nobody up.
func (s *Server) Read(req *p4v1.ReadRequest, stream p4v1.P4Runtime_ReadServer) error {
	if err := s.checkTarget(req.DeviceId, req.Role, 0); err != nil {
		return err
	}
	entities, errs, err := s.collect(req)
	if err != nil {
		return err
	}
	for first := true; first || len(entities) > 0; first = false {
		n := min(len(entities), readChunk)
		if err := stream.Send(&p4v1.ReadResponse{Entities: entities[:n]}); err != nil {
			return err
		}
		entities = entities[n:]
	}
	return batchError("requests", errs)
}

func (s *Server) collect(req *p4v1.ReadRequest) (entities []*p4v1.Entity, errs []error, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.pipe == nil {
		return nil, nil, errNoPipeline
	}
	if len(req.Entities) > maxBatch {
		return nil, nil, status.Errorf(codes.ResourceExhausted, "%d requests in one read: %d is the most", len(req.Entities), maxBatch)
	}
	errs = make([]error, len(req.Entities))
	for i, e := range req.Entities {
		before := len(entities)
		if before > maxAnswer {
			return nil, nil, status.Errorf(codes.ResourceExhausted, "the answer has more than %d entities: ask for less at once", maxAnswer)
		}
		errs[i] = s.pipe.read(e, func(found *p4v1.Entity) { entities = append(entities, found) })
		if errs[i] != nil {
			entities = entities[:before]
		}
	}
	return entities, errs, nil
}

func (p *pipeline) read(m *p4v1.Entity, yield func(*p4v1.Entity)) error {
	if m == nil {
		return invalid("the entity is not set")
	}
	if err := checkKnown(m.ProtoReflect()); err != nil {
		return err
	}
	switch e := m.Entity.(type) {
	case *p4v1.Entity_TableEntry:
		return p.readTableEntries(e.TableEntry, yield)
	case *p4v1.Entity_CounterEntry:
		return p.readCounters(e.CounterEntry, yield)
	case *p4v1.Entity_DirectCounterEntry:
		return p.readDirectCounters(e.DirectCounterEntry, yield)
	case *p4v1.Entity_RegisterEntry:
		return p.readRegisters(e.RegisterEntry, yield)
	case *p4v1.Entity_DigestEntry:
		return p.digests.read(e.DigestEntry, yield)
	case *p4v1.Entity_PacketReplicationEngineEntry:
		return p.readReplication(e.PacketReplicationEngineEntry, yield)
	}
	return unservedEntity(m)
}
