package p4rtserver

import (
	"context"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Write implements the P4Runtime RPC: every update is tried, and what became
// of each is told in the status.
func (s *Server) Write(ctx context.Context, req *p4v1.WriteRequest) (*p4v1.WriteResponse, error) {
	if err := s.checkTarget(req.DeviceId, req.Role, req.RoleId); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkPrimaryLocked(req.ElectionId); err != nil {
		return nil, err
	}
	if s.pipe == nil {
		return nil, errNoPipeline
	}
	if req.Atomicity != p4v1.WriteRequest_CONTINUE_ON_ERROR {
		return nil, unimplemented("atomicity " + req.Atomicity.String())
	}
	if len(req.Updates) > maxBatch {
		return nil, status.Errorf(codes.ResourceExhausted, "%d updates in one write: %d is the most", len(req.Updates), maxBatch)
	}
	s.counts.writes.Add(1)
	errs := make([]error, len(req.Updates))
	for i, u := range req.Updates {
		if errs[i] = s.pipe.update(u); errs[i] != nil {
			s.counts.failed.Add(1)
		} else {
			s.counts.applied.Add(1)
		}
	}
	return &p4v1.WriteResponse{}, batchError("updates", errs)
}

func (p *pipeline) update(u *p4v1.Update) error {
	if u == nil || u.Entity == nil {
		return invalid("the update has no entity")
	}
	switch u.Type {
	case p4v1.Update_INSERT, p4v1.Update_MODIFY, p4v1.Update_DELETE:
	default:
		return invalid("update type %v is not INSERT, MODIFY or DELETE", u.Type)
	}
	if err := checkKnown(u.ProtoReflect()); err != nil {
		return err
	}
	switch e := u.Entity.Entity.(type) {
	case *p4v1.Entity_TableEntry:
		return p.writeTableEntry(u.Type, e.TableEntry)
	case *p4v1.Entity_CounterEntry:
		return p.writeCounter(u.Type, e.CounterEntry)
	case *p4v1.Entity_DirectCounterEntry:
		return p.writeDirectCounter(u.Type, e.DirectCounterEntry)
	case *p4v1.Entity_RegisterEntry:
		return p.writeRegister(u.Type, e.RegisterEntry)
	case *p4v1.Entity_MeterEntry:
		return p.writeMeter(u.Type, e.MeterEntry)
	case *p4v1.Entity_DirectMeterEntry:
		return p.writeDirectMeter(u.Type, e.DirectMeterEntry)
	case *p4v1.Entity_DigestEntry:
		return p.digests.configure(u.Type, e.DigestEntry)
	case *p4v1.Entity_PacketReplicationEngineEntry:
		switch r := e.PacketReplicationEngineEntry.GetType().(type) {
		case *p4v1.PacketReplicationEngineEntry_MulticastGroupEntry:
			return p.writeGroup(u.Type, r.MulticastGroupEntry)
		case *p4v1.PacketReplicationEngineEntry_CloneSessionEntry:
			return p.writeClone(u.Type, r.CloneSessionEntry)
		}
		return invalid("packet_replication_engine_entry is neither a multicast group nor a clone session")
	}
	return unservedEntity(u.Entity)
}

// unservedEntity names what there is no service for.
func unservedEntity(e *p4v1.Entity) error {
	switch e.GetEntity().(type) {
	case nil:
		return invalid("the entity is not set")
	case *p4v1.Entity_ExternEntry:
		return unimplemented("extern_entry")
	case *p4v1.Entity_ActionProfileMember:
		return unimplemented("action_profile_member")
	case *p4v1.Entity_ActionProfileGroup:
		return unimplemented("action_profile_group")
	case *p4v1.Entity_ValueSetEntry:
		return unimplemented("value_set_entry")
	}
	return unimplemented("this kind of entity")
}
