package p4rtserver

import (
	configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corecast/corecast/softswitch/engine"
)

// digest is a digest of the P4Info.
type digest struct {
	id     uint32
	name   string
	fields int
	shape  digestShape
}

type digestShape uint8

const (
	plainShape digestShape = iota
	structShape
	tupleShape
)

func (s *schema) addDigests(info *configv1.P4Info, prog *engine.Program) error {
	known := map[string]*engine.DigestInfo{}
	for _, d := range prog.Digests() {
		known[d.Name] = d
	}
	for _, m := range info.Digests {
		name := m.GetPreamble().GetName()
		k := known[name]
		if k == nil {
			return invalid("P4Info: digest %q is not in the device config", name)
		}
		d := &digest{id: m.GetPreamble().GetId(), name: name, fields: 1}
		switch spec := m.GetTypeSpec().GetTypeSpec().(type) {
		case *configv1.P4DataTypeSpec_Struct:
			d.shape = structShape
			d.fields = len(info.GetTypeInfo().GetStructs()[spec.Struct.GetName()].GetMembers())
		case *configv1.P4DataTypeSpec_Tuple:
			d.shape = tupleShape
			d.fields = len(spec.Tuple.GetMembers())
		case *configv1.P4DataTypeSpec_Bitstring:
		default:
			return unimplemented("P4Info: digest \"" + name + "\": data that is not a struct, tuple or plain bits")
		}
		if d.fields != len(k.Fields) {
			return invalid("P4Info: digest %q has %d fields, in the device config %d", name, d.fields, len(k.Fields))
		}
		s.digests[d.id] = d
	}
	return nil
}

func (d *digest) format(fields [][]byte) *p4v1.P4Data {
	members := make([]*p4v1.P4Data, len(fields))
	for i, v := range fields {
		members[i] = bitstring(v)
	}
	switch {
	case d.shape == structShape:
		return &p4v1.P4Data{Data: &p4v1.P4Data_Struct{Struct: &p4v1.P4StructLike{Members: members}}}
	case d.shape == tupleShape:
		return &p4v1.P4Data{Data: &p4v1.P4Data_Tuple{Tuple: &p4v1.P4StructLike{Members: members}}}
	case len(members) == 1:
		return members[0]
	}
	return &p4v1.P4Data{}
}

// configure is a write of a digest_entry.
func (d *digester) configure(op p4v1.Update_Type, m *p4v1.DigestEntry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	dig := d.digests[m.GetDigestId()]
	if dig == nil {
		return invalid("digest_id %d (%#x) is not in the P4Info", m.GetDigestId(), m.GetDigestId())
	}
	st := d.enabled[dig.id]
	if op == p4v1.Update_INSERT && st != nil {
		return status.Errorf(codes.AlreadyExists, "digest %q is enabled already: MODIFY it", dig.name)
	}
	if op != p4v1.Update_INSERT && st == nil {
		return status.Errorf(codes.NotFound, "digest %q is not enabled: INSERT it", dig.name)
	}
	if op == p4v1.Update_DELETE {
		delete(d.enabled, dig.id)
		return nil
	}
	c := m.GetConfig()
	if c.GetMaxListSize() < 0 || c.GetMaxTimeoutNs() < 0 || c.GetAckTimeoutNs() < 0 {
		return invalid("digest %q: config has a negative value", dig.name)
	}
	if st == nil {
		st = &digestState{digest: dig, pending: map[string]bool{}, unacked: map[uint64]*sentList{}}
		d.enabled[dig.id] = st
	}
	st.config = c
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return nil
}

func (d *digester) read(m *p4v1.DigestEntry, yield func(*p4v1.Entity)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.DigestId != 0 && d.digests[m.DigestId] == nil {
		return invalid("digest_id %d (%#x) is not in the P4Info", m.DigestId, m.DigestId)
	}
	for _, id := range selected(m.DigestId, d.enabled) {
		yield(&p4v1.Entity{Entity: &p4v1.Entity_DigestEntry{DigestEntry: &p4v1.DigestEntry{DigestId: id, Config: d.enabled[id].config}}})
	}
	return nil
}

// ack forgets a list, so that its digests are told again when they recur.
func (d *digester) ack(m *p4v1.DigestListAck) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.digests[m.GetDigestId()] == nil {
		return invalid("digest_id %d (%#x) is not in the P4Info", m.GetDigestId(), m.GetDigestId())
	}
	if st := d.enabled[m.DigestId]; st != nil {
		if sent := st.unacked[m.ListId]; sent != nil {
			st.forget(sent)
			delete(st.unacked, m.ListId)
		}
	}
	return nil
}

func (s *Server) sendDigestList(l *p4v1.DigestList) {
	if c := s.punt.Load().primary; c != nil &&
		c.offer(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Digest{Digest: l}}) {
		s.counts.digestLists.Add(1)
		return
	}
	s.counts.digestListsDropped.Add(1)
}

// digestAck takes an acknowledgement from a stream.
func (s *Server) digestAck(c *client, m *p4v1.DigestListAck) {
	err := status.Error(codes.PermissionDenied, "only the primary may acknowledge digests")
	s.mu.RLock()
	switch {
	case s.running == nil:
		err = errNoPipeline
	case s.elect.primary == c:
		err = s.running.digests.ack(m)
	}
	s.mu.RUnlock()
	if err != nil {
		st := status.Convert(err)
		c.offer(streamError(st.Code(), st.Message(), &p4v1.StreamError{
			Details: &p4v1.StreamError_DigestListAck{DigestListAck: &p4v1.DigestListAckError{DigestListAck: m}},
		}))
	}
}
