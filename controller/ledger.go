package controller

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/controller/p4rt"
)

// ledger keeps what a switch refuses, by the key of the object, until it takes
// it.
type ledger struct {
	mu      sync.Mutex // guards what follows
	refused map[string]refusedUpdate
	synced  bool // the switch's content was read once
}

type refusedUpdate struct {
	update p4rt.Update
	why    string
	since  time.Time
}

// note takes the outcome of a write of updates.
func (l *ledger) note(updates []p4rt.Update, err *p4rt.WriteError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []p4rt.UpdateError
	if err != nil {
		errs = err.Errors
	}
	if len(l.refused) > 0 {
		failed := map[int]bool{}
		for _, e := range errs {
			failed[e.Index] = true
		}
		for i, u := range updates {
			if !failed[i] {
				delete(l.refused, u.Object.Key())
			}
		}
	}
	for _, e := range errs {
		if l.refused == nil {
			l.refused = map[string]refusedUpdate{}
		}
		u := updates[e.Index]
		r := refusedUpdate{update: u, why: cmp.Or(e.Code.String() + ": " + e.Message), since: time.Now()}
		if old, ok := l.refused[u.Object.Key()]; ok && old.why == r.why {
			r.since = old.since
		}
		l.refused[u.Object.Key()] = r
	}
}

// read says that the switch's content is known.
func (l *ledger) read() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.synced = true
}

// clear forgets all refusals: the switch holds everything.
func (l *ledger) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.refused)
}

func (l *ledger) fails(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.refused[key]
	return ok
}

// all lists the refusals in the order of keys, and whether the switch was read.
func (l *ledger) all() ([]refusedUpdate, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]refusedUpdate, 0, len(l.refused))
	for _, r := range l.refused {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b refusedUpdate) int { return cmp.Compare(a.update.Object.Key(), b.update.Object.Key()) })
	return list, l.synced
}
