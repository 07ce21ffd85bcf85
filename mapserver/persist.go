package mapserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/store"
)

// What survives a restart, by key. Values are those of persist_format.go.
//
//	mapserver/registration/INSTANCE/PREFIX/XTR   what an xTR registered
//	mapserver/nonce/SITE/XTR/KEY                 the nonce that came last
//	mapserver/subscription/INSTANCE/PREFIX/XTR   a PubSub subscription
//
// Nobody waits for a write: they gather, and are written together by the
// store.Writer's goroutine. What a crash loses is what came within the last
// Options.FlushInterval; xTRs register again within a minute.
const (
	registrationKeys = "mapserver/registration/"
	nonceKeys        = "mapserver/nonce/"
	subscriptionKeys = "mapserver/subscription/"
)

// savedShare is how stale the time of the last refresh may be in the store, as a
// share of the registration's lifetime: a refresh alone is not written each
// time. After a restart a registration ends that much early at most, never
// late.
const savedShare = 4

// nonceJump is added to the nonces of restored subscriptions: the crash may have
// lost some that were used, and each must be greater than all before.
const nonceJump = 1 << 16

type persister struct{ w *store.Writer }

func (p *persister) close() error { return p.w.Close() }

func registrationKey(eid lisp.EID, r *registration) string {
	who := r.xtr.id.String()
	if r.xtr.id == (lisp.XTR{}) && r.flags&regMerge != 0 {
		who = r.from.String()
	}
	return registrationKeys + eidKey(eid) + "/" + who
}

func eidKey(eid lisp.EID) string {
	return strconv.FormatUint(uint64(eid.InstanceID), 10) + "/" + eid.Prefix.String()
}

// saveRegistration writes a registration. s.mu must be held, here and below, so
// that writes are in the order of the changes.
func (s *Server) saveRegistration(r *registration) {
	if s.persist == nil {
		return
	}
	if s.persist.w.Put(registrationKey(r.mapping.eid, r), encodeRegistration(r)) {
		r.saved.Store(r.refreshed.Load())
	}
}

// saveRefresh writes a registration that was refreshed, if that is due.
func (s *Server) saveRefresh(r *registration) {
	if s.persist == nil {
		return
	}
	if r.refreshed.Load()-r.saved.Load() > int64(r.lifetime)*int64(time.Second)/savedShare {
		s.saveRegistration(r)
	}
}

// forgetRegistration notes that a registration has timed out or is not allowed any
// more. Where others have the store too, they find that out by themselves, or have
// heard from the xTR since.
func (s *Server) forgetRegistration(r *registration) {
	if s.persist != nil && !s.opts.Shared {
		s.persist.w.Delete(registrationKey(r.mapping.eid, r))
	}
}

// withdrawRegistration notes that an xTR does not want a registration any more.
// Others who have the store are told since when, so that what they heard of it
// before does not bring it back.
func (s *Server) withdrawRegistration(now time.Time, r *registration) {
	switch {
	case s.persist == nil:
	case s.opts.Shared:
		at := max(now.UnixNano(), r.refreshed.Load()+1)
		s.bury(registrationKey(r.mapping.eid, r), at, encodeWithdrawn(r, at))
	default:
		s.persist.w.Delete(registrationKey(r.mapping.eid, r))
	}
}

func nonceKey(x *xtr, keyID uint8) string {
	return nonceKeys + x.site.name + "/" + x.id.String() + "/" + strconv.Itoa(int(keyID))
}

// saveNonce writes the nonce that came last with a key, and how the xTR
// authenticated itself. x.mu must be held.
func (s *Server) saveNonce(x *xtr, keyID uint8) {
	if s.persist != nil {
		s.persist.w.Put(nonceKey(x, keyID), encodeNonce(x, x.nonceOf(keyID)))
	}
}

func subscriptionKey(sub *subscription) string {
	return subscriptionKeys + eidKey(sub.eid) + "/" + sub.xtr.String()
}

// saveSubscription writes a subscription and its nonce.
func (s *Server) saveSubscription(sub *subscription) {
	if s.persist == nil {
		return
	}
	s.notifier.mu.Lock()
	defer s.notifier.mu.Unlock()
	if !sub.removed && sub.elsewhere == "" {
		s.persist.w.Put(subscriptionKey(sub), encodeSubscription(sub, s.opts.Node, 0))
	}
}

// deleteSubscription forgets a subscription that was marked as removed. Others who
// have the store are told, so that what they heard of it before does not bring it
// back.
func (s *Server) deleteSubscription(sub *subscription) {
	switch {
	case s.persist == nil:
	case s.opts.Shared:
		s.notifier.mu.Lock()
		defer s.notifier.mu.Unlock()
		s.persist.w.Put(subscriptionKey(sub), encodeSubscription(sub, s.opts.Node, s.steady(time.Now()).UnixNano()))
	default:
		s.persist.w.Delete(subscriptionKey(sub))
	}
}

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
