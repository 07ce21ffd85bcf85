package mapserver

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/corecast/corecast/store"
)

// storeKeys is what all keys of the Map-Server's state start with.
const storeKeys = "mapserver/"

const (
	followRetry = 100 * time.Millisecond
	// sweepInterval is how often what is over is taken out of a shared store: by
	// each server, one after the other.
	sweepInterval = 5 * time.Minute
	// leftInterval is how often what could not be taken is looked at again, if the
	// sites have changed.
	leftInterval = time.Second
)

// Follow merges what other servers write to the shared store, until ctx ends. The
// way of packets does not wait for it: what another server took is known here after
// that one's Options.FlushInterval and the store's own delay.
func (s *Server) Follow(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for pause(ctx, sweepInterval/2+rand.N(sweepInterval)) {
			now := s.steady(time.Now())
			s.forgetGraves(now)
			_ = s.sweep(ctx, now) // what is left is taken the next time
		}
	})
	wg.Go(func() {
		for pause(ctx, leftInterval) {
			_ = s.mergeLeft(ctx)
		}
	})
	after := s.restored
	for ctx.Err() == nil {
		var err error
		if after, err = s.follow(ctx, after); errors.Is(err, store.ErrCompacted) {
			if after, err = s.mergeAll(ctx); err == nil {
				continue
			}
			after = 0 // everything again
		}
		pause(ctx, followRetry)
	}
	return nil
}

// pause waits, and reports whether ctx has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// follow merges what changes after a revision, and returns how far it came.
func (s *Server) follow(ctx context.Context, after store.Revision) (store.Revision, error) {
	for change, err := range s.opts.Store.Watch(ctx, storeKeys, after) {
		if err != nil {
			return after, err
		}
		now := s.steady(time.Now())
		for _, ev := range change.Events {
			s.merge(now, ev)
		}
		after = change.Revision
	}
	return after, ctx.Err()
}

// mergeLeft merges what could not be taken before the sites changed: another server
// may have known of a new site first.
func (s *Server) mergeLeft(ctx context.Context) error {
	if !s.leftOut.Load() || !s.resited.Swap(false) {
		return nil
	}
	s.leftOut.Store(false)
	_, err := s.mergeAll(ctx)
	if err != nil {
		s.leftOut.Store(true)
		s.resited.Store(true)
	}
	return err
}

// mergeAll merges all that the store has, and returns from where to follow it.
func (s *Server) mergeAll(ctx context.Context) (store.Revision, error) {
	page, err := s.opts.Store.List(ctx, storeKeys, "", 1)
	if err != nil {
		return 0, err
	}
	for e, err := range store.All(ctx, s.opts.Store, storeKeys) {
		if err != nil {
			return 0, err
		}
		s.merge(s.steady(time.Now()), store.Event{Entry: e})
	}
	return page.Revision, nil
}

// sweep takes out of the store what has been over for so long that no write of
// before can be on its way, unless somebody writes it anew meanwhile.
func (s *Server) sweep(ctx context.Context, now time.Time) error {
	before := now.Add(-graveTime).UnixNano()
	for e, err := range store.All(ctx, s.opts.Store, storeKeys) {
		if err != nil {
			return err
		}
		if end, ok := endOf(e); !ok || end > before {
			continue
		}
		_, err := s.opts.Store.Commit(ctx, store.Txn{
			If:   []store.Condition{{Key: e.Key, Modified: e.Modified}},
			Then: []store.Op{{Key: e.Key, Delete: true}},
		})
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return nil
}

// endOf is when an entry of the store was over, if it is, or will be.
func endOf(e store.Entry) (end int64, ok bool) {
	switch kind := kindOf(e.Key); kind {
	case registrationKeys:
		saved, err := decodeRegistration(e.Value)
		return saved.expires(), err == nil
	case nonceKeys:
		saved, err := decodeNonce(e.Value)
		return saved.last + int64(nonceLifetime), err == nil
	case subscriptionKeys:
		saved, err := decodeSubscription(e.Value)
		return saved.ended, err == nil && saved.ended != 0
	}
	return 0, false
}
