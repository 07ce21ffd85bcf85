package mapserver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/corecast/corecast/lisp"
)

// Resolve returns what the server would answer for an EID, and false if it is
// in no site: then the mapping is negative, for the hole around it.
func (s *Server) Resolve(eid lisp.EID) (Mapping, bool) {
	eid.Prefix = eid.Prefix.Masked()
	s.mu.RLock()
	defer s.mu.RUnlock()
	m := s.db.resolve(eid)
	if m == nil {
		return negativeMapping(s.db.hole(eid, 0), OriginHole, ttlHole), false
	}
	out := m.exportLocked()
	least := s.db.find(eid).eid.Prefix.Bits()
	switch {
	case m.denied():
		out.EID, out.Locators, out.Action, out.TTL = s.db.hole(eid, least), nil, lisp.ActionPolicyDenied, ttlHole
	case m.origin == unregistered:
		out.EID = s.db.hole(eid, least)
	case s.db.divided(m.eid):
		out.EID = s.db.hole(eid, least) // in the rest other mappings may answer
	}
	return out, true
}

func negativeMapping(eid lisp.EID, from Origin, ttl time.Duration) Mapping {
	return Mapping{EID: eid, Origin: from, Action: lisp.ActionForward, TTL: ttl, Proxy: true}
}

// Upstream is a Map-Resolver that knows of EIDs outside the server's sites.
type Upstream interface {
	// Lookup returns the mapping of an EID, negative ones included. It ends
	// with ctx.
	Lookup(ctx context.Context, eid lisp.EID) (Mapping, error)
}

// Resolver resolves EIDs in this process: those of the server's sites from its
// database, others by asking upstream. It remembers upstream's answers for
// their TTL, negative ones too, and failures for a few seconds. Any number of
// goroutines may use it.
type Resolver struct {
	server   *Server
	upstream Upstream // nil: there is nobody to ask
	now      func() time.Time
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	asking   sync.WaitGroup

	mu    sync.Mutex
	cache *upstreamCache           // guarded by mu
	asked map[lisp.EID]*resolution // what is being asked now; guarded by mu
}

// resolution is a question to upstream that any number of callers wait for.
type resolution struct {
	done    chan struct{} // closed when the rest is there
	mapping Mapping
	err     error
}

const (
	// lookupTimeout bounds one question to upstream.
	lookupTimeout = 10 * time.Second
	// failureTTL is how long upstream is not asked again after a failure.
	failureTTL = 5 * time.Second
	// maxCached bounds the answers that are remembered.
	maxCached = 1 << 16
)

// ErrUpstream: the upstream Map-Resolver could not be asked.
var ErrUpstream = errors.New("the upstream Map-Resolver does not answer")

// NewResolver makes a Resolver; upstream may be nil. Close it.
func NewResolver(s *Server, upstream Upstream) *Resolver {
	ctx, cancel := context.WithCancel(context.Background())
	return &Resolver{
		server: s, upstream: upstream, now: time.Now, ctx: ctx, cancel: cancel,
		cache: newUpstreamCache(maxCached), asked: map[lisp.EID]*resolution{},
	}
}

// Close ends what is being asked. No Resolve may come after.
func (r *Resolver) Close() {
	r.cancel()
	r.asking.Wait()
}

// Resolve returns the mapping of an EID. Mappings of other sites' xTRs that want
// to be asked themselves (Proxy false) are returned as they registered them.
func (r *Resolver) Resolve(ctx context.Context, eid lisp.EID) (Mapping, error) {
	eid.Prefix = eid.Prefix.Masked()
	m, ours := r.server.Resolve(eid)
	if ours || r.upstream == nil {
		return m, nil
	}
	hole := m.EID
	m, err := r.resolveUpstream(ctx, eid)
	if m.EID.Prefix.Bits() < hole.Prefix.Bits() {
		m.EID = hole // the rest is not upstream's to tell
	}
	return m, err
}

func (r *Resolver) resolveUpstream(ctx context.Context, eid lisp.EID) (Mapping, error) {
	r.mu.Lock()
	if m, err, ok := r.cache.get(r.now(), eid); ok {
		r.mu.Unlock()
		return m, err
	}
	q := r.asked[eid]
	if q == nil {
		q = &resolution{done: make(chan struct{})}
		r.asked[eid] = q
		r.asking.Add(1)
		go r.ask(eid, q)
	}
	r.mu.Unlock()
	select {
	case <-q.done:
		return q.mapping, q.err
	case <-ctx.Done():
		return Mapping{}, ctx.Err()
	}
}

// Forget has upstream asked anew for what overlaps an EID prefix: somebody said
// that it changed.
func (r *Resolver) Forget(eid lisp.EID) {
	eid.Prefix = eid.Prefix.Masked()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cache.forget(eid)
}

// ask asks upstream. Its answer is worth having even if whoever asked first does
// not wait for it.
func (r *Resolver) ask(eid lisp.EID, q *resolution) {
	defer r.asking.Done()
	ctx, cancel := context.WithTimeout(r.ctx, lookupTimeout)
	defer cancel()
	m, err := r.upstream.Lookup(ctx, eid)
	if err != nil {
		err = fmt.Errorf("%w: %s: %w", ErrUpstream, eid, err)
	} else if !covers(m.EID, eid) {
		err = fmt.Errorf("%w: asked for %s, it told of %s", ErrUpstream, eid, m.EID)
	}
	m.Origin = OriginUpstream
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.asked, eid)
	q.mapping, q.err = m, err
	if err != nil {
		q.mapping = Mapping{}
		r.cache.put(r.now(), eid, q.mapping, err, failureTTL)
	} else {
		r.cache.put(r.now(), m.EID, m, nil, m.TTL)
	}
	close(q.done)
}

func covers(outer, inner lisp.EID) bool {
	return outer.InstanceID == inner.InstanceID && outer.Prefix.IsValid() &&
		outer.Prefix.Bits() <= inner.Prefix.Bits() && outer.Prefix.Contains(inner.Prefix.Addr())
}
