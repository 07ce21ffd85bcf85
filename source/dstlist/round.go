package dstlist

import (
	"fmt"
	"slices"
	"time"

	"github.com/corecast/corecast/wire"
)

// mostChores is how many holes and moves are dealt with between two rounds, or
// a quarter of what there is if that is more: nobody waits long for them, and
// they do not pile up.
const mostChores = 1 << 12

// Begin begins a round and returns how many packets it will take after the
// payload if nobody comes or goes.
func (l *List) Begin(now time.Time) (packets int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expireLocked(now)
	l.doChoresLocked()
	if len(l.fresh) > 0 || l.emptied {
		l.mergeLocked()
	}
	l.inRound = true
	l.cursor.site, l.cursor.slot = 0, 0
	return l.packets
}

// doChoresLocked does what had to wait for the end of a round.
func (l *List) doChoresLocked() {
	n := min(len(l.holes), max(mostChores, len(l.holes)/4))
	for _, h := range l.holes[:n] {
		l.fillLocked(h)
	}
	l.holes = dropped(l.holes, n)
	l.moveSomeLocked()
}

// dropped is a queue without its first n items, and without memory for many
// more than it has.
func dropped[T any](queue []T, n int) []T {
	rest := slices.Delete(queue, 0, n)
	if len(rest) == 0 && cap(rest) > keepCapacity {
		return nil
	}
	return rest
}

// mergeLocked brings the fresh sites into the order and takes out empty ones.
func (l *List) mergeLocked() {
	compare := func(a, b *site) int { return a.compare(b.Delivery) }
	slices.SortFunc(l.fresh, compare)
	old := l.order
	l.order = make([]*site, 0, len(old)+len(l.fresh))
	for _, s := range l.fresh {
		n, _ := slices.BinarySearchFunc(old, s, compare)
		l.order = append(append(l.order, old[:n]...), s)
		old = old[n:]
	}
	l.order = append(l.order, old...)
	l.order = slices.DeleteFunc(l.order, func(s *site) bool {
		gone := s.used == 0 && len(s.slots) == 0
		if gone {
			s.listed = false
			delete(l.sites, s.Delivery)
		}
		return gone
	})
	l.fresh = dropped(l.fresh, len(l.fresh))
	l.emptied = false
}

// Next puts the next header packets of the round for the payload id into b, or
// the viewers who get the media by unicast, until b is full or all viewers are
// served; more says which. Viewers whose lease has ended by now are not served.
func (l *List) Next(now time.Time, id wire.ID, b *Batch) (more bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expireLocked(now)
	for b.room() {
		for l.cursor.site < len(l.order) && l.cursor.slot >= len(l.order[l.cursor.site].slots) {
			l.cursor.site, l.cursor.slot = l.cursor.site+1, 0
		}
		if l.cursor.site == len(l.order) {
			return false, nil
		}
		s := l.order[l.cursor.site]
		slot, entries := l.gather(s, l.cursor.slot, b.scratch[:0])
		l.cursor.slot = slot
		switch {
		case len(entries) == 0:
		case s.Unicast:
			b.unicast = append(b.unicast, Destination{destinationOf(entries), s.RLOC})
		default:
			if err := b.header(l.kind, id, entries, s.RLOC); err != nil {
				return false, fmt.Errorf("header of payload %d: %w", id.Sequence, err)
			}
			b.entries += len(entries) / l.entrySize
		}
	}
	return true, nil
}

// gather returns the entries of one header packet from slot on, and the slot
// behind them. It uses scratch where slots are empty.
func (l *List) gather(s *site, slot int, scratch []byte) (end int, entries []byte) {
	want := l.sizeOf(s)
	if s.used == len(s.slots) {
		end = min(slot+want, len(s.slots))
		return end, s.entries[slot*l.entrySize : end*l.entrySize]
	}
	for end = slot; end < len(s.slots) && want > 0; end++ {
		if s.slots[end] != empty {
			scratch = append(scratch, s.entries[end*l.entrySize:][:l.entrySize]...)
			want--
		}
	}
	return end, scratch
}

// End ends a round, whether or not everybody was served.
func (l *List) End() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inRound = false
}
