package watch

import (
	"sync"
	"time"

	"github.com/corecast/corecast/source/ts"
)

// Stats is how well the media comes.
type Stats struct {
	Packets   uint64        // datagrams of media
	Bytes     uint64        // of media
	Strangers uint64        // datagrams that are not the source's
	Renewals  uint64        // of the lease
	Lost      uint64        // continuity errors of the transport stream
	TSPackets uint64        // of the transport stream; 0 for other media
	Bitrate   int           // bit/s over the last second
	Jitter    time.Duration // as of RFC 3550, arrival against the stream's clock
	First     time.Time     // when the first media came
}

// statsBox measures. One goroutine gives it media, others read.
type statsBox struct {
	mu      sync.Mutex // guards everything below
	stats   Stats
	scanner ts.Scanner
	monitor ts.Monitor
	opaque  bool // it is no transport stream
	skip    int  // bytes before the first packet
	jitter  jitter

	second      time.Time // when the present second began
	secondBytes uint64
}

// media counts a datagram, and reports whether it is the first.
func (b *statsBox) media(datagram []byte, at time.Time) (first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if first = b.stats.Packets == 0; first {
		b.stats.First, b.second = at, at
		start, err := ts.Check(datagram)
		b.opaque = err != nil
		b.skip = start
	}
	b.stats.Packets++
	b.stats.Bytes += uint64(len(datagram))
	b.secondBytes += uint64(len(datagram))
	b.rateLocked(at)
	if b.opaque {
		return first
	}
	rest := datagram[b.skip:]
	for b.skip = 0; ; {
		var packet []byte
		if packet, _, rest = b.scanner.Next(rest); packet == nil {
			return first
		}
		b.monitor.Packet(packet)
		if ref, ok := ts.ReadPCR(packet); ok {
			b.jitter.add(ref, at)
		}
	}
}

func (b *statsBox) rateLocked(at time.Time) {
	if d := at.Sub(b.second); d >= time.Second {
		b.stats.Bitrate = int(float64(b.secondBytes) * 8 / d.Seconds())
		b.second, b.secondBytes = at, 0
	}
}

// stranger counts a datagram of somebody else's, and reports whether it is the
// first.
func (b *statsBox) stranger() (first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Strangers++
	return b.stats.Strangers == 1
}

func (b *statsBox) renewed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Renewals++
}

func (b *statsBox) get(now time.Time) Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rateLocked(now)
	s, h := b.stats, b.monitor.Health()
	s.Lost, s.TSPackets, s.Jitter = h.Lost, h.Packets, b.jitter.value
	return s
}

// jitter compares when clock references come with what they say, as RFC 3550,
// section 6.4.1, does with RTP timestamps.
type jitter struct {
	started bool
	last    ts.ClockReference
	at      time.Time
	value   time.Duration
}

// jitterGap is the longest time between two references that is compared: across
// a jump of the clock there is nothing to compare.
const jitterGap = time.Second

func (j *jitter) add(ref ts.ClockReference, at time.Time) {
	if j.started && ref.PID != j.last.PID {
		return
	}
	passed := time.Duration((int64(ref.Ticks) - int64(j.last.Ticks)) * 1000 / 27)
	if j.started && !ref.Discontinuity && passed >= 0 && passed < jitterGap {
		off := (at.Sub(j.at) - passed).Abs()
		j.value += (off - j.value) / 16
	}
	j.started, j.last, j.at = true, ref, at
}
