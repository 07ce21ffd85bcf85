package controller

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch"
	"github.com/corecast/corecast/softswitch/link"
	"github.com/corecast/corecast/softswitch/port"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is far beyond what any step of a test takes.
const patience = time.Minute

// target is a softswitch that can be stopped and started again, empty, at the
// same address.
type target struct {
	t      testing.TB
	device uint64
	addr   string
	cable  port.Port // the far end of port 1
	stop   func()
}

func startTarget(t testing.TB, device uint64) *target {
	g := &target{t: t, device: device, addr: "127.0.0.1:0"}
	g.start()
	t.Cleanup(func() { g.stop() })
	return g
}

func (g *target) start() {
	g.t.Helper()
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.addr = l.Addr().String()
	sw, err := softswitch.New(softswitch.Config{DeviceID: g.device, CPUPort: build.CPUPort, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		g.t.Fatal(err)
	}
	near, far := link.New(link.Options{})
	if err := sw.AddPort(1, near); err != nil {
		g.t.Fatal(err)
	}
	g.cable = far
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := sw.Serve(ctx, l); err != nil {
			g.t.Error(err)
		}
	}()
	g.stop = func() { cancel(); <-done }
}

// fig2 starts a switch for every one of the example and points its
// configuration there.
func fig2(t testing.TB) (*config.Config, map[string]*target) {
	cfg := load(t, "../examples/fig2.yaml")
	targets := map[string]*target{}
	for i := range cfg.Switches {
		g := startTarget(t, cfg.Switches[i].DeviceID)
		cfg.Switches[i].Address = g.addr
		targets[cfg.Switches[i].Name] = g
	}
	return cfg, targets
}

// tap sees, and may answer, the Write requests of a controller.
type tap struct {
	mu      sync.Mutex
	updates []*p4v1.Update
	refuse  func(*p4v1.WriteRequest) error // nil lets through
}

func (w *tap) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if r, ok := req.(*p4v1.WriteRequest); ok {
		w.mu.Lock()
		w.updates = append(w.updates, r.Updates...)
		refuse := w.refuse
		w.mu.Unlock()
		if refuse != nil {
			if err := refuse(r); err != nil {
				return err
			}
		}
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

func (w *tap) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.updates)
}

// run starts a controller that is stopped, and waited for, at the end of the
// test or by the returned function.
func run(t testing.TB, cfg *config.Config, w *tap, opts Options) (*Controller, func()) {
	t.Helper()
	opts.RetryMin, opts.RetryMax = 5*time.Millisecond, 50*time.Millisecond
	if opts.Timeout == 0 {
		opts.Timeout = patience
	}
	if w != nil {
		opts.DialOptions = append(opts.DialOptions, grpc.WithUnaryInterceptor(w.intercept))
	}
	c, err := New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return c, stop
}

func ready(t testing.TB, c *Controller) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
}

// until waits for a status that satisfies ok.
func until(t testing.TB, c *Controller, what string, ok func(Status) bool) Status {
	t.Helper()
	timeout := time.After(patience)
	for {
		s, changed := c.watch()
		if ok(s) {
			return s
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%s never happened; status %+v", what, s)
		}
	}
}

func one(s Status, name string) SwitchStatus {
	for _, sw := range s.Switches {
		if sw.Name == name {
			return sw
		}
	}
	panic("no switch " + name)
}

// holds checks that a switch holds exactly what is wanted.
func holds(t testing.TB, c *Controller, name string) {
	t.Helper()
	if err := differs(c, name); err != nil {
		t.Error(err)
	}
}

// whole is the controller's state as Desired takes it, for the slow and obvious
// answer to what switches are to hold.
func (c *Controller) whole() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := State{Schema: c.schema, Config: c.state.Config.WithChannels(c.state.channels.list()), Numbers: Numbers{}}
	for _, m := range c.state.table {
		s.Mappings = append(s.Mappings, m.Mapping)
	}
	for name, o := range c.owners {
		s.Numbers[name] = o.plan.numbers()
	}
	return s
}

func differs(c *Controller, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := c.session(name)
	if err != nil {
		return err
	}
	have, err := readHeld(ctx, s)
	if err != nil {
		return err
	}
	wanted, _, err := Desired(c.whole())
	if err != nil {
		return err
	}
	if c.state.Config.FindSwitch(name).Target == config.BMv2 {
		// bmv2 forgets the order of replicas in what it tells, not in what it does.
		for _, g := range have.groups {
			slices.SortFunc(g.Replicas, func(a, b p4rt.Replica) int {
				return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Port, b.Port))
			})
		}
	}
	got := &Holding{Entries: have.entries, Groups: have.groups, Meters: have.meters}
	sortHolding(got)
	want := *wanted[name]
	want.Problems = nil
	if w, h := render(map[string]*Holding{name: &want}), render(map[string]*Holding{name: got}); w != h {
		return fmt.Errorf("switch %s does not hold what is wanted:\n%s", name, diffLines(w, h))
	}
	return nil
}
