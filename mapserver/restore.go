package mapserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/store"
)

// What a Map-Server that starts takes from the store.

// restore reads what the store has, and takes what is valid under the configuration
// of now. What is over is deleted; what is not valid or cannot be read stays, since
// the next start may have the right configuration again, or the right version.
func (s *Server) restore(now time.Time) error {
	page, err := s.opts.Store.List(context.Background(), storeKeys, "", 1)
	if err != nil {
		return fmt.Errorf("restore the Map-Server's state: %w", err)
	}
	s.restored = page.Revision
	writer := store.NewWriter(s.opts.Store, store.WriterOptions{Interval: s.opts.FlushInterval})
	var regs []savedEntry
	err = errors.Join(
		s.restoreAll(writer, nonceKeys, func(e store.Entry) verdict { return s.restoreNonce(now, e) }),
		s.restoreAll(writer, registrationKeys, func(e store.Entry) verdict {
			saved, err := decodeRegistration(e.Value)
			switch {
			case err != nil:
				return left
			case saved.withdrawn():
				s.mournLocked(e.Key, saved.refreshed) // nobody else has the server yet
				return over
			case saved.expires() <= now.UnixNano():
				return over
			}
			saved.refreshed = min(saved.refreshed, now.UnixNano()) // the clock may have been set back
			regs = append(regs, savedEntry{e.Key, saved})
			return taken
		}),
	)
	// Of several registrations of a prefix the latest counts.
	slices.SortStableFunc(regs, func(a, b savedEntry) int { return cmp.Compare(a.saved.refreshed, b.saved.refreshed) })
	for i := range regs {
		s.countRestored(s.restoreRegistration(now, &regs[i].saved))
	}
	err = errors.Join(err, s.restoreAll(writer, subscriptionKeys, s.restoreSubscription))
	if err != nil {
		return errors.Join(fmt.Errorf("restore the Map-Server's state: %w", err), writer.Close())
	}
	s.persist = &persister{writer}
	return nil
}

type savedEntry struct {
	key   string
	saved savedRegistration
}

// verdict is what becomes of an entry of the store.
type verdict uint8

const (
	taken verdict = iota
	left          // not taken, and left in the store
	over          // deleted
)

func (s *Server) countRestored(v verdict) {
	if v == left {
		s.counts.unrestored.Add(1)
		s.leftOut.Store(true)
	}
}

// restoreAll has the entries of a kind looked at.
func (s *Server) restoreAll(writer *store.Writer, prefix string, take func(store.Entry) verdict) error {
	for e, err := range store.All(context.Background(), s.opts.Store, prefix) {
		if err != nil {
			return err
		}
		v := take(e)
		s.countRestored(v)
		if v == over && !s.opts.Shared {
			writer.Delete(e.Key)
		}
	}
	return nil
}

// nonceLifetime is how long the nonce of an xTR is kept that does not register.
const nonceLifetime = 30 * 24 * time.Hour

func (s *Server) restoreNonce(now time.Time, e store.Entry) verdict {
	n, err := decodeNonce(e.Value)
	if err != nil {
		return left
	}
	last := time.Unix(0, min(n.last, now.UnixNano()))
	if now.Sub(last) > nonceLifetime {
		return over
	}
	sites, v := s.sites.Load(), taken
	owner := sites.sites[n.site]
	if owner == nil {
		if owner, v = sites.retired[n.site], left; owner == nil {
			owner = newSite(n.site)
			owner.retire()
			sites.retired[n.site] = owner // nobody else has the registry yet
		}
	}
	x := owner.xtr(n.xtr, s.opts.MaxXTRs)
	if x == nil {
		return left
	}
	s.known.meet(n.from.Addr(), now.UnixNano()+int64(2*registrationTimeout))
	x.mu.Lock()
	defer x.mu.Unlock()
	x.from, x.last, x.auth = n.from, last, owner.authWith(n.auth)
	x.seen = append(x.seen, n.seen)
	return v
}

func (s *Server) restoreRegistration(now time.Time, saved *savedRegistration) verdict {
	owner := s.sites.Load().sites[saved.site]
	if owner == nil || !s.sites.Load().mayRegister(owner, saved.eid) || !allowedRecord(owner.config.Load(), saved.record) {
		return left
	}
	x := owner.xtr(saved.xtr, s.opts.MaxXTRs)
	if x == nil {
		return left
	}
	s.known.meet(saved.from, now.UnixNano()+int64(2*registrationTimeout))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addRegistrationLocked(saved.eid, registrationOf(x, saved))
	return taken
}

func (s *Server) restoreSubscription(e store.Entry) verdict {
	saved, err := decodeSubscription(e.Value)
	if err != nil {
		return left
	}
	sites := s.sites.Load()
	owner := sites.sites[saved.site]
	if owner == nil {
		if gone := sites.retired[saved.site]; gone != nil && gone.knownXTR(saved.xtr) != nil {
			return left
		}
		return over
	}
	if owner.knownXTR(saved.xtr) == nil || saved.ended != 0 {
		return over
	}
	sub := subscriptionOf(owner, &saved)
	if s.opts.Shared {
		sub.elsewhere = cmp.Or(saved.node, nobody) // until TakeOver says otherwise
	} else {
		sub.nonce += nonceJump
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs.get(sub.xtr, sub.eid) == nil {
		s.subs.add(sub)
		// The crash may have lost a change: tell all subscribers anew.
		s.notifier.mark(sub, sub.eid)
	}
	return taken
}

// subscriptionOf is a subscription as the store has it.
func subscriptionOf(owner *site, saved *savedSubscription) *subscription {
	return &subscription{eid: saved.eid, xtr: saved.xtr, site: owner, to: saved.to, local: saved.local, nonce: saved.nonce}
}

// authWith finds the key of a restored authentication in the configuration.
func (s *site) authWith(saved savedAuth) lastAuth {
	conf := s.config.Load()
	auth := lisp.Auth{KeyID: saved.keyID, Algorithm: saved.algorithm}
	keys, _ := conf.candidates(&auth, nil)
	if len(keys) == 0 || saved.size != auth.Algorithm.Size() && saved.size != auth.Algorithm.TruncatedSize() {
		return lastAuth{}
	}
	return lastAuth{saved.keyID, saved.algorithm, saved.size, keys[0].id, keys[0].key}
}
