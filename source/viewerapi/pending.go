package viewerapi

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// proofWaits are how long each nonce is waited for: three are sent at most.
var proofWaits = [3]time.Duration{500 * time.Millisecond, time.Second, 1500 * time.Millisecond}

// nonce is what a viewer must send back.
type nonce [16]byte

// pendingTable is the joins that wait for their address to prove itself.
type pendingTable struct {
	limits Limits

	// mu guards everything below.
	mu       sync.Mutex
	waiting  map[nonce]*pending
	byClient map[netip.Addr]int
}

// pending is one of them.
type pending struct {
	nonce  nonce
	client netip.Addr
	viewer netip.AddrPort
	once   sync.Once
	done   chan struct{} // closed when the viewer has proved itself
}

func newPendingTable(limits Limits) *pendingTable {
	return &pendingTable{limits: limits, waiting: map[nonce]*pending{}, byClient: map[netip.Addr]int{}}
}

// add begins to wait for the echo of a new nonce.
func (t *pendingTable) add(client netip.Addr, viewer netip.AddrPort) (*pending, error) {
	p := &pending{client: client, viewer: viewer, done: make(chan struct{})}
	_, _ = rand.Read(p.nonce[:]) // it never fails
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(t.waiting) >= t.limits.Pending:
		return nil, problem{http.StatusServiceUnavailable, "too many joins at once", "try again in a second"}
	case t.byClient[client] >= t.limits.PerPending:
		return nil, problem{http.StatusTooManyRequests, "too many joins at once",
			fmt.Sprintf("%s has %d under way, the most for one address", client, t.limits.PerPending)}
	}
	t.waiting[p.nonce] = p
	t.byClient[client]++
	return p, nil
}

func (t *pendingTable) remove(p *pending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, p.nonce)
	if t.byClient[p.client]--; t.byClient[p.client] == 0 {
		delete(t.byClient, p.client)
	}
}

// echoed is called with each nonce that came back. It counts only from the very
// address that it was sent to.
func (t *pendingTable) echoed(from netip.AddrPort, n nonce) {
	t.mu.Lock()
	p := t.waiting[n]
	t.mu.Unlock()
	if p != nil && p.viewer == from {
		p.once.Do(func() { close(p.done) })
	}
}
