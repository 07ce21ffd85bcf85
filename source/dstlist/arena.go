package dstlist

import (
	"math/rand/v2"
	"time"
)

// record is what is known of a viewer beside its entry.
type record struct {
	expires    time.Duration // since the list's epoch, or never
	site       *site         // nil when the record is free
	slot       uint32        // in the site
	generation uint32        // of the record: part of the ID
	// The neighbours in the wheel's slot, as index + 1; 0 for none. A free
	// record's next is the next free one.
	next, prev uint32
	word       Word
}

// never is the expiry of a viewer without a lease.
const never time.Duration = 1<<63 - 1

// arenaChunk is how many records are allocated at a time.
const arenaChunk = 1 << 12

// arena holds the records. They stay where they are: growing copies nothing.
type arena struct {
	chunks [][]record
	used   uint32 // records ever handed out
	spare  uint32 // the first free one of them, as index + 1
	first  uint32 // the generation of records that were never used
}

// newArena returns an empty one. Generations begin anywhere, so that the IDs of
// another arena, such as that of before a restart, are not met again.
func newArena() arena { return arena{first: rand.Uint32()} }

func (a *arena) at(i uint32) *record { return &a.chunks[i/arenaChunk][i%arenaChunk] }

func (a *arena) add() uint32 {
	if a.spare > 0 {
		i := a.spare - 1
		r := a.at(i)
		a.spare, r.next = r.next, 0
		return i
	}
	return a.grow()
}

// grow hands out a record that was never used.
func (a *arena) grow() uint32 {
	i := a.used
	if i%arenaChunk == 0 {
		a.chunks = append(a.chunks, make([]record, arenaChunk))
	}
	a.used++
	a.at(i).generation = a.first
	return i
}

// addAs hands out the record that id names, which must not be before the last
// one ever handed out.
func (a *arena) addAs(id ID) uint32 {
	for a.used < uint32(id) {
		i := a.grow()
		a.at(i).next, a.spare = a.spare, i+1
	}
	i := a.grow()
	a.at(i).generation = uint32(id >> 32)
	return i
}

func (a *arena) free(i uint32) {
	r := a.at(i)
	*r = record{generation: r.generation + 1, next: a.spare}
	a.spare = i + 1
}

func (a *arena) id(i uint32) ID { return ID(a.at(i).generation)<<32 | ID(i) }

// find returns the record that id names, if it is still the same stay.
func (a *arena) find(id ID) (uint32, bool) {
	i := uint32(id)
	if i >= a.used {
		return 0, false
	}
	r := a.at(i)
	return i, r.site != nil && r.generation == uint32(id>>32)
}
