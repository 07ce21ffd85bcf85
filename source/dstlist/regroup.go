package dstlist

// Regroup notes that a viewer is to be served otherwise: from the next round on
// it is. It reports whether there is such a viewer.
func (l *List) Regroup(id ID, to Delivery) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.viewers.find(id)
	if ok {
		l.regroupLocked(at, to)
	}
	return ok
}

// reviewChunk is how many viewers Review looks at while others wait.
const reviewChunk = 1 << 10

// Review asks how each viewer is to be served, and regroups those who are
// served otherwise now; where says false for whom nothing changes. It must not
// call the list. Viewers who join meanwhile may be left out. It returns how
// many viewers were regrouped.
func (l *List) Review(where func(Viewer) (Delivery, bool)) (regrouped int) {
	for from, more := uint32(0), true; more; from += reviewChunk {
		var n int
		n, more = l.reviewFrom(from, where)
		regrouped += n
	}
	return regrouped
}

func (l *List) reviewFrom(from uint32, where func(Viewer) (Delivery, bool)) (regrouped int, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := min(from+reviewChunk, l.viewers.used)
	for at := from; at < end; at++ {
		if l.viewers.at(at).site == nil {
			continue
		}
		if to, ok := where(l.viewerLocked(at)); ok && l.regroupLocked(at, to) {
			regrouped++
		}
	}
	return regrouped, end < l.viewers.used
}

// regroupLocked moves a viewer, during a round when that is over. It reports
// whether that is another place than the viewer has, or is on its way to.
func (l *List) regroupLocked(at uint32, to Delivery) bool {
	id, is := l.viewers.id(at), l.viewers.at(at).site.Delivery
	if on, moving := l.moves[id]; moving {
		is = on
	}
	if is == to {
		return false
	}
	if !l.inRound {
		delete(l.moves, id)
		l.moveLocked(id, to)
		return true
	}
	if l.moves == nil {
		l.moves = map[ID]Delivery{}
	}
	l.moves[id] = to
	return true
}

// moveSomeLocked moves viewers who had to wait for the end of a round.
func (l *List) moveSomeLocked() {
	n := max(mostChores, len(l.moves)/4)
	for id, to := range l.moves {
		if n--; n < 0 {
			return
		}
		delete(l.moves, id)
		l.moveLocked(id, to)
	}
	l.moves = nil
}

func (l *List) moveLocked(id ID, to Delivery) {
	at, ok := l.viewers.find(id)
	if !ok {
		return
	}
	v := l.viewerLocked(at)
	is := v.Delivery()
	if is == to {
		return
	}
	if is.Unicast != to.Unicast && !is.unresolved() {
		if to.Unicast {
			l.counts.ToUnicast++
		} else {
			l.counts.ToCoreCast++
		}
	}
	l.vacateLocked(at)
	v.RLOC, v.Unicast = to.RLOC, to.Unicast
	l.placeLocked(at, v)
}
