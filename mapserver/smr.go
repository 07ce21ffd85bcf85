package mapserver

import (
	"crypto/rand"
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/lisp"
)

const (
	// smrInterval is how often one requester is solicited for one EID-prefix
	// at most, RFC 9301 §6.1.
	smrInterval = 3 * time.Second
	// maxSMRs bounds those that wait.
	maxSMRs = 1 << 16
)

// smr is an SMR to be sent.
type smr struct {
	eid    lisp.EID
	holder holder
	due    int64 // nanoseconds since 1970
}

// smrQueue holds SMRs to be sent, in order: those that are due, and those that
// come too soon after the last one and are put off. Dropping the latter would
// leave an ITR with what was true in between.
type smrQueue struct {
	waiting atomic.Int64 // the length of both lists, to see that there are none without the lock

	mu    sync.Mutex
	ready []smr // guarded by mu
	later []smr // guarded by mu; in order of due
}

// add queues SMRs for an EID-prefix to its holders.
func (q *smrQueue) add(eid lisp.EID, list []holder) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, h := range list {
		if len(q.ready)+len(q.later) < maxSMRs {
			q.ready = append(q.ready, smr{eid: eid, holder: h})
		}
	}
	q.waiting.Store(int64(len(q.ready) + len(q.later)))
}

// take removes up to n SMRs that may be sent now.
func (q *smrQueue) take(now int64, rate *limiter, n int) (list []smr, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.later) > 0 && q.later[0].due <= now && len(list) < n {
		list = append(list, q.later[0])
		q.later = q.later[1:]
	}
	for len(q.ready) > 0 && len(list) < n {
		m := q.ready[0]
		q.ready = q.ready[1:]
		switch {
		case m.holder.until <= now: // no longer cached
		case rate.allowHash(now, hashSMR(rate.seed, m), 1):
			list = append(list, m)
		default:
			m.due = now + int64(smrInterval)
			q.later = append(q.later, m)
		}
	}
	q.waiting.Store(int64(len(q.ready) + len(q.later)))
	return list, len(q.ready) > 0
}

func hashSMR(seed maphash.Seed, m smr) uint64 {
	var b [37]byte
	to, eid := m.holder.rloc, m.eid.Prefix.Addr().As16()
	copy(b[:], to[:])
	copy(b[16:], eid[:])
	b[32] = byte(m.eid.Prefix.Bits())
	binary.BigEndian.PutUint32(b[33:], m.eid.InstanceID)
	return maphash.Bytes(seed, b[:])
}

// sendSMRs sends SMRs that are due, within a budget; true if more are.
func (s *Server) sendSMRs(now time.Time, out *Outbox, budget *int) bool {
	if s.smrs.waiting.Load() == 0 {
		return false
	}
	list, more := s.smrs.take(now.UnixNano(), s.smrRate, *budget)
	*budget -= len(list)
	for _, m := range list {
		packet, err := appendSMR(out.begin(), m)
		if err != nil { // of an EID that messages brought: it fits
			continue
		}
		out.send(packet, m.holder.local.addr(), netip.AddrPortFrom(m.holder.rloc.addr(), lisp.ControlPort))
		s.counts.smrs.Add(1)
	}
	return more
}

// appendSMR appends the Map-Request that solicits one for an EID-prefix: the
// EID is its source, as if the xTR there had sent it, and it asks for an EID of
// the requester, since xTRs drop what is for no EID of theirs (OpenOverlayRouter
// does). Who has not told one is asked for the prefix that changed.
func appendSMR(dst []byte, m smr) ([]byte, error) {
	prefix := lisp.PrefixOf(m.eid)
	asked := prefix
	if source := m.holder.source.addr(); source.IsValid() {
		asked = lisp.PrefixOf(lisp.EIDOf(m.eid.InstanceID, source))
	}
	itr := m.holder.local.addr()
	if !itr.IsValid() {
		itr = netip.IPv4Unspecified()
	}
	r := lisp.MapRequest{
		SMR: true, DontReply: true, Nonce: randomNonce(), Source: prefix.Address,
		ITRs: []lisp.Address{{IP: itr}}, Records: []lisp.EIDRecord{{Prefix: asked}},
	}
	return r.Append(dst)
}

func randomNonce() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}
