package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// Controller is what programs the switches of the network: a
// *controller.Controller, or more around one.
type Controller interface {
	Run(ctx context.Context) error
	WaitReady(ctx context.Context) error
	Drops(ctx context.Context, switchName string) (map[string]p4rt.Count, error)
	Punts(ctx context.Context, switchName string) (map[string]p4rt.Count, error)
}

// newController makes a controller and nothing around it.
func newController(_ context.Context, cfg *config.Config) (Controller, error) {
	return controller.New(cfg, controller.Options{})
}

// control is the running controller.
type control struct {
	Controller
	cancel context.CancelFunc
	done   chan error
}

// startControl starts a controller and waits until every switch holds what it
// should.
func startControl(ctx context.Context, cfg *config.Config, open func(context.Context, *config.Config) (Controller, error)) (*control, error) {
	if open == nil {
		open = newController
	}
	c, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	k := &control{Controller: c, cancel: cancel, done: make(chan error, 1)}
	go func() { k.done <- c.Run(running) }()
	if err := c.WaitReady(ctx); err != nil {
		return nil, fmt.Errorf("the switches could not be programmed: %w", errors.Join(err, k.stop()))
	}
	return k, nil
}

func (k *control) stop() error {
	k.cancel()
	return <-k.done
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
