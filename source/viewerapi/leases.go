package viewerapi

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/corecast/corecast/source/dstlist"
)

// leases counts leases by client address and remembers what is special about
// them. Nothing is special about most: those take no memory here.
type leases struct {
	// mu guards everything below. It is not held while a list is called.
	mu      sync.Mutex
	count   addressCounts // leases of each client
	special map[*channel]map[dstlist.ID]packed
}

// addressCounts is a number for each address. Those of IPv4 have a map of their
// own, which takes half of the memory.
type addressCounts struct {
	v4 map[[4]byte]uint16
	v6 map[[16]byte]uint16
}

func (c *addressCounts) get(a netip.Addr) uint16 {
	if a.Is4() {
		return c.v4[a.As4()]
	}
	return c.v6[a.As16()]
}

func (c *addressCounts) set(a netip.Addr, n uint16) {
	switch {
	case a.Is4() && n == 0:
		delete(c.v4, a.As4())
	case a.Is4():
		c.v4[a.As4()] = n
	case n == 0:
		delete(c.v6, a.As16())
	default:
		c.v6[a.As16()] = n
	}
}

// special is a lease whose permission ends, whose subject is known, or that
// another address asked for.
type special struct {
	until   time.Time
	client  netip.Addr
	subject string
}

// packed is a special lease in half the memory.
type packed struct {
	until   int64       // Unix milliseconds; 0 for never
	client  *netip.Addr // nil for the viewer's own address
	subject string
}

func (s special) pack(eid netip.Addr) (p packed) {
	p.subject = s.subject
	if !s.until.IsZero() {
		p.until = s.until.UnixMilli()
	}
	if s.client != eid {
		p.client = &s.client
	}
	return p
}

func (p packed) unpack(eid netip.Addr) special {
	s := special{client: eid, subject: p.subject}
	if p.until != 0 {
		s.until = time.UnixMilli(p.until)
	}
	if p.client != nil {
		s.client = *p.client
	}
	return s
}

func newLeases() *leases {
	counts := addressCounts{map[[4]byte]uint16{}, map[[16]byte]uint16{}}
	return &leases{count: counts, special: map[*channel]map[dstlist.ID]packed{}}
}

// take takes one of the leases that a client address may have.
func (l *leases) take(client netip.Addr, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.count.get(client)
	if int(n) >= most {
		return false
	}
	l.count.set(client, n+1)
	return true
}

// give gives it back.
func (l *leases) give(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveLocked(client)
}

func (l *leases) giveLocked(client netip.Addr) {
	if n := l.count.get(client); n > 0 {
		l.count.set(client, n-1)
	}
}

// set notes what is special about the lease of a viewer.
func (l *leases) set(c *channel, id dstlist.ID, eid netip.Addr, s special) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := s.pack(eid)
	switch all := l.special[c]; {
	case p == packed{}:
		delete(all, id)
	case all == nil:
		l.special[c] = map[dstlist.ID]packed{id: p}
	default:
		all[id] = p
	}
}

// restore takes one of the leases that a client address may have, and notes what
// is special about it.
func (l *leases) restore(c *channel, id dstlist.ID, eid netip.Addr, s special) {
	l.take(s.client, math.MaxUint16)
	l.set(c, id, eid, s)
}

// get returns what is special about a lease.
func (l *leases) get(c *channel, id dstlist.ID, eid netip.Addr) special {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.special[c][id].unpack(eid)
}

// remove forgets the lease of a viewer that has gone, and returns it.
func (l *leases) remove(c *channel, id dstlist.ID, eid netip.Addr) special {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.special[c][id].unpack(eid)
	delete(l.special[c], id)
	l.giveLocked(s.client)
	return s
}
