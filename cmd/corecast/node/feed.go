package node

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
)

const (
	// gather is how long changes are collected once there is one, to be written
	// together.
	gather = 10 * time.Millisecond
	// watchBuffer is how many changes may come meanwhile before all mappings
	// are listed anew.
	watchBuffer = 1 << 14
	listPage    = 1000
)

// mapCaches are those of the switches.
type mapCaches interface {
	SetMappings([]controller.Mapping) error
	UpdateMappings(set []controller.Mapping, remove []lisp.EID) error
	Refresh([]lisp.EID)
}

// feed makes the mappings of the Map-Server the map-caches of the switches: some
// before packets ask for them, and for the others it tells what has changed.
// Only instances that switches are in are of interest.
type feed struct {
	server *mapserver.Server
	caches mapCaches

	instances map[uint32]*preinstalled // owned by run
	changed   []lisp.EID               // since the last handing over; owned by run

	primed func() // closes ready
	ready  chan struct{}

	mu      sync.Mutex         // guards what follows
	cfg     *config.Config     // whose switches are fed
	restart context.CancelFunc // has run look at cfg again; nil before run
	lastErr error              // of the last handing over
}

func newFeed(cfg *config.Config, s *mapserver.Server, caches mapCaches) *feed {
	ready := make(chan struct{})
	return &feed{server: s, caches: caches, cfg: cfg, ready: ready, primed: sync.OnceFunc(func() { close(ready) })}
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
	before := f.instances
	f.instances = map[uint32]*preinstalled{}
	for i := range f.cfg.Switches {
		site := f.cfg.FindSite(f.cfg.Switches[i].Site)
		if site == nil || f.instances[site.InstanceID] != nil {
			continue
		}
		p := before[site.InstanceID]
		if p == nil {
			p = newPreinstalled(site.InstanceID)
		}
		p.most, p.own = int(f.cfg.MapCache.Preinstall), map[netip.Prefix]bool{}
		f.instances[site.InstanceID] = p
	}
	for i := range f.cfg.Sites {
		if p := f.instances[f.cfg.Sites[i].InstanceID]; p != nil {
			for _, prefix := range f.cfg.Sites[i].EIDPrefixes {
				p.own[prefix] = true
			}
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
	f.handOver(f.setAll())
	f.primed()
	for {
		if err := f.take(ctx, w); err != nil {
			return err
		}
		f.handOver(f.update())
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
	if c.Resync {
		f.list()
		return
	}
	p := f.instances[c.EID.InstanceID]
	if p == nil {
		return
	}
	f.changed = append(f.changed, c.EID)
	if c.Mapping == nil || c.Mapping.Origin == mapserver.OriginUnregistered {
		p.drop(c.EID.Prefix)
	} else {
		p.put(mappingOf(c.Mapping))
	}
}

// list notes all mappings there are, instead of those noted before.
func (f *feed) list() {
	f.changed = nil
	for id, p := range f.instances {
		p.replace(func(yield func(controller.Mapping)) {
			filter := mapserver.MappingFilter{InstanceID: &id, Limit: listPage}
			for {
				page := f.server.Mappings(filter)
				for i := range page {
					yield(mappingOf(&page[i]))
				}
				if len(page) < listPage {
					return
				}
				filter.After = &page[len(page)-1].EID
			}
		})
		for _, anything := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			f.changed = append(f.changed, lisp.EID{InstanceID: id, Prefix: netip.PrefixFrom(anything, 0)})
		}
	}
}

// mappingOf is a mapping as switches take it. One without a locator that they
// could send to is negative, and not what covers it.
func mappingOf(m *mapserver.Mapping) controller.Mapping {
	return controller.Mapping{InstanceID: m.EID.InstanceID, Prefix: m.EID.Prefix, RLOCs: rlocsOf(m.Locators), Action: m.Action}
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

// setAll hands over all that is noted.
func (f *feed) setAll() error {
	var list []controller.Mapping
	for _, id := range slices.Sorted(maps.Keys(f.instances)) {
		set, _ := f.instances[id].take()
		list = append(list, set...)
	}
	return f.caches.SetMappings(list)
}

// update hands over what has changed.
func (f *feed) update() error {
	var set []controller.Mapping
	var remove []lisp.EID
	for _, p := range f.instances {
		s, r := p.take()
		set, remove = append(set, s...), append(remove, r...)
	}
	return f.caches.UpdateMappings(set, remove)
}

// handOver ends a handing over, with what came of it.
func (f *feed) handOver(err error) {
	f.caches.Refresh(f.changed)
	f.changed = f.changed[:0]
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastErr = err
}
