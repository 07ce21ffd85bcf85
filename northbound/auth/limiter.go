package auth

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// remembered is how many keys a limiter knows at most, twice.
const remembered = 8192

// limiter takes things at a rate, for each key on its own. It forgets keys that
// were not seen for longest; they start anew.
type limiter struct {
	rate  rate.Limit
	burst int

	// mu guards both maps. What is used moves from old to young; when young is
	// full it becomes old.
	mu         sync.Mutex
	young, old map[string]*rate.Limiter
}

func newLimiter(perSecond rate.Limit, burst int) *limiter {
	return &limiter{rate: perSecond, burst: burst, young: map[string]*rate.Limiter{}}
}

// allow takes one of a key, if it is due.
func (l *limiter) allow(key string, now time.Time) bool { return l.of(key).AllowN(now, 1) }

// exhausted reports whether none of a key is due.
func (l *limiter) exhausted(key string, now time.Time) bool { return l.of(key).TokensAt(now) < 1 }

func (l *limiter) of(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x := l.young[key]; x != nil {
		return x
	}
	x := l.old[key]
	if x == nil {
		x = rate.NewLimiter(l.rate, l.burst)
	}
	if len(l.young) >= remembered {
		l.young, l.old = map[string]*rate.Limiter{}, l.young
	}
	l.young[key] = x
	return x
}

// host is the key of an address: one IPv4 address, or the IPv6 addresses that
// one host can take.
func host(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.String()
	}
	return a.String()
}
