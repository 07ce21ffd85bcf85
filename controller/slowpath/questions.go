package slowpath

import (
	"github.com/corecast/corecast/lisp"
	"github.com/gaissmai/bart"
)

// questions are those to the resolver that are on their way, with what changes
// meanwhile: an answer may be older than a change that was heard of before it.
type questions struct {
	open   map[lisp.EID]question
	number uint64                         // of changes so far
	recent map[uint32]*bart.Table[uint64] // numbers of changes while anything is open, by instance-id and prefix
	many   int                            // in recent
}

// question is one or more about the same EID.
type question struct {
	n     int
	after uint64 // the changes that the first of them was asked after
}

func newQuestions() questions {
	return questions{open: map[lisp.EID]question{}, recent: map[uint32]*bart.Table[uint64]{}}
}

// asked notes a question.
func (q *questions) asked(eid lisp.EID) {
	o, ok := q.open[eid]
	if !ok {
		o.after = q.number
	}
	o.n++
	q.open[eid] = o
}

// changed notes changes; false if there are too many.
func (q *questions) changed(list []lisp.EID) bool {
	if len(q.open) == 0 {
		return true
	}
	q.number++
	for _, eid := range list {
		t := q.recent[eid.InstanceID]
		if t == nil {
			t = new(bart.Table[uint64])
			q.recent[eid.InstanceID] = t
		}
		t.Insert(eid.Prefix, q.number)
		q.many++
	}
	if q.many <= maxStale {
		return true
	}
	q.forget()
	return false
}

func (q *questions) forget() {
	clear(q.recent)
	q.many = 0
}

// answered notes an answer about an EID, and returns what has changed of the
// prefix that it tells of since the question.
func (q *questions) answered(asked, told lisp.EID) (outdated []lisp.EID) {
	o := q.open[asked]
	if t := q.recent[told.InstanceID]; t != nil && told.Prefix.IsValid() {
		for prefix, number := range t.Supernets(told.Prefix) {
			if number > o.after {
				outdated = append(outdated, lisp.EID{InstanceID: told.InstanceID, Prefix: prefix})
			}
		}
		for prefix, number := range t.Subnets(told.Prefix) {
			if number > o.after && prefix != told.Prefix { // that is among both
				outdated = append(outdated, lisp.EID{InstanceID: told.InstanceID, Prefix: prefix})
			}
		}
	}
	if o.n--; o.n > 0 {
		q.open[asked] = o
		return outdated
	}
	if delete(q.open, asked); len(q.open) == 0 {
		q.forget()
	}
	return outdated
}

// resolve asks the resolver.
func (p *Path) resolve(eid lisp.EID, fresh bool) {
	p.questions.asked(eid)
	p.do.Resolve(eid, fresh)
}

// Begin says that a session with the switch has begun, and that no answer comes
// any more to what was asked before.
func (p *Path) Begin() {
	for eid := range p.questions.open {
		p.again(eid)
	}
	p.questions = newQuestions()
}
