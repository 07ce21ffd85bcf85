package dstlist

import "time"

// Epoch is when the ticks of a list begin.
func Epoch(l *List) time.Time { return l.epoch }

// Headroom is what the packets of a batch begin with.
func Headroom(b *Batch) int { return b.headroom }
