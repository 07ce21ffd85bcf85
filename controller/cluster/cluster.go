package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/corecast/corecast/store"
)

// Mastership is who masters a switch.
type Mastership struct {
	// ElectionID is ours, if this node is the master; else 0.
	ElectionID uint64
	// By is the name of the node that is; empty: none is.
	By string
}

// Options say who a node is.
type Options struct {
	Store store.Store
	// ID tells this run of the node from all others; empty: it gets one.
	ID string
	// Name is the node's, for people; it need not be the only one of its name.
	Name string
	// URL is where its REST API is; empty if it has none.
	URL string
	// TTL is how long a node that dies is waited for; 0 means 2 s, at least 1 s.
	TTL time.Duration
	// SetMasters is told who masters the switches whenever that has changed. When
	// it returns, the sessions with all switches that are not ours are closed.
	SetMasters func(map[string]Mastership) error
	// Logger takes what an operator wants to read later; nil discards it.
	Logger *slog.Logger
}

// Cluster is one node of several. Make it with New, start it with Run; all other
// methods may be called by any goroutine at any time.
type Cluster struct {
	opts Options
	self Member
	wake chan struct{} // capacity 1: there may be something to do

	mu        sync.Mutex // guards what follows
	switches  []string   // that are to be shared, sorted
	view      view
	lease     *lease          // nil: none
	releasing map[string]bool // ours in the store still, but given up
	lastErr   error           // why this node is not part of the cluster
	changed   chan struct{}   // closed and replaced when the view is another

	applying sync.Mutex // held while SetMasters runs; taken before mu
	told     map[string]Mastership
}

// New makes a node; Run makes it part of the cluster.
func New(opts Options) *Cluster {
	opts.TTL = cmp.Or(opts.TTL, 2*time.Second)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Cluster{
		opts: opts, self: Member{ID: cmp.Or(opts.ID, rand.Text()), Name: opts.Name, URL: opts.URL, Since: time.Now()},
		wake: make(chan struct{}, 1), view: newView(), releasing: map[string]bool{},
		lastErr: errors.New("it has not asked the store yet"), changed: make(chan struct{}),
	}
}

// Run shares the switches with the other nodes until ctx ends, and then leaves
// them to those. A store that cannot be reached is asked again and again; until it
// answers, no switch is ours.
func (c *Cluster) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := c.live(ctx)
		if ctx.Err() == nil {
			c.opts.Logger.Warn("not part of the cluster; trying again", "err", err)
			c.outside(err)
			sleep(ctx, c.opts.TTL/4)
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// live takes part for as long as one lease lasts.
func (c *Cluster) live(ctx context.Context) error {
	if err := c.beginEpoch(ctx); err != nil {
		return err
	}
	l, err := grant(ctx, c.opts.Store, c.opts.TTL)
	if err != nil {
		return err
	}
	defer c.leave(l)
	c.mu.Lock()
	c.lease = l
	c.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil)
	wg.Go(func() { cancel(l.keep(ctx)) })
	wg.Go(func() { l.watch(ctx, c.apply) })
	for ctx.Err() == nil {
		if err := c.follow(ctx); err != nil && ctx.Err() == nil {
			c.failed(err)
			sleep(ctx, c.opts.TTL/16)
		}
	}
	return context.Cause(ctx)
}

// failed notes what did not work, and will be tried again; nil: all did.
func (c *Cluster) failed(err error) {
	c.mu.Lock()
	first := c.lastErr == nil
	c.lastErr = err
	c.mu.Unlock()
	if first && err != nil {
		c.opts.Logger.Warn("the store does not let this node do its part; trying again", "err", err)
	}
}

// leave gives up all switches, and the lease.
func (c *Cluster) leave(l *lease) {
	c.mu.Lock()
	c.lease = nil
	c.mu.Unlock()
	c.apply()
	if err := l.revoke(); err != nil {
		c.opts.Logger.Warn("the others wait until the lease ends", "err", err)
	}
}

// outside notes that this node is not part of the cluster, and so knows nothing of
// it.
func (c *Cluster) outside(err error) {
	c.mu.Lock()
	c.lastErr, c.view, c.releasing = err, newView(), map[string]bool{}
	c.tellLocked()
	c.mu.Unlock()
	c.apply()
}

// SetSwitches says which switches there are to share.
func (c *Cluster) SetSwitches(names []string) {
	c.mu.Lock()
	c.switches = sorted(names)
	c.mu.Unlock()
	c.poke()
}

func (c *Cluster) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// apply tells who masters what now, if that is not what was told last.
func (c *Cluster) apply() {
	c.applying.Lock()
	defer c.applying.Unlock()
	masters := c.masters(time.Now())
	if maps.Equal(masters, c.told) {
		return
	}
	c.told = masters
	if err := c.opts.SetMasters(masters); err != nil {
		c.opts.Logger.Error("not all switches of this node can be served", "err", err)
	}
}

// masters is who masters what at a time, as far as it is known.
func (c *Cluster) masters(now time.Time) map[string]Mastership {
	c.mu.Lock()
	defer c.mu.Unlock()
	valid := false
	if c.lease != nil {
		until, _ := c.lease.valid()
		valid = now.Before(until)
	}
	masters := make(map[string]Mastership, len(c.view.holders))
	for name, h := range c.view.holders {
		switch {
		case h.node != c.self.ID:
			masters[name] = Mastership{By: c.nameLocked(h.node)}
		case valid && h.lease == c.lease.id && !c.releasing[name] && c.view.epoch != 0:
			masters[name] = Mastership{ElectionID: c.view.epoch + uint64(h.created), By: c.self.Name}
		}
	}
	return masters
}

func (c *Cluster) nameLocked(id string) string {
	if m, ok := c.view.members[id]; ok && m.Name != "" {
		return m.Name
	}
	return id
}

// Self is this node.
func (c *Cluster) Self() Member { return c.self }

// Err is why this node is not part of the cluster, or cannot be sure of it; nil
// if it is.
func (c *Cluster) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lease == nil {
		return c.lastErr
	}
	if until, _ := c.lease.valid(); time.Now().After(until) {
		return fmt.Errorf("the store does not renew this node's lease: %w", cmp.Or(c.lease.err(), context.DeadlineExceeded))
	}
	return c.lastErr
}

// Nodes are those that are there, by name.
func (c *Cluster) Nodes() []Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	load := map[string]int{}
	for _, h := range c.view.holders {
		load[h.node]++
	}
	list := make([]Member, 0, len(c.view.members))
	for id, m := range c.view.members {
		m.Masters = load[id]
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b Member) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) })
	return list
}

// Changed returns a channel that is closed when nodes, masters or what is published
// have changed.
func (c *Cluster) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// tellLocked tells who waits that the view is another one.
func (c *Cluster) tellLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}
