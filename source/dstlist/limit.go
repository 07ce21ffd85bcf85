package dstlist

import "sync/atomic"

// DefaultLimit is how many viewers a source has at most, unless it is told
// another number.
const DefaultLimit = 1_000_000

// Limit bounds the viewers of all lists that share it.
type Limit struct {
	most int64
	used atomic.Int64
}

// NewLimit returns a limit of most viewers.
func NewLimit(most int) *Limit { return &Limit{most: int64(most)} }

// Max returns the most viewers there may be.
func (l *Limit) Max() int { return int(l.most) }

// Used returns how many there are.
func (l *Limit) Used() int { return int(l.used.Load()) }

func (l *Limit) take() bool {
	if l.used.Add(1) <= l.most {
		return true
	}
	l.used.Add(-1)
	return false
}

func (l *Limit) give() { l.used.Add(-1) }
