package p4rtserver

import (
	"sync"
	"time"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"

	"github.com/corecast/corecast/softswitch/engine"
)

const (
	// maxDigestList bounds a list whose configuration does not.
	maxDigestList = 1024
	// maxUnacked bounds what is remembered of lists not acknowledged yet.
	maxUnacked = 1 << 16
)

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
