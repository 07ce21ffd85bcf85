package oracle

import (
	"time"

	"github.com/corecast/corecast/p4/build"
)

// meterKey names one meter: of a slot, a port or a punt reason.
type meterKey struct {
	kind  string
	index uint16
}

// bucket is a token bucket; a packet that finds too few tokens is refused.
type bucket struct {
	tokens uint64
	at     time.Duration
}

// take takes units from a bucket that began full when it was configured, at 0.
func (s *Switch) take(kind string, index uint16, rate Rate, units uint64) bool {
	key := meterKey{kind, index}
	b := s.meters[key]
	if b == nil {
		b = &bucket{tokens: rate.Burst}
		s.meters[key] = b
	}
	gained := uint64((s.Now-b.at)/time.Microsecond) * rate.PerSecond / 1_000_000
	b.tokens, b.at = min(rate.Burst, b.tokens+gained), s.Now
	if b.tokens < units {
		return false
	}
	b.tokens -= units
	return true
}

// limitSlot holds a channel, its source's port or a stream to their rates. A
// packet counts once, however often it goes round the loop.
func (s *Switch) limitSlot(j *job) *verdict {
	if j.pads != 0 {
		return nil
	}
	if rate, ok := s.Config.PortRates[j.port]; ok && j.member.atITR && !s.take("port", j.port, rate, 1) {
		return drop(build.DropPortRate)
	}
	if rate, ok := s.Config.SlotRates[j.member.slot]; ok && !s.take("slot", j.member.slot, rate, uint64(j.received)) {
		return drop(build.DropSlotRate)
	}
	return nil
}

// limitPunt holds a punt reason to its rate.
func (s *Switch) limitPunt(v *verdict) *verdict {
	if rate, ok := s.Config.PuntRates[v.punt]; ok && !s.take("punt", uint16(v.punt), rate, 1) {
		return drop(build.DropPuntRate)
	}
	return v
}
