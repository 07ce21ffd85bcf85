package mapserver

import (
	"bytes"
	"strings"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/store"
)

// Several servers on one store take Map-Registers without asking each other: each
// writes what it took, and merges what the others wrote. What came later counts, by
// the servers' clocks; of nonces the highest. A server that finds something older
// than what it knows itself writes its own again, so that all come to have the
// same, in whatever order their writes arrive.

// graveTime is how long it is remembered that something was withdrawn: longer than
// a write of before can be on its way.
const graveTime = 10 * time.Minute

// maxGraves bounds what is remembered of what was withdrawn.
const maxGraves = 1 << 16

// merge takes in what the store has under a key, or had.
func (s *Server) merge(now time.Time, ev store.Event) {
	if ev.Deleted { // it was over, as everybody knows without being told
		return
	}
	v := taken
	switch kindOf(ev.Key) {
	case registrationKeys:
		v = s.mergeRegistration(now, ev.Entry)
	case nonceKeys:
		v = s.mergeNonce(now, ev.Entry)
	case subscriptionKeys:
		v = s.mergeSubscription(ev.Entry)
	}
	if v == taken {
		s.counts.merged.Add(1)
	}
	s.countRestored(v)
}

// kindOf is which of the kinds of keys one is of.
func kindOf(key string) string {
	for _, kind := range [...]string{registrationKeys, nonceKeys, subscriptionKeys} {
		if strings.HasPrefix(key, kind) {
			return kind
		}
	}
	return ""
}

func (s *Server) mergeRegistration(now time.Time, e store.Entry) verdict {
	saved, err := decodeRegistration(e.Value)
	if err != nil {
		return left
	}
	// A clock that is far ahead must not make it last longer than ours.
	saved.refreshed = min(saved.refreshed, now.Add(time.Minute).UnixNano())
	sites := s.sites.Load()
	owner := sites.sites[saved.site]
	if owner == nil || !sites.mayRegister(owner, saved.eid) || !allowedRecord(owner.config.Load(), saved.record) {
		return left
	}
	x := owner.xtr(saved.xtr, s.opts.MaxXTRs)
	if x == nil {
		return left
	}
	s.known.meet(saved.from, now.UnixNano()+int64(2*registrationTimeout))
	s.mu.Lock()
	defer s.mu.Unlock()
	before := findRegistration(s.db.get(saved.eid), x, saved.from)
	switch {
	case before != nil && before.newer(&saved, e.Value):
		s.tellNewer(before, &saved)
	case saved.withdrawn():
		s.mournLocked(e.Key, saved.refreshed)
		if before != nil {
			s.dropRegistrationLocked(before)
		}
	case saved.expires() <= now.UnixNano():
		return over
	case before == nil && s.graves[e.Key] >= saved.refreshed:
		s.tellWithdrawn(e.Key, x, &saved)
	default:
		s.takeMergedLocked(x, &saved, before)
	}
	return taken
}

// newer reports whether a registration is later than what the store has of it. Of
// two at the same time the greater one counts, for everybody.
func (r *registration) newer(saved *savedRegistration, value []byte) bool {
	if ours := r.refreshed.Load(); ours != saved.refreshed {
		return ours > saved.refreshed
	}
	return bytes.Compare(encodeRegistration(r), value) > 0
}

// tellNewer writes a registration again that the store has an older one of, unless
// that says the same and is fresh enough.
func (s *Server) tellNewer(r *registration, saved *savedRegistration) {
	r.saved.Store(min(r.saved.Load(), saved.refreshed))
	if saved.withdrawn() || !r.says(saved) {
		s.saveRegistration(r)
	} else {
		s.saveRefresh(r)
	}
}

// tellWithdrawn writes again that a registration is withdrawn which the store has
// once more.
func (s *Server) tellWithdrawn(key string, x *xtr, saved *savedRegistration) {
	r := registrationOf(x, saved)
	r.own = saved.record
	s.persist.w.Put(key, encodeWithdrawn(r, s.graves[key]))
}

// says reports whether a registration says what the store has of it, but for the
// time.
func (r *registration) says(saved *savedRegistration) bool {
	return r.from == saved.from && r.flags == saved.flags && r.keyID == saved.keyID && r.lifetime == saved.lifetime &&
		bytes.Equal(r.record(), saved.record)
}

// takeMergedLocked registers what another server has taken: without writing it,
// and behind what was registered later for the same prefix.
func (s *Server) takeMergedLocked(x *xtr, saved *savedRegistration, before *registration) {
	old := s.db.get(saved.eid)
	if before != nil && old.reg == before && before.says(saved) {
		before.refreshed.Store(saved.refreshed)
		before.saved.Store(saved.refreshed)
		return
	}
	r := registrationOf(x, saved)
	var list *registration
	if old != nil {
		list = old.reg
	}
	if before != nil {
		list = s.db.unlink(list, before)
	}
	list = s.shortenLocked(list)
	at := &list
	for *at != nil && (*at).refreshed.Load() > saved.refreshed {
		if (*at).saved.Load() < saved.refreshed { // the others do not know that it is the later one
			s.saveRegistration(*at)
		}
		at = &(*at).next
	}
	r.next, *at = *at, r
	s.db.regs++
	s.settleLocked(saved.eid, x.site, old, list)
	s.db.wheel.add(r)
}

// registrationOf is a registration as the store has it.
func registrationOf(x *xtr, saved *savedRegistration) *registration {
	r := &registration{
		xtr: x, from: saved.from, since: saved.since, lifetime: saved.lifetime, flags: saved.flags, keyID: saved.keyID, own: saved.record,
	}
	r.refreshed.Store(saved.refreshed)
	r.saved.Store(saved.refreshed)
	return r
}

// afterKnownLocked is when a registration came: later than all that is known of what
// the same xTR said before, even if a server with a clock ahead of ours took it.
func (s *Server) afterKnownLocked(now time.Time, eid lisp.EID, r *registration) int64 {
	at := now.UnixNano()
	if !s.opts.Shared {
		return at
	}
	old := s.db.get(eid)
	if before := findRegistration(old, r.xtr, r.from); before != nil {
		at = max(at, before.refreshed.Load()+1)
	}
	if old != nil && old.reg != nil { // the last one to register is the mapping
		at = max(at, old.reg.refreshed.Load()+1)
	}
	if len(s.graves) > 0 {
		at = max(at, s.graves[registrationKey(eid, r)]+1)
	}
	return at
}

// bareRecord is a record that says which EID-prefix it is about and nothing else.
func bareRecord(eid lisp.EID) []byte {
	r := lisp.Record{Prefix: lisp.PrefixOf(eid)}
	b, _ := r.Append(nil) // any EID-prefix can be encoded
	return b
}

// bury writes that a registration is withdrawn, and remembers it. s.mu must be
// held.
func (s *Server) bury(key string, at int64, value []byte) {
	s.mournLocked(key, at)
	s.persist.w.Put(key, value)
}

// mournLocked remembers for a while that something is withdrawn.
func (s *Server) mournLocked(key string, at int64) {
	if len(s.graves) < maxGraves || s.graves[key] != 0 {
		s.graves[key] = max(s.graves[key], at)
	}
}

// forgetGraves forgets what was withdrawn long ago.
func (s *Server) forgetGraves(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, at := range s.graves {
		if now.UnixNano()-at > int64(graveTime) {
			delete(s.graves, key)
		}
	}
}

func (s *Server) mergeNonce(now time.Time, e store.Entry) verdict {
	saved, err := decodeNonce(e.Value)
	if err != nil {
		return left
	}
	owner := s.sites.Load().sites[saved.site]
	if owner == nil {
		return left
	}
	x := owner.xtr(saved.xtr, s.opts.MaxXTRs)
	if x == nil {
		return left
	}
	s.known.meet(saved.from.Addr(), now.UnixNano()+int64(2*registrationTimeout))
	conf := owner.config.Load()
	x.mu.Lock()
	defer x.mu.Unlock()
	if last := time.Unix(0, min(saved.last, now.UnixNano())); last.After(x.last) {
		x.from, x.last, x.auth = saved.from, last, owner.authWith(saved.auth)
	}
	switch ours := x.nonceOf(saved.seen.keyID); {
	case ours == nil:
		x.seen = append(x.seen, saved.seen)
	case saved.seen.nonce > ours.nonce:
		*ours = saved.seen
	case saved.seen.nonce < ours.nonce && conf.Replay != ReplayOff:
		s.saveNonce(x, ours.keyID)
	}
	return taken
}
