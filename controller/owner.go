package controller

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// owner is the one goroutine that writes to one switch.
type owner struct {
	name     string
	address  string
	device   uint64
	election p4rt.ElectionID
	opts     *Options
	schema   *p4rt.Schema
	program  *p4rt.Pipeline
	log      *slog.Logger
	board    *board
	looks    *looks
	cancel   context.CancelFunc // set when started; guarded by Controller.mu
	ended    chan struct{}      // closed when run has returned; set when started

	plan    *plan
	ledger  ledger
	wake    chan struct{} // capacity 1: the plan has changed
	session atomic.Pointer[p4rt.Session]

	slow      *slow
	rebuild   func()        // builds the plan anew
	adopted   bool          // the plan has begun with the switch's numbers; of the owner's goroutine
	installed atomic.Uint64 // the version of the plan that the switch holds
	settled   chan struct{} // capacity 1: installed has changed
}

func newOwner(c *Controller, sw *config.Switch, m Mastership) *owner {
	b := &board{changed: c.notify}
	b.s = SwitchStatus{Name: sw.Name, Address: sw.Address, Master: m.By, Phase: Connecting,
		Reason: "no answer yet", Since: time.Now(), Punts: map[string]uint64{}}
	o := &owner{
		name: sw.Name, address: sw.Address, device: sw.DeviceID, election: m.ElectionID, board: b,
		opts: &c.opts, schema: c.schema, program: c.program, looks: c.looks,
		log:  c.opts.Logger.With("switch", sw.Name),
		plan: newPlan(), wake: make(chan struct{}, 1), settled: make(chan struct{}, 1),
	}
	o.slow, o.rebuild = newSlow(c, o), func() { c.rebuild(o) }
	return o
}

// nudge tells the owner that the plan has changed. It never blocks.
func (o *owner) nudge() {
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

// wait waits for the end of an owner that was stopped.
func (o *owner) wait() {
	if o.ended != nil {
		<-o.ended
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
		Address: o.address, DeviceID: o.device, ElectionID: o.election,
		TLS: o.opts.TLS, DialOptions: o.opts.DialOptions,
		OnStreamError: o.refused,
	})
	if err != nil {
		return err
	}
	slowCtx, endSlow := context.WithCancel(ctx)
	punts := make(chan struct{})
	go func() {
		defer close(punts)
		o.slow.run(slowCtx, session)
	}()
	o.session.Store(session)
	o.log.Info("connected", "address", o.address, "election_id", o.election)
	defer func() {
		o.session.Store(nil)
		o.installed.Store(0)
		endSlow()
		session.Close()
		<-punts
	}()
	return o.keep(ctx, session, retry)
}

// keep makes the switch hold what is wanted until the session ends: everything
// is compared at first, again and again, and after a refusal; in between, what
// changes is written.
func (o *owner) keep(ctx context.Context, session *p4rt.Session, retry *backoff) error {
	look := &look{session: session}
	next := time.Now() // when everything is compared
	for {
		all := !time.Now().Before(next)
		if all && look.before && !o.looks.again() {
			// Others are being looked at; what changes does not wait for that.
			next, all = time.Now().Add(rand.N(o.opts.Resync/10+time.Millisecond)), false
		}
		var err error
		switch {
		case !all:
			err = o.follow(ctx, look)
		case look.before:
			err = o.compare(ctx, look)
			o.looks.rest(look.took)
		default:
			err = o.compare(ctx, look)
		}
		var refused *p4rt.WriteError
		switch {
		case err == nil && all:
			retry.reset()
			next = time.Now().Add(o.untilNext())
		case err == nil:
		case errors.As(err, &refused) && session.Err() == nil:
			// The switch is there but does not take everything: keep it.
			o.failed(err)
			next = time.Now().Add(retry.next())
		default:
			return err
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-session.Done():
			timer.Stop()
			return session.Err()
		case <-o.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// untilNext is the resync interval, with a tenth of jitter so that many
// switches do not keep step.
func (o *owner) untilNext() time.Duration {
	d := o.opts.Resync
	return d - d/20 + rand.N(d/10+1)
}

func (o *owner) failed(err error) {
	was := o.board.read()
	if was.Phase != Failing || was.Reason != err.Error() {
		o.log.Info("not reconciled; retrying", "err", err)
	}
	o.board.update(func(s *SwitchStatus) {
		s.Phase, s.Reason, s.Fix = Failing, err.Error(), Fix(err)
		s.Retries++
	})
}

// refused takes the switch's word on a packet-out, or on a message that it did
// not like.
func (o *owner) refused(err error) {
	first := false
	o.board.update(func(s *SwitchStatus) {
		first = s.StreamErrors == 0
		s.StreamErrors++
		s.LastStreamError = err.Error()
	})
	if first { // the others are counted
		o.log.Warn("the switch refused a message", "err", err)
	}
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
