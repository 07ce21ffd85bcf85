package station

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/keep"
	"github.com/corecast/corecast/source/turn"
	"github.com/corecast/corecast/source/viewerapi"
	"github.com/corecast/corecast/store"
)

// keeping sends a channel that is kept in a store: over restarts, and, if the
// store is shared, while it is this process's turn.
type keeping struct {
	station *Station
	channel *channel
	store   store.Store
	shared  bool // other processes may use the store: a file has one user

	mu     sync.Mutex // guards what follows
	role   string     // in words, when it is not this process's turn
	holder string     // whose turn it was at the last look, if it was another one's
}

// keeping returns nil for a source without a store.
func (s *Station) keeping(c *channel) *keeping {
	if s.store == nil {
		return nil
	}
	_, file := s.store.(*store.File)
	return &keeping{station: s, channel: c, store: s.store, shared: !file}
}

// holder is what the store says of the source whose turn it is.
type holder struct {
	Name string `json:"name"`
	API  string `json:"api,omitempty"` // URL of its viewer API
}

// run sends the channel whenever it is its turn, until its media or ctx ends.
func (k *keeping) run(ctx context.Context) error {
	for wait := firstRestart; ; wait = min(2*wait, lastRestart) {
		began := time.Now()
		again, err := k.once(ctx)
		if ctx.Err() != nil {
			return nil // whatever was broken off by that
		}
		if !again {
			return err
		}
		if time.Since(began) > lastRestart {
			wait = firstRestart
		}
		k.channel.say("%v; standing by again in %v", err, wait)
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// once waits for a turn and sends until it is over. It says whether there may be
// another one.
func (k *keeping) once(ctx context.Context) (again bool, err error) {
	k.channel.end = stoodBy
	f := keep.NewFollower(k.store, k.channel.cfg.Name)
	if !k.shared {
		if err := f.Load(ctx); err != nil {
			return false, err
		}
		return false, k.serve(ctx, f, nil)
	}
	f.OnActive = k.notOurs
	t, err := f.Follow(ctx, k.take)
	if err != nil {
		return true, err
	}
	defer t.Resign()
	defer k.channel.close() // before the next one begins, which may be on this host
	held, cancel := context.WithCancel(ctx)
	defer cancel()
	kept := make(chan error, 1)
	go func() {
		kept <- t.Keep(held)
		cancel()
	}()
	err = k.serve(held, f, t)
	cancel()
	lost := <-kept
	if lost != nil || errors.Is(err, turn.ErrLost) {
		return true, errors.Join(lost, err)
	}
	// What could not be begun may be another time, or by another one.
	return k.channel.end == stoodBy, err
}

// stoodBy is how a channel has ended that it was not this process's turn to
// send.
const stoodBy = "stood by"

// take tries to make it this process's turn.
func (k *keeping) take(ctx context.Context) (*turn.Turn, error) {
	value, err := json.Marshal(k.station.holder())
	if err != nil {
		return nil, err
	}
	return turn.Try(ctx, k.store, keep.Active(k.channel.cfg.Name), value, k.station.cfg.takeover())
}

// serve sends the channel and gives leases for as long as ctx lasts, from where
// f says that it stopped.
func (k *keeping) serve(ctx context.Context, f *keep.Follower, t *turn.Turn) error {
	c := k.channel
	if c.sender == nil {
		if err := c.dial(); err != nil {
			return err
		}
	}
	if c.input == nil {
		var err error
		if c.input, err = c.open(); err != nil {
			return err
		}
	}
	leases := f.Leases(time.Now())
	w, key, err := keep.Begin(ctx, f, k.options(t))
	if err != nil {
		return err
	}
	defer k.writing(ctx, w)()
	if err := k.begin(key, leases, f.Odd(), w); err != nil {
		return err
	}
	var out source.Sender = c.sender
	if t != nil {
		out = gate{c.sender, t}
	}
	return c.send(ctx, w.Sequence.First(), w.Sequence.Used, out)
}

func (k *keeping) options(t *turn.Turn) keep.Options {
	o := keep.Options{TTL: k.station.cfg.Limits.TTL, Look: func(dstlist.ID) (l keep.Lease, ok bool) { return l, false }}
	if o.TTL == 0 {
		o.TTL = viewerapi.DefaultTTL
	}
	if server := k.station.server; server != nil {
		o.Look = func(id dstlist.ID) (keep.Lease, bool) { return server.Lease(k.channel.cfg.Name, id) }
	}
	if t != nil {
		o.If = []store.Condition{t.Condition()}
	}
	o.OnError = func(err error) { k.channel.say("%v; trying again", err) }
	return o
}

// begin takes over the leases.
func (k *keeping) begin(key [32]byte, leases []keep.Lease, odd int, w *keep.Writer) error {
	c := k.channel
	k.setRole("", "")
	refused := 0
	if server := k.station.server; server != nil {
		var err error
		if refused, err = server.Begin(c.cfg.Name, key, leases, w); err != nil {
			return err
		}
	}
	if n := len(leases) - refused; n > 0 {
		c.say("going on with %d viewers", n)
	}
	if refused+odd > 0 {
		c.say("%d leases in the store cannot be taken over, and %d entries are not understood", refused, odd)
	}
	return k.station.joinForGood(c)
}

// writing runs a writer until the function that it returns is called. Then no
// lease changes any more, and what has changed is written.
func (k *keeping) writing(ctx context.Context, w *keep.Writer) (stop func()) {
	writing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(writing); err != nil {
			k.channel.say("%v", err)
		}
	}()
	return func() {
		if server := k.station.server; server != nil {
			server.Stop(k.channel.cfg.Name)
		}
		cancel()
		<-done
	}
}

// notOurs is told whose turn it is while it is not this process's.
func (k *keeping) notOurs(value []byte) {
	var h holder
	_ = json.Unmarshal(value, &h) // of what does not say, nothing is known
	who := "nobody sends the channel"
	if value != nil {
		who = fmt.Sprintf("standing by: %s sends the channel", h.Name)
	}
	if server := k.station.server; server != nil {
		server.End(k.channel.cfg.Name, h.API)
	} else {
		k.channel.viewers.Clear()
	}
	if k.setRole(who, h.Name) && value != nil && h != k.station.holder() {
		k.channel.say("%s", who)
	}
}

// setRole notes what this process does, and says whether the holder has changed.
func (k *keeping) setRole(role, holder string) (changed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed = k.holder != holder
	k.role, k.holder = role, holder
	return changed
}

// standby says in words what is done while it is not this process's turn.
func (k *keeping) standby() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.role
}

// holder is what others are told of this process.
func (s *Station) holder() holder {
	name, _ := os.Hostname()
	return holder{Name: fmt.Sprintf("%s (process %d)", name, os.Getpid()), API: s.advertised()}
}

// gate lets packets out while it is this process's turn. It looks at each batch:
// a process that was stopped for a while is not let send when it wakes.
type gate struct {
	sender
	turn *turn.Turn
}

var _ source.BatchSender = gate{}

// Send implements source.Sender.
func (g gate) Send(packets [][]byte) (int, error) {
	if err := g.check(); err != nil {
		return 0, err
	}
	return g.sender.Send(packets)
}

// SendBatch implements source.BatchSender.
func (g gate) SendBatch(b *dstlist.Batch, media []byte) (int, error) {
	if err := g.check(); err != nil {
		return 0, err
	}
	return g.sender.SendBatch(b, media)
}

func (g gate) check() error {
	if !g.turn.Held() {
		return fmt.Errorf("%w: its lease has ended", turn.ErrLost)
	}
	return nil
}
