package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/store"
)

// editor changes the configuration all the time, and remembers what was
// acknowledged: that must be there in the end.
type editor struct {
	a         *arena
	store     store.Store
	inventory *inventory.Inventory
	stop      func()

	mu           sync.Mutex // guards what follows
	may          map[string][]string
	acknowledged int
	unknown      int
	lastErr      error
}

// edited is how many objects are changed, again and again.
const edited = 12

// editedRLOC is one of those that the objects have, two each.
func editedRLOC(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)}) }

// withNeighbors tells all switches of a network where the objects' RLOCs are.
func withNeighbors(cfg *config.Config) {
	for i := range cfg.Switches {
		for j := range 2 * edited {
			cfg.Switches[i].Neighbors = append(cfg.Switches[i].Neighbors,
				config.Neighbor{Address: editedRLOC(j), MAC: config.MAC{2, 0, 0, 0, 9, byte(j)}})
		}
	}
}

func newEditor(a *arena) *editor {
	a.Helper()
	e := &editor{a: a, may: map[string][]string{}}
	ctx, cancel := context.WithTimeout(context.Background(), arenaPatience)
	defer cancel()
	var err error
	e.store, err = store.Open(ctx, a.etcd.NewAccess().URL("arena"))
	a.check(err)
	e.inventory = e.open(ctx)
	running, cancelRun := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { e.inventory.Run(running) })
	wg.Go(func() { e.edit(running) })
	e.stop = sync.OnceFunc(func() {
		cancelRun()
		wg.Wait()
	})
	a.Cleanup(func() {
		e.stop()
		e.store.Close()
	})
	return e
}

func (e *editor) open(ctx context.Context) *inventory.Inventory {
	e.a.Helper()
	log, err := eventlog.Open(ctx, e.store, eventlog.Options{Node: "editor"})
	e.a.check(err)
	inv, err := inventory.Open(ctx, e.a.fig.Config, inventory.Options{
		Store: e.store, Durable: true, Log: log, Apply: func(*config.Config) error { return nil },
	})
	e.a.check(err)
	return inv
}

// edit puts one object after the other.
func (e *editor) edit(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("edited-%d", n%edited)
		weight := fmt.Sprint(1 + n%250)
		body := fmt.Sprintf(`{"eid_prefixes":["10.%d.0.0/16"],"rlocs":[{"address":"%s","priority":1,"weight":100},{"address":"%s","priority":1,"weight":%s}]}`,
			100+n%edited, editedRLOC(2*(n%edited)), editedRLOC(2*(n%edited)+1), weight)
		asked, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := e.inventory.Do(asked, inventory.Change{
			Ref: inventory.Ref{Kind: inventory.Site, Name: name}, Op: inventory.Put, Body: []byte(body), Who: "editor"})
		cancel()
		e.note(name, weight, err)
		pause(ctx, 50*time.Millisecond)
	}
}

// note remembers what an object may be after a change: what was asked for, and if
// that was not acknowledged, what it may have been before as well.
func (e *editor) note(name, weight string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		e.acknowledged++
		e.may[name] = []string{weight}
		return
	}
	e.unknown, e.lastErr = e.unknown+1, err
	if e.may[name] == nil {
		e.may[name] = []string{""} // it may not be there
	}
	e.may[name] = append(e.may[name], weight)
}

// goesOn waits until another change is acknowledged, which was asked for from now on.
func (e *editor) goesOn() {
	e.a.Helper()
	changes := func() (n int, err error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.acknowledged, e.lastErr
	}
	before, _ := changes()
	e.a.until("changes are acknowledged", func() error {
		if now, err := changes(); now < before+2 {
			return fmt.Errorf("%d were: %w", now, err)
		}
		return nil
	})
}

// verify ends the changes, and returns the configuration that there is now, in
// which all that was acknowledged must be.
func (e *editor) verify() *config.Config {
	e.a.Helper()
	e.stop()
	ctx, cancel := context.WithTimeout(context.Background(), arenaPatience)
	defer cancel()
	cfg := e.open(ctx).Config()
	for name, may := range e.may {
		weight := ""
		if s := cfg.FindSite(name); s != nil {
			weight = fmt.Sprint(s.RLOCs[1].Weight)
		}
		if !slices.Contains(may, weight) {
			e.a.Errorf("site %s has weight %q; acknowledged was %s", name, weight, strings.Join(may, " or "))
		}
	}
	if e.acknowledged == 0 {
		e.a.Errorf("no change was ever acknowledged: %v", e.lastErr)
	}
	return cfg
}
