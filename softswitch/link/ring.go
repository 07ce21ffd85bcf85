package link

import (
	"sync/atomic"

	"github.com/corecast/corecast/softswitch/port"
)

// ring carries frames from one sender to one receiver. Slots between head and
// tail belong to the receiver, the others to the sender; moving an index is
// what hands slots over, so frames are copied without a lock.
type ring struct {
	slots []slot

	_    [64]byte // keep the two indexes on cache lines of their own
	tail atomic.Uint64
	_    [56]byte
	head atomic.Uint64
	_    [56]byte

	// Each holds at most one token: "look again". A token left over from
	// earlier costs one more look, a missing one cannot happen, because it is
	// put after the index has moved.
	filled, drained chan struct{}
}

type slot struct {
	length int
	data   [port.MaxFrame]byte
}

func newRing(frames int) *ring {
	return &ring{
		slots:   make([]slot, frames),
		filled:  make(chan struct{}, 1),
		drained: make(chan struct{}, 1),
	}
}

// push copies as many frames as fit. It returns how many it used up, how many
// of them went in (the others are longer than a slot), and their bytes.
func (r *ring) push(frames [][]byte) (used, sent, bytes int) {
	tail := r.tail.Load()
	room := len(r.slots) - int(tail-r.head.Load())
	for _, f := range frames {
		if len(f) > port.MaxFrame {
			used++
			continue
		}
		if sent == room {
			break
		}
		s := &r.slots[tail%uint64(len(r.slots))]
		s.length = copy(s.data[:], f)
		bytes += s.length
		tail++
		sent++
		used++
	}
	if sent > 0 {
		r.tail.Store(tail)
		signal(r.filled)
	}
	return used, sent, bytes
}

// pop fills frames from the ring. A buffer too small for its frame loses that
// frame, which is counted in dropped.
func (r *ring) pop(frames [][]byte) (n, bytes, dropped int) {
	head := r.head.Load()
	first, tail := head, r.tail.Load()
	for n < len(frames) && head != tail {
		s := &r.slots[head%uint64(len(r.slots))]
		head++
		if cap(frames[n]) < s.length {
			dropped++
			continue
		}
		frames[n] = frames[n][:s.length]
		copy(frames[n], s.data[:s.length])
		bytes += s.length
		n++
	}
	if head != first {
		r.head.Store(head)
		signal(r.drained)
	}
	return n, bytes, dropped
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
