package webhook

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
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
	opts    Options
	client  *http.Client
	changed chan struct{} // capacity 1: other hooks were set

	mu    sync.Mutex // guards hooks
	hooks []*hook
}

// hook is a Hook that is told, by one goroutine.
type hook struct {
	Hook
	*tally
}

// tally is how telling a hook goes. Its successor of the same name has the same.
type tally struct {
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
	t := &Teller{opts: opts, client: credential.NewClient(), changed: make(chan struct{}, 1)}
	t.client.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, MaxConnsPerHost: 16, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	t.Set(opts.Hooks)
	return t
}

// Set has these hooks told instead of those before, also while Run runs. One that
// is the same is not disturbed; one that has changed goes on where it was.
func (t *Teller) Set(hooks []Hook) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := map[string]*hook{}
	for _, h := range t.hooks {
		before[h.Name] = h
	}
	t.hooks = nil
	for _, h := range hooks {
		next := &hook{h, &tally{}}
		if old := before[h.Name]; old != nil {
			next.tally = old.tally
			if reflect.DeepEqual(old.Hook, h) {
				next = old
			}
		}
		t.hooks = append(t.hooks, next)
	}
	select {
	case t.changed <- struct{}{}:
	default: // Run has not yet seen the change before
	}
}

// current are the hooks to tell now.
func (t *Teller) current() []*hook {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hooks
}

// Counters are those of each hook, by name.
func (t *Teller) Counters() map[string]Counters {
	all := map[string]Counters{}
	for _, h := range t.current() {
		all[h.Name] = Counters{Delivered: h.delivered.Load(), Dead: h.dead.Load(), Missed: h.missed.Load(),
			Failures: h.failures.Load(), Failing: h.failing.Load()}
	}
	return all
}

// Run tells all hooks until ctx ends.
func (t *Teller) Run(ctx context.Context) error {
	defer t.client.CloseIdleConnections()
	var wg sync.WaitGroup
	defer wg.Wait()
	running := map[*hook]context.CancelFunc{}
	for {
		hooks := t.current()
		for h, stop := range running {
			if !slices.Contains(hooks, h) {
				stop()
				delete(running, h)
			}
		}
		for _, h := range hooks {
			if running[h] == nil {
				told, stop := context.WithCancel(ctx)
				running[h] = stop
				wg.Go(func() { t.follow(told, h) })
			}
		}
		select {
		case <-t.changed:
		case <-ctx.Done():
			for _, stop := range running {
				stop()
			}
			return nil
		}
	}
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
