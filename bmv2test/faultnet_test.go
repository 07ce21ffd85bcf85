package bmv2test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

// The network that faults are made in.

// faultNet is a Fig. 2 network that a fault is made in.
type faultNet struct {
	*T
	options   Fig2Options
	fig       *Fig2
	delivered atomic.Uint64 // payloads at viewers
	other     chan []byte   // what else reaches hosts

	mu        sync.Mutex        // guards addresses
	addresses map[string]string // of switches that may be restarted
}

func newFaultNet(t *testing.T, target Target) *faultNet {
	return newFaultNetOf(t, Fig2Options{Target: target})
}

func newFaultNetOf(t *testing.T, o Fig2Options) *faultNet {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	t.Cleanup(cancel)
	n := &faultNet{other: make(chan []byte, 1024)}
	o.StockGrowth = o.StockGrowth || o.Target == BMv2
	o.FromDomain = func(_ int, frame []byte) {
		var d inet.Datagram
		if d.Decode(ipOf(frame)) == nil && d.Dst.Port() == MediaPort {
			n.delivered.Add(1)
			return
		}
		select {
		case n.other <- append([]byte(nil), frame...):
		default:
		}
	}
	o.Domains = 3
	n.options = o
	fig, err := NewFig2(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fig.Close(); err != nil {
			t.Error(err)
		}
	})
	n.fig, n.T = fig, &T{T: t, stage: &stage{fig: fig}, ctx: ctx}
	return n
}

// controller runs a controller until stop is called, or the test ends.
func (n *faultNet) controller(o controller.Options) (c *controller.Controller, stop func()) {
	n.Helper()
	c = n.newController(o)
	return c, n.start(c)
}

// controllerThatKnows is controller with mappings that it has before it starts.
func (n *faultNet) controllerThatKnows(mappings []controller.Mapping, o controller.Options) (c *controller.Controller, stop func()) {
	n.Helper()
	c = n.newController(o)
	if err := c.SetMappings(mappings); err != nil {
		n.Fatal(err)
	}
	return c, n.start(c)
}

func (n *faultNet) newController(o controller.Options) *controller.Controller {
	n.Helper()
	o.RetryMin, o.RetryMax = 5*time.Millisecond, cmp.Or(o.RetryMax, 200*time.Millisecond)
	c, err := controller.New(n.fig.Config, o)
	if err != nil {
		n.Fatal(err)
	}
	return c
}

func (n *faultNet) start(c *controller.Controller) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	stop = func() { cancel(); <-done }
	n.Cleanup(stop)
	return stop
}

func (n *faultNet) ready(c *controller.Controller) {
	n.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := c.WaitReady(ctx); err != nil {
		n.Fatal(errors.Join(err, n.fig.Alive()))
	}
}

// until waits for what must become true, however busy the machine is.
func (n *faultNet) until(what string, is func() bool) {
	n.Helper()
	for deadline := time.Now().Add(startLimit); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			n.Fatalf("it does not happen that %s: %v", what, n.fig.Alive())
		}
	}
}

// stream sends payloads to all viewers, one after the other, and waits for the
// last: none may be lost.
func (n *faultNet) stream(payloads int, during func(i int)) {
	n.Helper()
	before := n.delivered.Load()
	for i := range payloads {
		m := n.media(1316)
		frames := [][]byte{n.payload(m)}
		for _, v := range n.fig.Viewers {
			frames = append(frames, n.header(m, v.EID))
		}
		n.send(SourceName, frames...)
		want := before + uint64((i+1)*len(n.fig.Viewers))
		n.until(fmt.Sprintf("payload %d reaches all viewers", i), func() bool { return n.delivered.Load() >= want })
		if during != nil {
			during(i)
		}
	}
}

// session is another controller's, for a moment.
func (n *faultNet) session(d int, do func(*p4rt.Session)) {
	n.Helper()
	schema, err := p4rt.NewSchema(build.P4Info())
	if err != nil {
		n.Fatal(err)
	}
	s, err := p4rt.Dial(n.ctx, schema, p4rt.Options{
		Address: n.fig.Address(SwitchName(d)), DeviceID: uint64(d + 1), ElectionID: testerElection})
	if err != nil {
		n.Fatal(err)
	}
	defer s.Close()
	do(s)
}

// Program fills the switches once.
func (n *faultNet) Program(f *Fig2) {
	n.Helper()
	if err := f.Program(n.ctx); err != nil {
		n.Fatal(err)
	}
}

// wipe deletes all entries of all switches.
func (n *faultNet) wipe() {
	n.Helper()
	for d := 0; d <= n.fig.Domains; d++ {
		n.session(d, n.deleteAll)
	}
}

// deleteAll deletes the entries of a session's switch.
func (n *faultNet) deleteAll(s *p4rt.Session) {
	n.Helper()
	entries, err := s.ReadEntries(n.ctx)
	if err != nil {
		n.Fatal(err)
	}
	var updates []p4rt.Update
	for _, e := range entries {
		if !e.Default {
			updates = append(updates, p4rt.Update{Op: p4rt.Delete, Object: e})
		}
	}
	if err := s.Write(n.ctx, updates); err != nil {
		n.Fatal(err)
	}
}
