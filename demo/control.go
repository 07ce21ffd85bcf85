package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
)

// control is the running controller.
type control struct {
	*controller.Controller
	cancel context.CancelFunc
	done   chan error
}

// startControl starts a controller and waits until every switch holds what it
// should.
func startControl(ctx context.Context, cfg *config.Config) (*control, error) {
	c, err := controller.New(cfg, controller.Options{})
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	k := &control{Controller: c, cancel: cancel, done: make(chan error, 1)}
	go func() { k.done <- c.Run(running) }()
	if err := c.WaitReady(ctx); err != nil {
		k.stop()
		return nil, fmt.Errorf("the switches could not be programmed: %w", err)
	}
	return k, nil
}

func (k *control) stop() {
	k.cancel()
	<-k.done
}

// Refusals is what one switch did not forward, and why.
type Refusals struct {
	Switch  string            `json:"switch"`
	Dropped map[string]uint64 `json:"dropped,omitempty"` // packets by drop reason
	Punted  map[string]uint64 `json:"punted,omitempty"`  // packets given to the controller, by reason
}

// refusals asks every switch for its counters; one that does not answer or
// refused nothing is left out.
func (k *control) refusals(ctx context.Context, switches []config.Switch) []Refusals {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	var all []Refusals
	for i := range switches {
		r := Refusals{Switch: switches[i].Name, Dropped: map[string]uint64{}, Punted: map[string]uint64{}}
		dropped, err := k.Drops(ctx, r.Switch)
		if err != nil {
			continue
		}
		punted, err := k.Punts(ctx, r.Switch)
		if err != nil {
			continue
		}
		for reason, count := range dropped {
			r.Dropped[reason] = count.Packets
		}
		for reason, count := range punted {
			r.Punted[reason] = count.Packets
		}
		if len(dropped)+len(punted) > 0 {
			all = append(all, r)
		}
	}
	return all
}

func (r Refusals) String() string {
	var parts []string
	for _, kind := range []struct {
		verb   string
		counts map[string]uint64
	}{{"dropped", r.Dropped}, {"gave the controller", r.Punted}} {
		for _, reason := range slices.Sorted(maps.Keys(kind.counts)) {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", kind.verb, count(kind.counts[reason]), reason))
		}
	}
	return r.Switch + " " + strings.Join(parts, ", ")
}
