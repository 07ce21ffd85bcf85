package mapserver

import (
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
