package dstlist

import "time"

const (
	// Tick is how precisely leases end.
	Tick = 50 * time.Millisecond
	// spokes is the number of ticks in a turn, 819 s. A longer lease stays
	// in its spoke for as many turns as it takes.
	spokes = 1 << 14
)

// wheel finds the leases that end: a hashed timing wheel of lists of records.
type wheel struct {
	spoke [spokes]uint32 // the first record, as index + 1
	now   int64          // the last tick that was looked at
}

// tick is the tick in which a lease ends; one that is over already ends in the
// next.
func (w *wheel) tick(expires time.Duration) int64 {
	return max(int64(expires/Tick), w.now+1)
}

// clear forgets all leases, but not the time.
func (w *wheel) clear() { clear(w.spoke[:]) }

func (w *wheel) add(a *arena, i uint32) {
	r := a.at(i)
	// A lease that ended in the past would be found in its own tick only.
	t := w.tick(r.expires)
	if int64(r.expires/Tick) < t {
		r.expires = time.Duration(t) * Tick
	}
	head := &w.spoke[t%spokes]
	r.prev, r.next = 0, *head
	if r.next > 0 {
		a.at(r.next - 1).prev = i + 1
	}
	*head = i + 1
}

// remove takes a record out; one without a lease is not in.
func (w *wheel) remove(a *arena, i uint32) {
	r := a.at(i)
	if r.expires == never {
		return
	}
	if r.next > 0 {
		a.at(r.next - 1).prev = r.prev
	}
	if r.prev > 0 {
		a.at(r.prev - 1).next = r.next
	} else {
		w.spoke[int64(r.expires/Tick)%spokes] = r.next
	}
	r.next, r.prev = 0, 0
}

// advance calls expired with every record whose tick has come; that must
// remove it.
func (w *wheel) advance(a *arena, now time.Duration, expired func(uint32)) {
	current := int64(now / Tick)
	if current <= w.now {
		return
	}
	// More than a turn ago, every spoke is looked at once.
	first := max(w.now+1, current-spokes+1)
	w.now = current
	for t := first; t <= current; t++ {
		for next := w.spoke[t%spokes]; next > 0; {
			i := next - 1
			r := a.at(i)
			next = r.next
			if int64(r.expires/Tick) <= current {
				expired(i)
			}
		}
	}
}
