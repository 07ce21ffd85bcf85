package input

import "time"

const (
	// reorderSlots is how many packets ahead of a missing one are kept.
	reorderSlots = 64
	// reorderPatience is how long a missing one is waited for.
	reorderPatience = 60 * time.Millisecond
)

// reorder puts packets with 16-bit sequence numbers in order. One that does not
// come in time is lost; one that comes later than that, or twice, is refused.
// The zero reorder starts with the first packet.
type reorder struct {
	started bool
	next    uint16 // the sequence number to be given out next
	slots   [reorderSlots]reorderSlot
	held    int
	lost    uint64
	strange int // packets in a row that are far away from next
}

type reorderSlot struct {
	full    bool
	arrived time.Time
	media   []byte // memory is used again
}

// push takes a packet, and a copy of its media. It reports false for one that
// comes too late or twice.
func (r *reorder) push(sequence uint16, media []byte, now time.Time) bool {
	if !r.started {
		r.started, r.next = true, sequence
	}
	ahead := int16(sequence - r.next)
	switch {
	case ahead < 0 || ahead >= 4*reorderSlots:
		// A sender that starts over is far away and stays there.
		if r.strange++; r.strange < reorderSlots && (ahead < 0 || r.strange < 3) {
			return false
		}
		r.restart()
		return r.push(sequence, media, now)
	case ahead >= reorderSlots:
		r.skipTo(sequence - reorderSlots + 1)
	}
	r.strange = 0
	s := &r.slots[sequence%reorderSlots]
	if s.full {
		return false
	}
	s.full, s.arrived, s.media = true, now, append(s.media[:0], media...)
	r.held++
	return true
}

// skipTo gives up what is missing before a sequence number, and what waits
// there: that there is more than fits is rare, and a sign that all is lost.
func (r *reorder) skipTo(sequence uint16) {
	for ; r.next != sequence; r.next++ {
		s := &r.slots[r.next%reorderSlots]
		if s.full {
			s.full = false
			r.held--
		}
		r.lost++
	}
}

// pop gives out the next packet if it is there, or the one behind it if that
// has waited long enough. The media is valid until the next push.
func (r *reorder) pop(now time.Time) (media []byte, ok bool) {
	if r.held == 0 {
		return nil, false
	}
	first := r.first()
	s := &r.slots[first%reorderSlots]
	if first != r.next && now.Sub(s.arrived) < reorderPatience && r.held < reorderSlots/2 {
		return nil, false
	}
	r.lost += uint64(first - r.next)
	s.full = false
	r.held--
	r.next = first + 1
	return s.media, true
}

// first is the sequence number of the first packet that is there; there must
// be one.
func (r *reorder) first() uint16 {
	sequence := r.next
	for !r.slots[sequence%reorderSlots].full {
		sequence++
	}
	return sequence
}

// patience is how long the next packet may be waited for; 0 for as long as it
// takes.
func (r *reorder) patience(now time.Time) time.Duration {
	if r.held == 0 {
		return 0
	}
	arrived := r.slots[r.first()%reorderSlots].arrived
	return max(arrived.Add(reorderPatience).Sub(now), time.Millisecond)
}

// restart begins anew with the next packet; what waits is dropped.
func (r *reorder) restart() {
	r.started, r.held, r.strange = false, 0, 0
	for i := range r.slots {
		r.slots[i].full = false
	}
}
