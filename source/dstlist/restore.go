package dstlist

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// Stay is a viewer in a list, as it can be put into another one.
type Stay struct {
	ID      ID
	Viewer  Viewer
	Expires time.Time // the zero time for never
}

// ErrNotEmpty: viewers were restored into a list that has some.
var ErrNotEmpty = errors.New("the list is not empty")

// Restore puts viewers of another list into this one, which must be empty, under
// the IDs that they had. It returns those that it refuses: no viewers of this
// list, one address twice, an ID that no list with this one's Limit gives, or
// more than the Limit. It sorts stays by ID.
func (l *List) Restore(stays []Stay) (refused []Stay, err error) {
	slices.SortFunc(stays, func(a, b Stay) int { return cmp.Compare(uint32(a.ID), uint32(b.ID)) })
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.index) > 0 {
		return nil, ErrNotEmpty
	}
	l.resetLocked()
	for _, s := range stays {
		if !l.restoreLocked(s) {
			refused = append(refused, s)
		}
	}
	return refused, nil
}

func (l *List) restoreLocked(s Stay) bool {
	k := keyOf(s.Viewer)
	at := uint32(s.ID)
	if _, taken := l.index[k]; taken || at < l.viewers.used || int64(at) >= l.limit.most || l.Check(s.Viewer) != nil || !l.limit.take() {
		return false
	}
	at = l.viewers.addAs(s.ID)
	l.index[k] = at
	l.placeLocked(at, s.Viewer)
	l.leaseLocked(at, s.Expires)
	return true
}

// Clear removes all viewers at once, and returns those that had a lease, or whose
// lease has ended and was not taken yet.
func (l *List) Clear() []Expired {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.expired
	for _, at := range l.index {
		if l.viewers.at(at).expires != never {
			all = append(all, Expired{l.viewers.id(at), l.viewerLocked(at)})
		}
		l.limit.give()
	}
	l.resetLocked()
	return all
}

// resetLocked makes the list as New does.
func (l *List) resetLocked() {
	l.viewers, l.index, l.sites = newArena(), map[key]uint32{}, map[Delivery]*site{}
	l.order, l.fresh, l.emptied, l.packets = nil, nil, false, 0
	l.counts.Unicast, l.counts.Unresolved = 0, 0
	l.wheel.clear()
	l.expired, l.holes, l.moves = nil, nil, nil
	l.cursor.site, l.cursor.slot = 0, 0
}
