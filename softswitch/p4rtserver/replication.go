package p4rtserver

import (
	"maps"
	"slices"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"

	"github.com/corecast/corecast/softswitch/engine"
)

// What v1model has room for.
const (
	maxPort      = 1<<9 - 1  // standard_metadata.egress_spec
	maxInstance  = 1<<16 - 1 // standard_metadata.egress_rid
	maxGroup     = 1<<16 - 1 // standard_metadata.mcast_grp
	maxCloneID   = 1<<15 - 1 // bmv2's mirroring sessions
	maxCloneSize = 1<<16 - 1
)

func parseReplicas(what string, list []*p4v1.Replica) ([]engine.Replica, error) {
	out := make([]engine.Replica, 0, len(list))
	seen := make(map[engine.Replica]bool, len(list))
	for _, m := range list {
		r := engine.Replica{Port: m.GetEgressPort(), Instance: m.GetInstance()}
		switch {
		case r.Port > maxPort:
			return nil, invalid("%s: egress_port %d is above %d, the largest of v1model's 9 bits", what, r.Port, maxPort)
		case r.Instance > maxInstance:
			return nil, invalid("%s: instance %d is above %d", what, r.Instance, maxInstance)
		case seen[r]:
			return nil, invalid("%s: egress_port %d, instance %d is given twice: use another instance", what, r.Port, r.Instance)
		}
		seen[r] = true
		out = append(out, r)
	}
	return out, nil
}

// merge is what a MODIFY leaves of old and wanted: replicas that stay keep
// their place, new ones come last, in the order given. It is what bmv2 does,
// and what programs that depend on the order of copies rely on.
func merge(old, wanted []engine.Replica) []engine.Replica {
	out := slices.DeleteFunc(slices.Clone(old), func(r engine.Replica) bool { return !slices.Contains(wanted, r) })
	for _, r := range wanted {
		if !slices.Contains(old, r) {
			out = append(out, r)
		}
	}
	return out
}

func (p *pipeline) writeGroup(op p4v1.Update_Type, m *p4v1.MulticastGroupEntry) error {
	id := m.GetMulticastGroupId()
	if id == 0 || id > maxGroup {
		return invalid("multicast_group_id %d is not in 1 to %d", id, maxGroup)
	}
	if op == p4v1.Update_DELETE {
		if err := p.plane.DeleteMulticastGroup(id); err != nil {
			return engineError(err)
		}
		delete(p.groups, id)
		return nil
	}
	replicas, err := parseReplicas("multicast group", m.Replicas)
	if err != nil {
		return err
	}
	if op == p4v1.Update_INSERT {
		err = p.plane.InsertMulticastGroup(engine.MulticastGroup{ID: id, Replicas: replicas})
	} else {
		replicas = merge(p.groups[id], replicas)
		err = p.plane.ModifyMulticastGroup(engine.MulticastGroup{ID: id, Replicas: replicas})
	}
	if err == nil {
		p.groups[id] = replicas
	}
	return engineError(err)
}

func (p *pipeline) writeClone(op p4v1.Update_Type, m *p4v1.CloneSessionEntry) error {
	id := m.GetSessionId()
	if id == 0 || id > maxCloneID {
		return invalid("session_id %d is not in 1 to %d", id, maxCloneID)
	}
	if op == p4v1.Update_DELETE {
		if err := p.plane.DeleteCloneSession(id); err != nil {
			return engineError(err)
		}
		delete(p.clones, id)
		return nil
	}
	if m.ClassOfService != 0 {
		return unimplemented("class_of_service of a clone session")
	}
	if m.PacketLengthBytes < 0 || m.PacketLengthBytes > maxCloneSize {
		return invalid("clone session %d: packet_length_bytes %d is not in 0 to %d", id, m.PacketLengthBytes, maxCloneSize)
	}
	replicas, err := parseReplicas("clone session", m.Replicas)
	if err != nil {
		return err
	}
	c := engine.CloneSession{ID: id, Replicas: replicas, PacketLength: uint32(m.PacketLengthBytes)}
	if op == p4v1.Update_INSERT {
		err = p.plane.InsertCloneSession(c)
	} else {
		c.Replicas = merge(p.clones[id].Replicas, replicas)
		err = p.plane.ModifyCloneSession(c)
	}
	if err == nil {
		p.clones[id] = c
	}
	return engineError(err)
}

func (p *pipeline) readReplication(m *p4v1.PacketReplicationEngineEntry, yield func(*p4v1.Entity)) error {
	wrap := func(e *p4v1.PacketReplicationEngineEntry) {
		yield(&p4v1.Entity{Entity: &p4v1.Entity_PacketReplicationEngineEntry{PacketReplicationEngineEntry: e}})
	}
	switch r := m.GetType().(type) {
	case *p4v1.PacketReplicationEngineEntry_MulticastGroupEntry:
		for _, id := range selected(r.MulticastGroupEntry.GetMulticastGroupId(), p.groups) {
			wrap(&p4v1.PacketReplicationEngineEntry{Type: &p4v1.PacketReplicationEngineEntry_MulticastGroupEntry{
				MulticastGroupEntry: &p4v1.MulticastGroupEntry{MulticastGroupId: id, Replicas: formatReplicas(p.groups[id])},
			}})
		}
	case *p4v1.PacketReplicationEngineEntry_CloneSessionEntry:
		for _, id := range selected(r.CloneSessionEntry.GetSessionId(), p.clones) {
			c := p.clones[id]
			wrap(&p4v1.PacketReplicationEngineEntry{Type: &p4v1.PacketReplicationEngineEntry_CloneSessionEntry{
				CloneSessionEntry: &p4v1.CloneSessionEntry{
					SessionId: id, Replicas: formatReplicas(c.Replicas), PacketLengthBytes: int32(c.PacketLength),
				},
			}})
		}
	default:
		return invalid("packet_replication_engine_entry is neither a multicast group nor a clone session")
	}
	return nil
}

// selected is the one id asked for, if it exists, or all of them in order.
func selected[V any](id uint32, all map[uint32]V) []uint32 {
	if id == 0 {
		return slices.Sorted(maps.Keys(all))
	}
	if _, ok := all[id]; ok {
		return []uint32{id}
	}
	return nil
}

func formatReplicas(list []engine.Replica) []*p4v1.Replica {
	out := make([]*p4v1.Replica, len(list))
	for i, r := range list {
		out[i] = &p4v1.Replica{EgressPort: r.Port, Instance: r.Instance}
	}
	return out
}
