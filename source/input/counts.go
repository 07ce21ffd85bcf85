package input

import "sync"

// Counts is what an input knows of its own losses.
type Counts struct {
	Lost    uint64 // packets that never came
	Late    uint64 // packets that came too late, or twice
	Refused uint64 // packets that were none, or somebody else's
}

// Counter is an Input that counts. Counts may be called by any goroutine.
type Counter interface{ Counts() Counts }

// countBox is counts that one goroutine updates and others read.
type countBox struct {
	mu     sync.Mutex // guards counts
	counts Counts
}

func (b *countBox) update(do func(*Counts)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do(&b.counts)
}

func (b *countBox) get() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts
}
