package demo

import (
	"context"
	"fmt"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
)

// control is the running controller.
type control struct {
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
	k := &control{cancel: cancel, done: make(chan error, 1)}
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
