package mapserver

import "time"

// wheelSlots is the length of the timing wheel: a slot for each second, so that
// a registration of the usual 3 minutes is looked at once.
const wheelSlots = 256

// wheel finds registrations that have timed out without looking at others. Each
// is in the slot of the second it is due in; one that was refreshed meanwhile
// is moved when its slot comes up, so that refreshing costs the wheel nothing.
// Server.mu guards it.
type wheel struct {
	slots [wheelSlots]*registration // lists
	// due holds those whose slot came up, to be looked at.
	due *registration
	// now is the second whose slot came up last; 0 before the first.
	now int64
}

// add puts a registration where it is looked at once it has expired.
func (w *wheel) add(r *registration) {
	due := r.expires()/int64(time.Second) + 1
	if due <= w.now {
		due = w.now + 1
	}
	push(&w.slots[due%wheelSlots], r)
}

func push(list **registration, r *registration) {
	r.timer, r.timerAt = *list, list
	if r.timer != nil {
		r.timer.timerAt = &r.timer
	}
	*list = r
}

// remove takes a registration out of the wheel.
func (w *wheel) remove(r *registration) {
	if r.timerAt == nil {
		return
	}
	*r.timerAt = r.timer
	if r.timer != nil {
		r.timer.timerAt = r.timerAt
	}
	r.timer, r.timerAt = nil, nil
}

// advance turns the wheel to a time.
func (w *wheel) advance(now time.Time) {
	second := now.Unix()
	if w.now == 0 || second > w.now+wheelSlots {
		w.now = max(w.now, second-wheelSlots)
	}
	for ; w.now < second; w.now++ {
		slot := &w.slots[(w.now+1)%wheelSlots]
		for *slot != nil {
			r := *slot
			w.remove(r)
			push(&w.due, r)
		}
	}
}

// next returns a registration that has expired, after looking at no more than
// so many; nil when there is none. It returns what is left of that number too.
func (w *wheel) next(now time.Time, budget int) (*registration, int) {
	for w.due != nil && budget > 0 {
		r := w.due
		w.remove(r)
		budget--
		if r.expires() <= now.UnixNano() {
			return r, budget
		}
		w.add(r)
	}
	return nil, budget
}
