package demo

import (
	"hash/maphash"
	"sync"
	"time"
)

// sentLog remembers what the source sent lately: enough to hold what viewers
// receive against it, in bounded memory.
type sentLog struct {
	seed maphash.Seed

	mu      sync.RWMutex // guards all below
	entries []sentEntry  // ring, by sequence
	count   uint64
	bytes   uint64
}

type sentEntry struct {
	sequence uint32
	filled   bool
	sum      uint64 // keyed hash of the media: equal sums are equal bytes, but for one chance in 2^64
	length   int
	at       time.Time
}

// sentLogSize is how many payloads back a delivery can still be recognised: at
// 4 Mbit/s more than 20 seconds.
const sentLogSize = 1 << 13

func newSentLog() *sentLog {
	return &sentLog{seed: maphash.MakeSeed(), entries: make([]sentEntry, sentLogSize)}
}

// add notes a payload at the moment it is sent.
func (l *sentLog) add(sequence uint32, media []byte, at time.Time) {
	sum := maphash.Bytes(l.seed, media)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[sequence%sentLogSize] = sentEntry{sequence, true, sum, len(media), at}
	l.count++
	l.bytes += uint64(len(media))
}

// matches reports whether media is exactly the payload of that sequence, and
// when it was sent.
func (l *sentLog) matches(sequence uint32, media []byte) (time.Time, bool) {
	sum := maphash.Bytes(l.seed, media)
	l.mu.RLock()
	defer l.mu.RUnlock()
	e := l.entries[sequence%sentLogSize]
	return e.at, e.filled && e.sequence == sequence && e.length == len(media) && e.sum == sum
}

// totals returns how many payloads and media bytes were sent.
func (l *sentLog) totals() (payloads, bytes uint64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.count, l.bytes
}
