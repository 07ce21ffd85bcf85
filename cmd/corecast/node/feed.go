package node

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
)

const (
	// gather is how long changes are collected once there is one: each set of
	// them costs a computation of all entries of all switches.
	gather = 10 * time.Millisecond
	// watchBuffer is how many changes may come meanwhile before all mappings
	// are listed anew.
	watchBuffer = 1 << 14
	listPage    = 1000
)

// feed makes the mappings of the Map-Server the map-caches of the switches.
// Only instances that switches are in are of interest.
type feed struct {
	server *mapserver.Server
	apply  func([]controller.Mapping) error

	instances map[uint32]bool                 // owned by run
	mappings  map[lisp.EID]controller.Mapping // owned by run

	primed func() // closes ready
	ready  chan struct{}

	mu      sync.Mutex         // guards what follows
	cfg     *config.Config     // whose switches are fed
	restart context.CancelFunc // has run look at cfg again; nil before run
	lastErr error              // of the last apply
}

func newFeed(cfg *config.Config, s *mapserver.Server, apply func([]controller.Mapping) error) *feed {
	ready := make(chan struct{})
	return &feed{server: s, apply: apply, cfg: cfg, ready: ready, primed: sync.OnceFunc(func() { close(ready) })}
}

// fed runs what needs the mappings once they are handed over: a switch that held
// those of before would lose them.
func (f *feed) fed(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-f.ready:
			return run(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// reconfigure feeds the switches of another configuration.
func (f *feed) reconfigure(cfg *config.Config) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cfg = cfg
	if f.restart != nil {
		f.restart()
	}
}

// err is why the last change did not get to the switches; nil if it did.
func (f *feed) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lastErr
}

// run feeds until ctx ends.
func (f *feed) run(ctx context.Context) error {
	for {
		session, cancel := context.WithCancel(ctx)
		f.begin(cancel)
		err := f.serve(session)
		reconfigured := session.Err() != nil && ctx.Err() == nil
		cancel()
		if !reconfigured {
			return err
		}
	}
}

// begin takes the configuration of the moment for a session that cancel ends.
func (f *feed) begin(cancel context.CancelFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restart = cancel
	f.instances = map[uint32]bool{}
	for i := range f.cfg.Switches {
		if site := f.cfg.FindSite(f.cfg.Switches[i].Site); site != nil {
			f.instances[site.InstanceID] = true
		}
	}
}

// serve feeds the switches of one configuration until ctx ends.
func (f *feed) serve(ctx context.Context) error {
	if len(f.instances) == 0 { // no switches
		f.primed()
		<-ctx.Done()
		return ctx.Err()
	}
	w := f.server.Watch(watchBuffer)
	defer w.Close()
	f.list()
	for {
		f.set()
		f.primed()
		if err := f.take(ctx, w); err != nil {
			return err
		}
	}
}

// take waits for changes and notes them, those that come soon after the first
// too.
func (f *feed) take(ctx context.Context, w *mapserver.Watcher) error {
	c, err := w.Next(ctx)
	if err != nil {
		return err
	}
	f.note(c)
	ctx, cancel := context.WithTimeout(ctx, gather)
	defer cancel()
	for {
		c, err := w.Next(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		f.note(c)
	}
}

func (f *feed) note(c mapserver.Change) {
	switch {
	case c.Resync:
		f.list()
	case !f.instances[c.EID.InstanceID]:
	case c.Mapping == nil:
		delete(f.mappings, c.EID)
	default:
		f.keep(c.Mapping)
	}
}

// list notes all mappings there are, instead of those noted before.
func (f *feed) list() {
	f.mappings = map[lisp.EID]controller.Mapping{}
	for id := range f.instances {
		filter := mapserver.MappingFilter{InstanceID: &id, Limit: listPage}
		for {
			page := f.server.Mappings(filter)
			for i := range page {
				f.keep(&page[i])
			}
			if len(page) < listPage {
				break
			}
			filter.After = &page[len(page)-1].EID
		}
	}
}

// keep notes a mapping; one without a locator that a switch could send to is no
// mapping to it.
func (f *feed) keep(m *mapserver.Mapping) {
	rlocs := rlocsOf(m.Locators)
	if len(rlocs) == 0 {
		delete(f.mappings, m.EID)
		return
	}
	f.mappings[m.EID] = controller.Mapping{InstanceID: m.EID.InstanceID, Prefix: m.EID.Prefix, RLOCs: rlocs}
}

// rlocsOf are the locators that are plain addresses and may be used.
func rlocsOf(ls []lisp.Locator) []config.RLOC {
	var out []config.RLOC
	for i := range ls {
		if l := &ls[i]; l.Address.IP.IsValid() && l.Priority != lisp.PriorityUnused {
			out = append(out, config.RLOC{Address: l.Address.IP, Priority: l.Priority, Weight: l.Weight})
		}
	}
	return out
}

// set hands over what is noted.
func (f *feed) set() {
	list := make([]controller.Mapping, 0, len(f.mappings))
	for _, m := range f.mappings {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b controller.Mapping) int {
		if a.InstanceID != b.InstanceID {
			return int(a.InstanceID) - int(b.InstanceID)
		}
		return a.Prefix.Compare(b.Prefix)
	})
	err := f.apply(list)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastErr = err
}
