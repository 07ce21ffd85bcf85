package dstlist

import (
	"net/netip"
	"slices"

	"github.com/corecast/corecast/wire"
)

// site is the viewers behind one RLOC. A slot is an entry as it goes on the
// wire, and the record it belongs to. Slots of viewers that left are empty
// until they are filled with the last ones, which is never done during a round.
type site struct {
	rloc    netip.Addr
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

// regroup is a viewer to be moved to another site.
type regroup struct {
	id   ID
	rloc netip.Addr
}

// packetsOf returns how many header packets serve n viewers of s.
func (l *List) packetsOf(s *site, n int) int {
	size := l.sizeOf(s)
	return (n + size - 1) / size
}

// sizeOf is the most viewers of s in one header packet.
func (l *List) sizeOf(s *site) int {
	if !s.rloc.IsValid() {
		return 1
	}
	return l.listSize
}

// placeLocked gives a record a slot at the end of its site.
func (l *List) placeLocked(at uint32, v Viewer) {
	s := l.sites[v.RLOC]
	if s == nil {
		s = &site{rloc: v.RLOC}
		l.sites[v.RLOC] = s
	}
	if !s.listed {
		s.listed = true
		l.fresh = append(l.fresh, s)
	}
	r := l.viewers.at(at)
	r.site, r.slot = s, uint32(len(s.slots))
	s.slots = append(s.slots, at)
	s.entries = wire.AppendEntry(s.entries, netip.AddrPortFrom(v.EID, v.Port))
	l.packets += l.packetsOf(s, s.used+1) - l.packetsOf(s, s.used)
	s.used++
}

// vacateLocked empties the slot of a record.
func (l *List) vacateLocked(at uint32) {
	r := l.viewers.at(at)
	s := r.site
	s.slots[r.slot] = empty
	l.packets -= l.packetsOf(s, s.used) - l.packetsOf(s, s.used-1)
	s.used--
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

// Regroup notes that a viewer's site has another RLOC: from the next round on
// it is served with the viewers there. It reports whether there is such a
// viewer.
func (l *List) Regroup(id ID, rloc netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.viewers.find(id); !ok {
		return false
	}
	if l.inRound || len(l.moves) > 0 { // in the order they are asked for
		l.moves = append(l.moves, regroup{id, rloc})
	} else {
		l.moveLocked(id, rloc)
	}
	return true
}

func (l *List) moveLocked(id ID, rloc netip.Addr) {
	at, ok := l.viewers.find(id)
	if !ok {
		return
	}
	v := l.viewerLocked(at)
	if v.RLOC == rloc {
		return
	}
	l.vacateLocked(at)
	v.RLOC = rloc
	l.placeLocked(at, v)
}
