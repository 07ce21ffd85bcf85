package controller

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/controller/slowpath"
	"google.golang.org/grpc"
)

// Options tune a Controller; the zero value works.
type Options struct {
	// ElectionID makes this controller primary over those with lower ones;
	// the zero value means 1.
	ElectionID p4rt.ElectionID
	// Shared says that several controllers share the switches: this one opens
	// sessions with those alone that SetMasters gives it, under the election ids
	// that come with them.
	Shared bool
	// Resync is how often a switch is read back to repair drift, 0 means 30 s;
	// less often where there are so many switches that it would take much CPU.
	Resync time.Duration
	// RetryMin and RetryMax bound the backoff after a failure; 0 means 200 ms
	// and 15 s.
	RetryMin, RetryMax time.Duration
	// Looks is how many switches are compared with what they are to hold at the
	// same time, which bounds memory; 0 means 64.
	Looks int
	// Timeout bounds one attempt to connect or to reconcile; 0 means 30 s.
	Timeout time.Duration
	// TLS secures the sessions with the switches; nil is plaintext.
	TLS *tls.Config
	// DialOptions are added to every session, for instance to reach switches
	// in this process.
	DialOptions []grpc.DialOption
	// Resolver finds the mappings that switches miss; nil: there are none but
	// those of the configuration, SetMappings and UpdateMappings.
	Resolver Resolver
	// SlowPath tunes what is learned, and for how long.
	SlowPath slowpath.Options
	// Control takes LISP control messages that came to a switch's address; nil
	// drops them.
	Control ControlHandler
	// Logger takes what an operator wants to read later; nil discards it.
	Logger *slog.Logger
	// Program is pushed to the switches; nil means CoreCast's.
	Program *p4rt.Pipeline
}

func (o *Options) defaults() {
	if o.ElectionID == (p4rt.ElectionID{}) {
		o.ElectionID.Low = 1
	}
	setDefault(&o.Resync, 30*time.Second)
	setDefault(&o.RetryMin, 200*time.Millisecond)
	setDefault(&o.RetryMax, 15*time.Second)
	setDefault(&o.Timeout, 30*time.Second)
	if o.Looks <= 0 {
		o.Looks = 64
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func setDefault(d *time.Duration, v time.Duration) {
	if *d <= 0 {
		*d = v
	}
}

// Controller makes the switches of a configuration hold what it asks for. Make
// it with New, start it with Run; all other methods may be called by any
// goroutine, before, during and after Run.
type Controller struct {
	opts    Options
	schema  *p4rt.Schema
	program *p4rt.Pipeline

	looks *looks

	// desired is held by whoever changes the desired state, for as long as plans
	// are made of it, or for reading by who makes one. It is taken first.
	desired sync.RWMutex

	// mu guards what follows, for moments only: reads need it. Changes hold desired,
	// too, so that either is enough to read. It is taken before the lock of a plan.
	mu      sync.RWMutex
	state   *State
	fed     bool              // the mappings are SetMappings', not the configuration's
	updated updates           // what UpdateMappings changed of the configuration's
	order   []string          // switches, as configured
	owners  map[string]*owner // of the switches that are ours
	masters map[string]Mastership
	away    map[string]SwitchStatus // of the switches that are not, or have no plan yet
	ctx     context.Context
	wg      *sync.WaitGroup // owners under way; nil before Run

	newsMu  sync.Mutex    // guards changed; taken last
	changed chan struct{} // closed and replaced at each change of a status
}

// New prepares a controller for a complete configuration.
func New(cfg *config.Config, opts Options) (*Controller, error) {
	opts.defaults()
	schema, program, err := Program()
	if err != nil {
		return nil, err
	}
	if opts.Program != nil {
		program = opts.Program
	}
	c := &Controller{
		opts: opts, schema: schema, program: program, looks: newLooks(opts.Looks),
		state: &State{Schema: schema}, owners: map[string]*owner{}, away: map[string]SwitchStatus{}, changed: make(chan struct{}),
	}
	return c, c.Apply(cfg)
}

// Apply makes cfg the desired state. Switches that it no longer names are let
// go as they are. Mappings are those of the last SetMappings, or cfg's own if
// there was none; UpdateMappings' changes stay. Channels are cfg's: those of
// UpdateChannels are to be among them.
func (c *Controller) Apply(cfg *config.Config) error {
	changed, err := c.apply(cfg)
	nudge(changed)
	return desiredErr(err)
}

func (c *Controller) apply(cfg *config.Config) (changed []*owner, err error) {
	c.desired.Lock()
	defer c.desired.Unlock()
	next := State{Schema: c.schema, Config: cfg.WithChannels(nil), channels: newChannelTable(cfg.Channels), table: c.state.table}
	if !c.fed {
		if next.table, err = newTable(StaticMappings(cfg)); err != nil {
			return nil, err
		}
		c.updated.applyTo(next.table)
	}
	c.mu.Lock()
	c.state = &next
	fresh := c.manLocked()
	changed = append(c.ownersLocked(), fresh...)
	c.mu.Unlock()
	err = c.build(changed)
	c.startBuilt(fresh)
	unbuilt := func(o *owner) bool { return !o.plan.built() }
	return slices.DeleteFunc(changed, unbuilt), err
}

// build builds the plans of switches anew; its caller holds desired. A plan that
// cannot be built stays as it is.
func (c *Controller) build(owners []*owner) error {
	errs := make([]error, len(owners))
	inParallel(len(owners), func(i int) {
		o := owners[i]
		if err := o.plan.build(c.state, c.state.Config.FindSwitch(o.name)); err != nil {
			errs[i] = fmt.Errorf("switch %s: %w", o.name, err)
		}
	})
	return errors.Join(errs...)
}

// inParallel calls f for 0 to n-1, on all processors.
func inParallel(n int, f func(int)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// mustWrite says that the switch is not as wanted until its owner has looked.
func (o *owner) mustWrite() {
	o.board.update(func(s *SwitchStatus) {
		if s.Phase == Ready {
			s.Phase, s.Reason = Syncing, "the desired state has changed"
		}
	})
	o.nudge()
}

// Run reconciles until ctx ends, and returns when every session is closed. It
// may be called once.
func (c *Controller) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg := &sync.WaitGroup{}
	c.mu.Lock()
	if c.wg != nil {
		c.mu.Unlock()
		return errors.New("controller: Run was called twice")
	}
	c.ctx, c.wg = ctx, wg
	for _, o := range c.owners {
		c.startLocked(o)
	}
	c.mu.Unlock()

	<-ctx.Done()
	c.mu.Lock() // no owner is added from here on: startLocked sees ctx
	c.mu.Unlock()
	wg.Wait()
	return nil
}

// startLocked starts an owner, if Run is under way.
func (c *Controller) startLocked(o *owner) {
	if c.wg == nil || c.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(c.ctx)
	o.cancel, o.ended = cancel, make(chan struct{})
	c.wg.Go(func() {
		defer close(o.ended)
		defer cancel()
		o.run(ctx)
	})
}

// Status returns the status of every switch.
func (c *Controller) Status() Status {
	s, _ := c.watch()
	return s
}

// watch returns the status and a channel that is closed when it changes.
func (c *Controller) watch() (Status, <-chan struct{}) {
	c.newsMu.Lock()
	changed := c.changed
	c.newsMu.Unlock()
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := Status{Warnings: c.state.Config.Warnings}
	for _, name := range c.order {
		o := c.owners[name]
		if o == nil {
			s.Switches = append(s.Switches, c.away[name])
			continue
		}
		sw := o.board.read()
		sw.SlowPath = o.slow.path.Counters()
		s.Switches = append(s.Switches, sw)
	}
	return s, changed
}

func (c *Controller) notify() {
	c.newsMu.Lock()
	defer c.newsMu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// WaitReady waits until every switch holds what is wanted. When ctx ends
// first, the error names the switches that do not and why.
func (c *Controller) WaitReady(ctx context.Context) error {
	for {
		status, changed := c.watch()
		if status.Ready() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			errs := []error{ctx.Err()}
			for _, sw := range status.Switches {
				if !sw.ready() {
					errs = append(errs, fmt.Errorf("switch %s is %s: %s", sw.Name, sw.Phase, sw.Reason))
				}
			}
			return errors.Join(errs...)
		}
	}
}

// errNotConnected says that a switch cannot be asked now.
var errNotConnected = errors.New("not connected")

// session returns the session with a switch.
func (c *Controller) session(name string) (*p4rt.Session, error) {
	c.mu.Lock()
	o, away := c.owners[name], c.away[name]
	c.mu.Unlock()
	switch {
	case o == nil && away.Name != "":
		return nil, fmt.Errorf("switch %s: %w: %s", name, errNotConnected, away.Reason)
	case o == nil:
		return nil, fmt.Errorf("no switch %q in the configuration", name)
	}
	if s := o.session.Load(); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("switch %s: %w: %s", name, errNotConnected, o.board.read().Reason)
}

// allOwners are the owners of our switches, in the order of the configuration.
func (c *Controller) allOwners() []*owner {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.ownersLocked()
}

func (c *Controller) ownersLocked() []*owner {
	owners := make([]*owner, 0, len(c.order))
	for _, name := range c.order {
		if o := c.owners[name]; o != nil {
			owners = append(owners, o)
		}
	}
	return owners
}
