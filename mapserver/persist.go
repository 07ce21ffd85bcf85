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

func (s *Server) deleteRegistration(r *registration) {
	if s.persist != nil {
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
	if !sub.removed {
		s.persist.w.Put(subscriptionKey(sub), encodeSubscription(sub))
	}
}

// deleteSubscription forgets a subscription that was marked as removed.
func (s *Server) deleteSubscription(sub *subscription) {
	if s.persist != nil {
		s.persist.w.Delete(subscriptionKey(sub))
	}
}

// restore reads what the store has, and takes what is still valid under the
// configuration of now. What is not, or cannot be read, is deleted.
func (s *Server) restore(now time.Time) error {
	writer := store.NewWriter(s.opts.Store, store.WriterOptions{Interval: s.opts.FlushInterval})
	var regs []savedEntry
	err := errors.Join(
		s.restoreAll(writer, nonceKeys, s.restoreNonce),
		s.restoreAll(writer, registrationKeys, func(e store.Entry) bool {
			saved, err := decodeRegistration(e.Value)
			regs = append(regs, savedEntry{e.Key, saved})
			return err == nil
		}),
	)
	// Of several registrations of a prefix the latest counts.
	slices.SortStableFunc(regs, func(a, b savedEntry) int { return cmp.Compare(a.saved.refreshed, b.saved.refreshed) })
	for i := range regs {
		if !s.restoreRegistration(now, &regs[i].saved) {
			writer.Delete(regs[i].key)
		}
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

// restoreAll has the entries of a kind taken, and deletes those that are not.
func (s *Server) restoreAll(writer *store.Writer, prefix string, take func(store.Entry) bool) error {
	for e, err := range store.All(context.Background(), s.opts.Store, prefix) {
		if err != nil {
			return err
		}
		if !take(e) {
			writer.Delete(e.Key)
		}
	}
	return nil
}

func (s *Server) restoreNonce(e store.Entry) bool {
	n, err := decodeNonce(e.Value)
	owner := s.sites.Load().sites[n.site]
	if err != nil || owner == nil {
		return false
	}
	x := owner.xtr(n.xtr, s.opts.MaxXTRs)
	if x == nil {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.from, x.last, x.auth = n.from, time.Unix(0, n.last), owner.authWith(n.auth)
	x.seen = append(x.seen, n.seen)
	return true
}

func (s *Server) restoreRegistration(now time.Time, saved *savedRegistration) bool {
	owner := s.sites.Load().sites[saved.site]
	if owner == nil || saved.expires() <= now.UnixNano() || !s.sites.Load().mayRegister(owner, saved.eid) ||
		!allowedRecord(owner.config.Load(), saved.record) {
		return false
	}
	x := owner.xtr(saved.xtr, s.opts.MaxXTRs)
	if x == nil {
		return false
	}
	r := &registration{
		xtr: x, from: saved.from, since: saved.since, lifetime: saved.lifetime, flags: saved.flags, keyID: saved.keyID, own: saved.record,
	}
	r.refreshed.Store(saved.refreshed)
	r.saved.Store(saved.refreshed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addRegistrationLocked(saved.eid, r)
	return true
}

func (s *Server) restoreSubscription(e store.Entry) bool {
	saved, err := decodeSubscription(e.Value)
	owner := s.sites.Load().sites[saved.site]
	if err != nil || owner == nil {
		return false
	}
	if owner.knownXTR(saved.xtr) == nil {
		return false
	}
	sub := &subscription{
		eid: saved.eid, xtr: saved.xtr, site: owner, to: saved.to, local: saved.local, nonce: saved.nonce + nonceJump,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs.get(sub.xtr, sub.eid) == nil {
		s.subs.add(sub)
		// The crash may have lost a change: tell all subscribers anew.
		s.notifier.mark(sub, sub.eid)
	}
	return true
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
