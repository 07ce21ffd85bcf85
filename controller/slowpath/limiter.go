package slowpath

import "time"

// limiter is a token bucket of one second's worth.
type limiter struct {
	rate, tokens float64
	last         time.Time
}

func perSecond(n float64) limiter { return limiter{rate: n, tokens: n} }

func (l *limiter) allow(now time.Time) bool {
	if !l.last.IsZero() {
		l.tokens = min(l.rate, l.tokens+l.rate*max(0, now.Sub(l.last).Seconds()))
	}
	l.last = now
	if l.tokens < 1 {
		return false
	}
	l.tokens--
	return true
}
