package webhook

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/source/credential"
	"github.com/corecast/corecast/source/turn"
	"github.com/corecast/corecast/store"
)

// Log is where events come from.
type Log interface {
	// Read returns the events after an id, at most limit, and a channel that is
	// closed when there are more. The empty id is before all. missed says that
	// events after the id are no longer kept: those returned are the oldest
	// that are.
	Read(after string, limit int) (events []api.Event, missed bool, grown <-chan struct{})
	// Last is the id of the newest event.
	Last() string
}

// Options say who is told what.
type Options struct {
	Hooks []Hook
	Log   Log
	// Store remembers how far each hook has been told.
	Store store.Store
	// Logger takes what an operator wants to read later; nil discards it.
	Logger *slog.Logger
	// Pause is the first one after a failure: 1 s if it is 0. Each after it
	// is twice as long, up to 600 times the first.
	Pause time.Duration
	// TTL is how long a controller that has died keeps others from telling;
	// 0 is turn.DefaultTTL.
	TTL time.Duration
}

const (
	// batch is how many events one request has.
	batch = 100
	// page is how many are read at a time, and skipped at most before how far
	// it went is written down.
	page = 1000
	// attempts is how often a delivery is sent that is refused.
	attempts = 5
	// finishTime is how long a delivery under way may take when all ends.
	finishTime = time.Second
	// maxPauses is how many first pauses the longest has.
	maxPauses = 600
)

// Counters are how telling a hook goes.
type Counters struct {
	Delivered uint64 // events
	Dead      uint64 // events that were refused, and are not sent again
	Missed    uint64 // times that events were gone before they could be told
	Failures  uint64 // requests that failed
	Failing   bool   // the last one did
}

// Teller tells hooks. Make it with New.
type Teller struct {
	opts   Options
	client *http.Client
	hooks  []*hook
}

// hook is how far a Hook has been told; its goroutine owns it but for counters.
type hook struct {
	Hook
	delivered, dead, missed, failures atomic.Uint64
	failing                           atomic.Bool
}

// New makes a Teller; Run makes it tell.
func New(opts Options) *Teller {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Pause == 0 {
		opts.Pause = time.Second
	}
	t := &Teller{opts: opts, client: credential.NewClient()}
	t.client.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, MaxConnsPerHost: 16, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	for _, h := range opts.Hooks {
		t.hooks = append(t.hooks, &hook{Hook: h})
	}
	return t
}

// Counters are those of each hook, by name.
func (t *Teller) Counters() map[string]Counters {
	all := map[string]Counters{}
	for _, h := range t.hooks {
		all[h.Name] = Counters{Delivered: h.delivered.Load(), Dead: h.dead.Load(), Missed: h.missed.Load(),
			Failures: h.failures.Load(), Failing: h.failing.Load()}
	}
	return all
}

// Run tells all hooks until ctx ends.
func (t *Teller) Run(ctx context.Context) error {
	defer t.client.CloseIdleConnections()
	var wg sync.WaitGroup
	for _, h := range t.hooks {
		wg.Go(func() { t.follow(ctx, h) })
	}
	wg.Wait()
	return nil
}

// follow tells one hook whenever it is this controller's turn.
func (t *Teller) follow(ctx context.Context, h *hook) {
	for ctx.Err() == nil {
		mine, err := turn.Try(ctx, t.opts.Store, h.key("turn"), nil, cmp.Or(t.opts.TTL, turn.DefaultTTL))
		if err == nil {
			err = t.during(ctx, mine, h)
		}
		if err != nil && !errors.Is(err, turn.ErrTaken) && ctx.Err() == nil {
			t.opts.Logger.Error("webhook", "hook", h.Name, "error", err)
		}
		pause(ctx, jitter(t.opts.Pause))
	}
}

// shift is a time in which it is this controller's turn to tell a hook.
type shift struct {
	*turn.Turn
	// ending ends when the shift is to end, working when it must have ended:
	// what is under way is finished between them, so that it need not be told
	// again.
	ending, working context.Context
}

// during tells a hook while it is this controller's turn.
func (t *Teller) during(ctx context.Context, mine *turn.Turn, h *hook) error {
	defer mine.Resign()
	working, lost := context.WithCancelCause(context.WithoutCancel(ctx))
	ending, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(working, end)()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer lost(nil)
	wg.Go(func() { lost(mine.Keep(working)) })
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(finishTime, func() { lost(nil) })
	})()
	err := t.tell(&shift{mine, ending, working}, h)
	if cause := context.Cause(working); errors.Is(cause, turn.ErrLost) {
		return cause
	}
	return err
}

// pause waits, or returns early because ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
