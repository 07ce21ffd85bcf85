package engine

import "math/bits"

// meterCell is bmv2's meter: one token bucket per rate. A packet that finds
// too few tokens in bucket i gets colour i+1; buckets after it are untouched.
type meterCell struct {
	configured bool
	cfg        MeterConfig
	rates      [2]bucket
	n          int // rates in use
}

type bucket struct {
	rate, burst, tokens uint64
	last                uint64 // µs
	frac                uint64 // millionths of a token
}

// units is what a packet costs.
func (m *meterDef) units(c *packet) uint64 {
	if m.info.Bytes {
		return uint64(c.inLen)
	}
	return 1
}

func (m *meterCell) configure(cfg *MeterConfig, rates int, now uint64) {
	*m = meterCell{}
	if cfg == nil {
		return
	}
	m.configured, m.cfg, m.n = true, *cfg, rates
	m.rates[0] = bucket{rate: cfg.CIR, burst: cfg.CBurst, tokens: cfg.CBurst, last: now}
	m.rates[1] = bucket{rate: cfg.PIR, burst: cfg.PBurst, tokens: cfg.PBurst, last: now}
	if rates == 2 {
		// bmv2 orders the rates: the committed one first, whose lack of
		// tokens marks yellow; only then can the peak one mark red.
		m.rates[0], m.rates[1] = m.rates[1], m.rates[0]
	}
}

// run returns the colour: 0 green, 1 yellow, 2 red.
func (m *meterCell) run(now, units uint64) uint64 {
	if !m.configured {
		return 0
	}
	if m.n < 2 {
		if m.rates[0].take(now, units) {
			return 0
		}
		return 1
	}
	if !m.rates[0].take(now, units) { // peak
		return 2
	}
	if !m.rates[1].take(now, units) { // committed
		return 1
	}
	return 0
}

func (b *bucket) take(now, units uint64) bool {
	if now > b.last {
		hi, lo := bits.Mul64(now-b.last, b.rate)
		lo, carry := bits.Add64(lo, b.frac, 0)
		hi += carry
		b.last = now
		if hi >= 1_000_000 {
			b.tokens, b.frac = b.burst, 0
		} else {
			n, frac := bits.Div64(hi, lo, 1_000_000)
			b.frac = frac
			if n >= b.burst-min(b.tokens, b.burst) {
				b.tokens = b.burst
			} else {
				b.tokens += n
			}
		}
	}
	if b.tokens < units {
		return false
	}
	b.tokens -= units
	return true
}
