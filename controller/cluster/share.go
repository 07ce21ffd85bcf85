package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/corecast/corecast/store"
)

const (
	// relist is how often everything is listed anew: a watch that has died
	// without saying so costs no more than that.
	relist = 10 * time.Second
	// batch bounds the keys of one transaction; etcd takes 128 operations.
	batch = 50
)

// beginEpoch begins the election ids anew, with the clock, unless other nodes are
// using those that there are: so switches that remember ids of before accept the
// next, even if the store was lost, or is an older one restored.
func (c *Cluster) beginEpoch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*c.opts.TTL)
	defer cancel()
	for {
		before, err := c.opts.Store.Get(ctx, epochKey)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		epoch := uint64(time.Now().UnixNano())
		if err == nil {
			now, err := epochOf(before.Value)
			if err != nil {
				return err
			}
			others, err := c.opts.Store.List(ctx, nodeKeys, "", 1)
			if err != nil || len(others.Entries) > 0 {
				return err
			}
			epoch = max(epoch, now+1)
		}
		_, err = store.PutIf(ctx, c.opts.Store, epochKey, binary.BigEndian.AppendUint64(nil, epoch), before.Modified)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

func epochOf(value []byte) (uint64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("%s holds %d bytes, not 8: delete it", epochKey, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

// follow keeps the view what the store has, and does what this node is to do, for
// a while or until it fails.
func (c *Cluster) follow(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, relist, errRelist)
	defer cancel()
	revision, err := c.list(ctx)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.watch(ctx, revision) }()
	defer func() { cancel(); <-ended }()
	for {
		retry := c.step(ctx)
		select {
		case <-c.wake:
		case <-retry:
		case err := <-ended:
			ended <- err // for the one who waits for its end
			return unlessRelist(ctx, err)
		case <-ctx.Done():
			return unlessRelist(ctx, ctx.Err())
		}
	}
}

var errRelist = errors.New("time to list anew")

func unlessRelist(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errRelist) {
		return nil
	}
	return err
}

// list makes the view what the store has.
func (c *Cluster) list(ctx context.Context) (store.Revision, error) {
	fresh, after, first := newView(), "", store.Revision(0)
	for {
		pageCtx, cancel := context.WithTimeout(ctx, c.opts.TTL)
		page, err := c.opts.Store.List(pageCtx, Prefix, after, 1000)
		cancel()
		if err != nil {
			return 0, err
		}
		if after == "" {
			first = page.Revision
		}
		for _, e := range page.Entries {
			fresh.note(store.Event{Entry: e})
			after = e.Key
		}
		if !page.More {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.view = fresh
	c.forgetReleasedLocked()
	c.tellLocked()
	return first, nil
}

// watch takes in what changes after a revision.
func (c *Cluster) watch(ctx context.Context, after store.Revision) error {
	for change, err := range c.opts.Store.Watch(ctx, Prefix, after) {
		if err != nil {
			return err
		}
		c.mu.Lock()
		news := false
		for _, ev := range change.Events {
			c.view.note(ev)
			news = news || !strings.HasPrefix(ev.Key, statusKeys)
		}
		c.forgetReleasedLocked()
		c.tellLocked()
		c.mu.Unlock()
		if news {
			c.poke()
		}
	}
	return ctx.Err()
}

// forgetReleasedLocked forgets that switches were given up which are not ours in
// the store any more.
func (c *Cluster) forgetReleasedLocked() {
	for name := range c.releasing {
		if c.view.holders[name].node != c.self.ID {
			delete(c.releasing, name)
		}
	}
}

// step does what there is to do now, and returns when to try again what did not
// work; nil if all did.
func (c *Cluster) step(ctx context.Context) (retry <-chan time.Time) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.TTL)
	defer cancel()
	c.apply()
	err := c.introduce(ctx)
	if err == nil {
		c.mu.Lock()
		d := c.view.decide(c.self.ID, c.switches)
		c.mu.Unlock()
		err = errors.Join(c.release(ctx, d.release), c.acquire(ctx, d.acquire))
	}
	c.apply()
	c.failed(err)
	if err == nil {
		return nil
	}
	return time.After(c.opts.TTL / 16)
}

// introduce puts what the others are to know of this node, if they do not.
func (c *Cluster) introduce(ctx context.Context) error {
	c.mu.Lock()
	m, lease := c.self, c.lease.id
	m.Switches = digest(c.switches)
	known := c.view.members[m.ID]
	c.mu.Unlock()
	if known.Switches == m.Switches {
		return nil
	}
	value, err := m.encode()
	if err != nil {
		return err
	}
	_, err = c.opts.Store.Commit(ctx, store.Txn{Then: []store.Op{{Key: nodeKeys + m.ID, Value: value, Lease: lease}}})
	return err
}

// release gives switches up: first the sessions, then the keys. A switch that was
// once given up is not taken back before the store says that it is free.
func (c *Cluster) release(ctx context.Context, names []string) error {
	created := c.markReleased(names)
	var errs []error
	for names := range slices.Chunk(slices.Sorted(maps.Keys(created)), batch) {
		c.apply()
		errs = append(errs, c.commitEach(ctx, names, func(txn *store.Txn, name string) {
			txn.If = append(txn.If, store.Condition{Key: switchKeys + name, Modified: created[name]})
			txn.Then = append(txn.Then, store.Op{Key: switchKeys + name, Delete: true}, store.Op{Key: statusKeys + name, Delete: true})
		}))
	}
	return errors.Join(errs...)
}

// markReleased has the sessions with switches closed at the next apply. It returns
// all that are ours in the store still and given up, and since when they are ours:
// whoever has them by then must not lose them.
func (c *Cluster) markReleased(names []string) map[string]store.Revision {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		c.releasing[name] = true
	}
	c.forgetReleasedLocked()
	created := map[string]store.Revision{}
	for name := range c.releasing {
		created[name] = c.view.holders[name].created
	}
	return created
}

// acquire takes switches that are free.
func (c *Cluster) acquire(ctx context.Context, names []string) error {
	c.mu.Lock()
	lease := c.lease.id
	c.mu.Unlock()
	var errs []error
	for names := range slices.Chunk(names, batch) {
		errs = append(errs, c.commitEach(ctx, names, func(txn *store.Txn, name string) {
			txn.If = append(txn.If, store.Condition{Key: switchKeys + name})
			txn.Then = append(txn.Then, store.Op{Key: switchKeys + name, Value: []byte(c.self.ID), Lease: lease})
		}))
	}
	return errors.Join(errs...)
}

// commitEach commits what add says of each switch, in one transaction, without
// those whose master is another one meanwhile.
func (c *Cluster) commitEach(ctx context.Context, names []string, add func(txn *store.Txn, name string)) error {
	names = slices.Clone(names)
	for len(names) > 0 {
		var txn store.Txn
		for _, name := range names {
			add(&txn, name)
		}
		_, err := c.opts.Store.Commit(ctx, txn)
		var other *store.ConflictError
		if !errors.As(err, &other) {
			return err
		}
		before := len(names)
		names = slices.DeleteFunc(names, func(name string) bool { return switchKeys+name == other.Key })
		if len(names) == before {
			return err
		}
	}
	return nil
}
