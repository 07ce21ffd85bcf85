package p4rtserver

import (
	"sync"
	"time"

	configv1 "github.com/p4lang/p4runtime/go/p4/config/v1"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/corecast/corecast/softswitch/engine"
)

const (
	// maxDigestList bounds a list whose configuration does not.
	maxDigestList = 1024
	// maxUnacked bounds what is remembered of lists not acknowledged yet.
	maxUnacked = 1 << 16
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

// digester gathers the digests of one pipeline into lists. mu guards it all;
// run is its goroutine.
type digester struct {
	mu       sync.Mutex
	digests  map[uint32]*digest
	byName   map[string]*digest
	enabled  map[uint32]*digestState
	nextList uint64

	wake     chan struct{} // the configuration changed: look at the clock again
	done     chan struct{}
	stopOnce sync.Once
}

// digestState is a digest that a client asked for.
type digestState struct {
	digest *digest
	config *p4v1.DigestEntry_Config

	buffer  []*p4v1.P4Data
	keys    []string
	first   time.Time // when buffer stopped being empty
	pending map[string]bool
	unacked map[uint64]*sentList
}

type sentList struct {
	keys []string
	at   time.Time
}

func newDigester(s *schema) *digester {
	d := &digester{
		digests: s.digests, byName: map[string]*digest{}, enabled: map[uint32]*digestState{},
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	for _, dig := range s.digests {
		d.byName[dig.name] = dig
	}
	return d
}

func (d *digester) stop() { d.stopOnce.Do(func() { close(d.done) }) }

// run takes digests from the dataplane until stop.
func (d *digester) run(s *Server, in <-chan engine.Digest) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		lists, next := d.expire(now)
		for _, l := range lists {
			s.sendDigestList(l)
		}
		timer.Reset(next)
		select {
		case <-d.done:
			return
		case <-d.wake:
		case <-timer.C:
		case m := <-in:
			if l := d.add(m, time.Now()); l != nil {
				s.sendDigestList(l)
			}
		}
	}
}

func (s *Server) sendDigestList(l *p4v1.DigestList) {
	if c := s.punt.Load().primary; c != nil &&
		c.offer(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Digest{Digest: l}}) {
		s.counts.digestLists.Add(1)
		return
	}
	s.counts.digestListsDropped.Add(1)
}

// add buffers a digest, and returns the list it completes.
func (d *digester) add(m engine.Digest, now time.Time) *p4v1.DigestList {
	d.mu.Lock()
	defer d.mu.Unlock()
	dig := d.byName[m.Name]
	if dig == nil {
		return nil
	}
	st := d.enabled[dig.id]
	if st == nil {
		return nil
	}
	var key []byte
	for _, f := range m.Fields {
		key = append(append(key, byte(len(f))), f...)
	}
	if st.pending[string(key)] || len(st.pending) >= maxUnacked {
		return nil
	}
	if len(st.buffer) == 0 {
		st.first = now
	}
	st.buffer = append(st.buffer, dig.format(m.Fields))
	st.keys = append(st.keys, string(key))
	st.pending[string(key)] = true
	size := int(st.config.GetMaxListSize())
	if st.config.GetMaxTimeoutNs() == 0 || size > 0 && len(st.buffer) >= size || len(st.buffer) >= maxDigestList {
		return d.flushLocked(st, now)
	}
	return nil
}

// flushLocked makes a list of the buffer.
func (d *digester) flushLocked(st *digestState, now time.Time) *p4v1.DigestList {
	d.nextList++
	l := &p4v1.DigestList{DigestId: st.digest.id, ListId: d.nextList, Data: st.buffer, Timestamp: now.UnixNano()}
	sent := &sentList{keys: st.keys, at: now}
	st.buffer, st.keys = nil, nil
	if st.config.GetAckTimeoutNs() == 0 {
		st.forget(sent)
	} else {
		st.unacked[d.nextList] = sent
	}
	return l
}

func (st *digestState) forget(l *sentList) {
	for _, k := range l.keys {
		delete(st.pending, k)
	}
}

// expire returns the lists whose time has come and how long the next has.
func (d *digester) expire(now time.Time) (lists []*p4v1.DigestList, next time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next = time.Hour
	for _, st := range d.enabled {
		if len(st.buffer) > 0 {
			left := st.first.Add(time.Duration(st.config.GetMaxTimeoutNs())).Sub(now)
			if left <= 0 {
				lists = append(lists, d.flushLocked(st, now))
			} else {
				next = min(next, left)
			}
		}
		for id, sent := range st.unacked {
			left := sent.at.Add(time.Duration(st.config.GetAckTimeoutNs())).Sub(now)
			if left <= 0 {
				st.forget(sent)
				delete(st.unacked, id)
			} else {
				next = min(next, left)
			}
		}
	}
	return lists, next
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
