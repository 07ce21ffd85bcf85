package source

import (
	"sync"
	"sync/atomic"

	"github.com/corecast/corecast/source/ts"
)

// Counts is what a source has done so far.
type Counts struct {
	Payloads   uint64 // payload packets sent, one per chunk
	Headers    uint64 // header packets sent
	Entries    uint64 // viewers named in them
	Unicast    uint64 // packets with the media itself, each to one viewer
	MediaBytes uint64 // bytes of media in the payloads
	Unsent     uint64 // packets that the sender could not get rid of
	Shorter    uint64 // times the payload size was cut to what the path takes
	Shifts     uint64 // times the stream fell behind by more than MaxLag
	Warnings   uint64 // things that were odd about the input
}

// Progress is Counts while they change: Run writes them, anybody reads them.
type Progress struct {
	payloads, headers, entries, unicast, mediaBytes, unsent, shorter, shifts, warnings atomic.Uint64

	mu     sync.Mutex // guards health
	health ts.Health
}

// Health returns what has been seen of the input, a transport stream.
func (p *Progress) Health() ts.Health {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.health
}

func (p *Progress) setHealth(h ts.Health) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.health = h
}

// Counts returns the counts of this moment. A round under way may show partly.
func (p *Progress) Counts() Counts {
	return Counts{
		Payloads:   p.payloads.Load(),
		Headers:    p.headers.Load(),
		Entries:    p.entries.Load(),
		Unicast:    p.unicast.Load(),
		MediaBytes: p.mediaBytes.Load(),
		Unsent:     p.unsent.Load(),
		Shorter:    p.shorter.Load(),
		Shifts:     p.shifts.Load(),
		Warnings:   p.warnings.Load(),
	}
}
