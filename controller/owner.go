package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// owner is the one goroutine that writes to one switch.
type owner struct {
	name    string
	address string
	device  uint64
	opts    *Options
	schema  *p4rt.Schema
	program *p4rt.Pipeline
	log     *slog.Logger
	board   *board
	cancel  context.CancelFunc // set when started; guarded by Controller.mu

	wanted  atomic.Pointer[Holding]
	wake    chan struct{} // capacity 1: wanted has changed
	session atomic.Pointer[p4rt.Session]
}

func newOwner(c *Controller, sw *config.Switch) *owner {
	b := &board{changed: c.notify}
	b.s = SwitchStatus{Name: sw.Name, Address: sw.Address, Phase: Connecting,
		Reason: "not started", Since: time.Now(), Punts: map[string]uint64{}}
	return &owner{
		name: sw.Name, address: sw.Address, device: sw.DeviceID, board: b,
		opts: &c.opts, schema: c.schema, program: c.program,
		log:  c.opts.Logger.With("switch", sw.Name),
		wake: make(chan struct{}, 1),
	}
}

// want sets what the switch is to hold. It never blocks.
func (o *owner) want(h *Holding) {
	o.wanted.Store(h)
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *owner) stop() {
	if o.cancel != nil {
		o.cancel()
	}
}

// run keeps a session with the switch until ctx ends.
func (o *owner) run(ctx context.Context) {
	o.board.phase(Connecting, "connecting to "+o.address)
	retry := backoff{min: o.opts.RetryMin, max: o.opts.RetryMax}
	for ctx.Err() == nil {
		err := o.serve(ctx, &retry)
		if ctx.Err() != nil {
			break
		}
		o.failed(err)
		sleep(ctx, retry.next())
	}
	o.board.phase(Connecting, "stopped")
}

// serve connects and reconciles until the session ends or an attempt to talk
// to the switch fails.
func (o *owner) serve(ctx context.Context, retry *backoff) error {
	dialCtx, cancel := context.WithTimeout(ctx, o.opts.Timeout)
	defer cancel()
	session, err := p4rt.Dial(dialCtx, o.schema, p4rt.Options{
		Address: o.address, DeviceID: o.device, ElectionID: o.opts.ElectionID,
		TLS: o.opts.TLS, DialOptions: o.opts.DialOptions,
		OnStreamError: func(err error) { o.log.Warn("packet-out refused", "err", err) },
	})
	if err != nil {
		return err
	}
	punts := make(chan struct{})
	go func() {
		defer close(punts)
		o.takePunts(session)
	}()
	o.session.Store(session)
	o.log.Info("connected", "address", o.address, "election_id", o.opts.ElectionID)
	defer func() {
		o.session.Store(nil)
		session.Close()
		<-punts
	}()
	for {
		select {
		case <-o.wake: // what woke us is taken into account now
		default:
		}
		wait := o.opts.Resync
		err := o.reconcile(ctx, session)
		var refused *p4rt.WriteError
		switch {
		case err == nil:
			retry.reset()
		case errors.As(err, &refused) && session.Err() == nil:
			// The switch is there but does not take everything: keep it.
			o.failed(err)
			wait = retry.next()
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-session.Done():
			return session.Err()
		case <-o.wake:
		case <-time.After(wait):
		}
	}
}

func (o *owner) failed(err error) {
	was := o.board.read()
	if was.Phase != Failing || was.Reason != err.Error() {
		o.log.Warn("not reconciled; retrying", "err", err)
	}
	o.board.update(func(s *SwitchStatus) {
		s.Phase, s.Reason = Failing, err.Error()
		s.Retries++
	})
}

// reconcile makes the switch hold what is wanted now. A switch that already
// does is not written to.
func (o *owner) reconcile(ctx context.Context, session *p4rt.Session) error {
	ctx, cancel := context.WithTimeout(ctx, o.opts.Timeout)
	defer cancel()
	pushed, err := session.EnsurePipeline(ctx, o.program)
	if err != nil {
		return err
	}
	if pushed {
		o.log.Info("program pushed", "cookie", fmt.Sprintf("%016x", o.program.Cookie()))
		o.board.update(func(s *SwitchStatus) { s.Pipelines++ })
	}
	have, err := readHeld(ctx, session)
	if err != nil {
		return err
	}
	wanted := o.wanted.Load()
	todo := diff(wanted, have)
	total := len(wanted.Entries) + len(wanted.Groups) + len(wanted.Meters)
	n := todo.count()
	o.board.update(func(s *SwitchStatus) {
		s.Wanted, s.Installed, s.Problems = total, total-todo.pending(), wanted.Problems
		if n > 0 && s.Phase != Failing { // failing stays, with its reason, until ready
			s.Phase, s.Reason = Syncing, fmt.Sprintf("%d updates to write", n)
		}
	})
	if n > 0 {
		o.log.Info("writing", "updates", n, "wanted", total)
		if err := o.write(ctx, session, todo); err != nil {
			return err
		}
	}
	o.board.update(func(s *SwitchStatus) {
		s.Phase, s.Reason, s.Installed = Ready, "", total
	})
	return nil
}

// readHeld reads back what a switch holds.
func readHeld(ctx context.Context, session *p4rt.Session) (*held, error) {
	h := &held{}
	var err error
	if h.entries, err = session.ReadEntries(ctx); err != nil {
		return nil, err
	}
	if h.groups, err = session.ReadGroups(ctx); err != nil {
		return nil, err
	}
	h.meters, err = session.ReadMeters(ctx)
	return h, err
}

// write makes the stages in order. Refused updates do not stop it: what can be
// installed is, and all refusals are returned together.
func (o *owner) write(ctx context.Context, session *p4rt.Session, todo stages) error {
	all := &p4rt.WriteError{}
	var left stages
	for _, stage := range todo {
		err := session.Write(ctx, stage)
		var refused *p4rt.WriteError
		if err != nil && !errors.As(err, &refused) {
			return err
		}
		all.Updates += len(stage)
		made := len(stage)
		if refused != nil {
			made -= len(refused.Errors)
			all.Errors = append(all.Errors, refused.Errors...)
			for _, e := range refused.Errors {
				left = append(left, stage[e.Index:e.Index+1])
			}
		}
		o.board.update(func(s *SwitchStatus) { s.Updates += uint64(made) })
	}
	if len(all.Errors) > 0 {
		o.board.update(func(s *SwitchStatus) { s.Installed = s.Wanted - left.pending() })
		return all
	}
	return nil
}

// backoff doubles from min to max, with jitter so that many switches that
// failed together do not come back together. Only its owner uses it.
type backoff struct {
	min, max time.Duration
	step     time.Duration
}

func (b *backoff) reset() { b.step = 0 }

func (b *backoff) next() time.Duration {
	b.step = min(max(2*b.step, b.min), b.max)
	return b.step/2 + rand.N(b.step/2+1)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
