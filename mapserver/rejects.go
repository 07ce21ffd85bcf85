package mapserver

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/lisp"
)

const (
	// maxRejects is how many rejects are kept for a site, and for what
	// belongs to none.
	maxRejects = 64
	// rejectInterval is how often a new one may push out an old one, once they
	// are that many: a flood must not make work, nor hide what came before it
	// within a second.
	rejectInterval = 20 * time.Millisecond
)

// rejectLog keeps the last rejects. Repetitions (same source, cause and EID) are
// one entry with a count. Any number of goroutines may use it.
type rejectLog struct {
	rate *limiter // of all rejects together: what is beyond is only counted

	mu   sync.Mutex
	list []*Reject // oldest first; guarded by mu
	last time.Time // when an entry was made; guarded by mu
}

func newRejectLog() *rejectLog {
	return &rejectLog{rate: newLimiter(1, 1000, 250*time.Millisecond)}
}

// add notes a reject; why is called, for the words, only if they are kept.
func (l *rejectLog) add(now time.Time, from netip.AddrPort, site string, c cause, eid lisp.EID, why func() string) {
	if !l.rate.allow(now.UnixNano(), from.Addr(), 1) {
		return
	}
	key := ""
	if eid.Prefix.IsValid() {
		key = eid.String()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, r := range l.list {
		if r.From.Addr() == from.Addr() && r.Cause == c.String() && r.EID == key {
			r.Time, r.From, r.Count = now, from, r.Count+1
			if r.Count&(r.Count-1) == 0 { // the words of 1, 2, 4, … are new
				r.Reason = why()
			}
			l.list = append(slices.Delete(l.list, i, i+1), r)
			return
		}
	}
	if len(l.list) >= maxRejects {
		if now.Sub(l.last) < rejectInterval {
			return
		}
		l.list = slices.Delete(l.list, 0, 1)
	}
	l.last = now
	l.list = append(l.list, &Reject{Time: now, From: from, Site: site, EID: key, Cause: c.String(), Reason: why(), Count: 1})
}

// newest returns the rejects, the last one first.
func (l *rejectLog) newest() []Reject {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Reject, 0, len(l.list))
	for _, r := range slices.Backward(l.list) {
		out = append(out, *r)
	}
	return out
}
