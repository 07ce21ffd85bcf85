package mapserver

import (
	"bytes"

	"github.com/corecast/corecast/lisp"
)

// changedLocked tells everybody who wants to know that the mapping of an
// EID-prefix is another one, or came or went (nil): requesters that have it
// cached, subscribers, watchers. s.mu must be held, so that all are told in the
// order of the changes.
func (s *Server) changedLocked(eid lisp.EID, old, fresh *mapping) {
	s.counts.changes.Add(1)
	if fresh != nil {
		fresh.site.counts.changes.Add(1)
	} else {
		old.site.counts.changes.Add(1)
	}
	if old != nil && fresh != nil && old.coreCast == fresh.coreCast && bytes.Equal(old.record[recordLocators:], fresh.record[recordLocators:]) {
		fresh.holders.inherit(&old.holders) // nothing that they would do otherwise
	} else {
		s.solicitLocked(eid, old)
	}
	s.subs.markLocked(s, eid, old, fresh)
	s.watchers.tell(eid, fresh)
}

// solicitLocked has those who hold a mapping told to ask again: those of the
// prefix itself; where it did not answer, of the mapping around it that did; and
// those who were told all that is within a mapping further around.
func (s *Server) solicitLocked(eid lisp.EID, old *mapping) {
	var list []holder
	if old != nil {
		list = s.takeHolders(old)
	}
	all := old == nil || old.origin == unregistered
	for cover := s.db.above(eid); cover != nil; cover = s.db.above(cover.eid) {
		list = appendHolders(list, cover, all)
		all = all && cover.origin == unregistered
	}
	if len(list) > 0 {
		s.smrs.add(eid, list)
	}
}
