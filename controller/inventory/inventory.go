package inventory

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/store"
)

// Options say what an Inventory works with.
type Options struct {
	// Store keeps what is made over REST.
	Store store.Store
	// Durable says that what Store keeps survives the process; else changes are
	// refused.
	Durable bool
	// Log takes an event of every change.
	Log *eventlog.Log
	// Apply is handed each new whole, ApplyChannels the channels that differ since
	// the last call of either (nil: Apply is handed all); one call at a time. Their
	// error is in Problem.
	Apply         func(*config.Config) error
	ApplyChannels func(set []config.Channel, remove []string) error
	// Logger takes what an operator wants to read later; nil discards it.
	Logger *slog.Logger
}

// Inventory is the desired state. Make it with Open and start it with Run; all
// other methods may be called by any goroutine.
type Inventory struct {
	opts     Options
	requests chan *request
	ended    chan struct{} // closed when Run has ended

	owned owned // of Open, then of Run's goroutine

	mu      sync.RWMutex // guards what follows; owned's changes are here when they are durable
	view    view
	apply   applying
	failure error
	applied chan struct{} // closed and replaced whenever Apply was called
	wake    chan struct{} // capacity 1: there is something to apply
}

// owned is what the one goroutine that changes things knows.
type owned struct {
	file       *config.Config
	stored     map[Ref]*object // in use or not
	unread     map[Ref]string  // stored, but not to be understood: why
	chosen     map[string]chosen
	head       store.Revision // what is stored is that of this revision
	generation store.Revision // of generationKey; 0: it is not there
	now        *assembly
}

// Open reads what is stored beside a complete configuration file.
func Open(ctx context.Context, file *config.Config, opts Options) (*Inventory, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	inv := &Inventory{
		opts: opts, requests: make(chan *request, maxBatch), ended: make(chan struct{}),
		applied: make(chan struct{}), wake: make(chan struct{}, 1), owned: owned{file: file},
		apply: applying{channels: map[string]bool{}},
	}
	if err := inv.load(ctx); err != nil {
		return nil, fmt.Errorf("read the objects made over REST: %w", err)
	}
	if err := inv.settle(ctx, file, true); err != nil {
		return nil, err
	}
	// Whoever opens it begins with Config.
	inv.apply.done, inv.apply.all = inv.apply.want, false
	<-inv.wake
	return inv, nil
}

// load reads everything from the store.
func (inv *Inventory) load(ctx context.Context) error {
	o := &inv.owned
	o.stored, o.unread, o.chosen, o.generation = map[Ref]*object{}, map[Ref]string{}, map[string]chosen{}, 0
	page, err := inv.opts.Store.List(ctx, prefix, "", 1)
	if err != nil {
		return err
	}
	o.head = page.Revision // what comes later may be in the listing, too
	for e, err := range store.All(ctx, inv.opts.Store, prefix) {
		if err != nil {
			return err
		}
		inv.note(store.Event{Entry: e})
	}
	return nil
}

// note takes in what the store has under one key.
func (inv *Inventory) note(ev store.Event) (relevant bool) {
	o := &inv.owned
	if ev.Key == generationKey {
		o.generation = ev.Modified
		return false
	}
	if name, ok := cutReserved(ev.Key); ok {
		inv.noteChosen(name, ev)
		return false
	}
	ref, ok := refOf(ev.Key)
	if !ok {
		return false
	}
	delete(o.unread, ref)
	if ev.Deleted {
		delete(o.stored, ref)
		return true
	}
	if have := o.stored[ref]; have != nil && have.modified >= ev.Modified {
		return false
	}
	object, err := decodeEntry(ref, ev.Entry)
	if err != nil {
		inv.opts.Logger.Error("a stored object cannot be read", "err", err)
		delete(o.stored, ref)
		o.unread[ref] = err.Error()
		return true
	}
	o.stored[ref] = object
	return true
}

// Run takes changes, from Do and from the store, until ctx ends.
func (inv *Inventory) Run(ctx context.Context) error {
	defer close(inv.ended)
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes, after := make(chan store.Change), inv.owned.head
	wg.Go(func() { inv.watch(ctx, after, changes) })
	wg.Go(func() { inv.applyAll(ctx) })
	for {
		var probe <-chan time.Time
		if inv.Failure() != nil {
			probe = time.After(probeInterval)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-probe:
			inv.probe(ctx)
		case r := <-inv.requests:
			inv.serve(ctx, inv.gather(r))
		case c := <-changes:
			inv.follow(ctx, c)
		}
	}
}

// probeInterval is how often a store that refused a change is tried.
const probeInterval = time.Second

// relist is the revision of a change that only says that changes were missed.
const relist = 0

// watch hands on what changes in the store.
func (inv *Inventory) watch(ctx context.Context, after store.Revision, changes chan<- store.Change) {
	for ctx.Err() == nil {
		for c, err := range inv.opts.Store.Watch(ctx, prefix, after) {
			if err != nil {
				break
			}
			after = c.Revision
			if !send(ctx, changes, c) {
				return
			}
		}
		// It fell behind, or the store failed: all is read again.
		if page, err := inv.opts.Store.List(ctx, prefix, "", 1); err == nil {
			after = page.Revision
			send(ctx, changes, store.Change{Revision: relist})
		}
		pause(ctx, time.Second)
	}
}

func send(ctx context.Context, changes chan<- store.Change, c store.Change) bool {
	select {
	case changes <- c:
		return true
	case <-ctx.Done():
		return false
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// follow takes in a change of the store that is not our own.
func (inv *Inventory) follow(ctx context.Context, c store.Change) {
	o := &inv.owned
	if c.Revision == relist {
		if err := inv.load(ctx); err != nil {
			inv.opts.Logger.Error("the objects made over REST cannot be read", "err", err)
			return
		}
		inv.reassemble()
		return
	}
	if c.Revision <= o.head {
		return
	}
	o.head = c.Revision
	one := len(c.Events) <= maxBatch
	var refs []Ref
	for _, ev := range c.Events {
		if !inv.note(ev) {
			continue
		}
		ref, _ := refOf(ev.Key)
		refs = append(refs, ref)
		one = one && ref.Kind == Channel
	}
	switch {
	case len(refs) == 0:
	case one && len(o.unread) == 0 && inv.followChannels(refs):
	default:
		inv.reassemble()
	}
}

// followChannels takes in channels alone. It reports false if one does not fit.
func (inv *Inventory) followChannels(refs []Ref) bool {
	now := inv.owned.now
	var set []*object
	for _, ref := range refs {
		if _, own := now.own[ref]; own {
			return false
		}
		before := now.objects[ref]
		if before != nil && before.Unused != "" {
			return false
		}
		if before != nil {
			now.remove(before)
		}
		next := inv.owned.stored[ref]
		if next != nil {
			if err := now.fits(next); err != nil {
				return false
			}
			now.put(next)
			set = append(set, next)
		}
	}
	inv.show(refs, set)
	return true
}

// reassemble makes the whole anew, of what is known.
func (inv *Inventory) reassemble() {
	a, err := assemble(inv.owned.file, inv.owned.stored, inv.owned.chosen)
	if err != nil {
		// The file was complete by itself, and its environment still is ours.
		inv.opts.Logger.Error("the desired state cannot be assembled", "err", err)
		return
	}
	inv.owned.now = a
	inv.showAll(a)
}
