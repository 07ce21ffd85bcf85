package dstlist

import (
	"net/netip"
	"slices"

	"github.com/corecast/corecast/wire"
)

// site is the viewers who are served alike: behind one RLOC, or by unicast. A slot is an entry as it goes on the
// wire, and the record it belongs to. Slots of viewers that left are empty
// until they are filled with the last ones, which is never done during a round.
type site struct {
	Delivery
	entries []byte   // of all slots
	slots   []uint32 // the records, or empty
	used    int      // slots that are not empty
	listed  bool     // is in the list's order, or among the fresh ones
}

// empty marks a slot without a viewer.
const empty = ^uint32(0)

// hole is a slot to be filled.
type hole struct {
	site *site
	slot uint32
}

// packetsOf returns how many packets serve n viewers of s.
func (l *List) packetsOf(s *site, n int) int {
	size := l.sizeOf(s)
	return (n + size - 1) / size
}

// sizeOf is the most viewers of s in one packet.
func (l *List) sizeOf(s *site) int {
	if s.Unicast || s.unresolved() {
		return 1
	}
	return l.listSize
}

// placeLocked gives a record a slot at the end of its site.
func (l *List) placeLocked(at uint32, v Viewer) {
	to := v.Delivery()
	s := l.sites[to]
	if s == nil {
		s = &site{Delivery: to}
		l.sites[to] = s
	}
	if !s.listed {
		s.listed = true
		l.fresh = append(l.fresh, s)
	}
	r := l.viewers.at(at)
	r.site, r.slot, r.word = s, uint32(len(s.slots)), v.Word
	s.slots = append(s.slots, at)
	s.entries = wire.AppendEntry(s.entries, netip.AddrPortFrom(v.EID, v.Port))
	l.packets += l.packetsOf(s, s.used+1) - l.packetsOf(s, s.used)
	s.used++
	l.countLocked(to, 1)
}

// vacateLocked empties the slot of a record.
func (l *List) vacateLocked(at uint32) {
	r := l.viewers.at(at)
	s := r.site
	s.slots[r.slot] = empty
	l.packets -= l.packetsOf(s, s.used) - l.packetsOf(s, s.used-1)
	s.used--
	l.countLocked(s.Delivery, -1)
	h := hole{s, r.slot}
	if l.inRound {
		l.holes = append(l.holes, h)
	} else {
		l.fillLocked(h)
	}
}

// fillLocked puts the last viewer of a site into an empty slot.
func (l *List) fillLocked(h hole) {
	s := h.site
	for len(s.slots) > 0 && s.slots[len(s.slots)-1] == empty {
		l.truncate(s, len(s.slots)-1)
	}
	l.emptied = l.emptied || s.used == 0
	// The slot may be gone, or taken by a viewer that joined since.
	if int(h.slot) >= len(s.slots) || s.slots[h.slot] != empty {
		return
	}
	last := len(s.slots) - 1
	at := s.slots[last]
	copy(s.entries[int(h.slot)*l.entrySize:][:l.entrySize], s.entries[last*l.entrySize:])
	s.slots[h.slot] = at
	l.viewers.at(at).slot = h.slot
	l.truncate(s, last)
}

// truncate drops the slots from n on, and memory that is mostly unused.
func (l *List) truncate(s *site, n int) {
	s.slots, s.entries = s.slots[:n], s.entries[:n*l.entrySize]
	if c := cap(s.slots); c > 64 && n < c/4 {
		s.slots, s.entries = slices.Clone(s.slots), slices.Clone(s.entries)
	}
}
