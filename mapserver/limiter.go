package mapserver

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

// limiter holds sources to a rate, in memory that no number of sources makes
// larger: each source has a cell by a hash of its address, and shares it with
// those that have the same. It is the generic cell rate algorithm: a cell holds
// the time at which all that came would have come at the exact rate.
//
// Any number of goroutines may use it; the zero limiter lets everything pass.
type limiter struct {
	cells    []atomic.Int64
	seed     maphash.Seed // so that nobody can choose whose cell to share
	interval int64        // nanoseconds a unit takes
	burst    int64        // nanoseconds' worth of units that may come at once
}

const limiterCells = 1 << 14

// newLimiter makes a limiter of so many units a second for each source, with a
// burst of some time's worth of them.
func newLimiter(cells, perSecond int, burst time.Duration) *limiter {
	return &limiter{
		cells: make([]atomic.Int64, cells), seed: maphash.MakeSeed(),
		interval: max(int64(time.Second)/int64(perSecond), 1), burst: int64(burst),
	}
}

// allow takes units for a source at a time; false if that is too many.
func (l *limiter) allow(now int64, source netip.Addr, units int) bool {
	if l == nil || len(l.cells) == 0 {
		return true
	}
	return l.allowCell(now, l.cell(source), units)
}

// allowHash is allow for whatever has a hash, made with the limiter's seed.
func (l *limiter) allowHash(now int64, hash uint64, units int) bool {
	return l.allowCell(now, &l.cells[hash%uint64(len(l.cells))], units)
}

func (l *limiter) allowCell(now int64, cell *atomic.Int64, units int) bool {
	for {
		due := cell.Load()
		if due-now > l.burst {
			return false
		}
		if cell.CompareAndSwap(due, max(due, now)+int64(units)*l.interval) {
			return true
		}
	}
}

// exhausted reports whether allow would refuse.
func (l *limiter) exhausted(now int64, source netip.Addr) bool {
	return l != nil && len(l.cells) > 0 && l.cell(source).Load()-now > l.burst
}

// cell returns the cell of a source: an IPv4 address, or an IPv6 /64, which is
// what one host may have all of.
func (l *limiter) cell(source netip.Addr) *atomic.Int64 {
	if len(l.cells) == 1 {
		return &l.cells[0]
	}
	return &l.cells[hashSource(l.seed, source)%uint64(len(l.cells))]
}

func hashSource(seed maphash.Seed, source netip.Addr) uint64 {
	b := source.As16()
	if !source.Is4() {
		clear(b[8:])
	}
	return maphash.Bytes(seed, b[:])
}

// acquaintances remembers sources for a while, in fixed memory: see limiter.
type acquaintances struct {
	cells []atomic.Int64 // until when, in nanoseconds since 1970
	seed  maphash.Seed
}

func newAcquaintances() *acquaintances {
	return &acquaintances{cells: make([]atomic.Int64, limiterCells), seed: maphash.MakeSeed()}
}

func (a *acquaintances) cell(source netip.Addr) *atomic.Int64 {
	return &a.cells[hashSource(a.seed, source)%uint64(len(a.cells))]
}

// meet remembers a source until a time.
func (a *acquaintances) meet(source netip.Addr, until int64) { a.cell(source).Store(until) }

// knows reports whether a source is remembered.
func (a *acquaintances) knows(source netip.Addr, now int64) bool { return a.cell(source).Load() > now }
