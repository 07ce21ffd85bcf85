package bmv2test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/controller/slowpath"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestFaults breaks what can break around a controller, on both switches: what
// is installed goes on working, and everything is right again by itself.
func TestFaults(t *testing.T) {
	faults := []struct {
		name string
		run  func(*faultNet)
	}{
		{"the controller is killed while media flows", controllerKilled},
		{"the controller is killed that has learned all mappings", learnerKilled},
		{"the connection is cut in the middle of writes", connectionCut},
		{"requests fail in the middle", requestsFail},
		{"a switch is slow", slowSwitch},
		{"another controller takes the switch and spoils it", spoiled},
		{"another controller takes the switches over from one that hangs", masterChanges},
		{"the first packet to a new site", firstPacket},
		{"the first packets to a new site come fast", firstPackets},
	}
	for _, target := range []Target{Softswitch, BMv2} {
		t.Run(string(target), func(t *testing.T) {
			if target == BMv2 {
				needBMv2(t)
			}
			for _, f := range faults {
				t.Run(f.name, func(t *testing.T) { f.run(newFaultNet(t, target)) })
			}
		})
	}
}

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
	o.RetryMin, o.RetryMax = 5*time.Millisecond, 200*time.Millisecond
	c, err := controller.New(n.fig.Config, o)
	if err != nil {
		n.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	stop = func() { cancel(); <-done }
	n.Cleanup(stop)
	return c, stop
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

// controllerKilled: viewers do not notice, and the next controller finds every
// entry right.
func controllerKilled(n *faultNet) {
	c, kill := n.controller(controller.Options{})
	n.ready(c)
	var again *controller.Controller
	n.stream(30, func(i int) {
		switch i {
		case 9:
			kill()
		case 19:
			again, _ = n.controller(controller.Options{ElectionID: p4rt.ElectionID{Low: 2}})
			start := time.Now()
			n.ready(again)
			n.Logf("restarted: right after %v", time.Since(start))
		}
	})
	for _, sw := range again.Status().Switches {
		if sw.Updates != 0 || sw.Pipelines != 0 {
			n.Errorf("%s: %d updates and %d programs were written to a switch that was right", sw.Name, sw.Updates, sw.Pipelines)
		}
	}
}

// learnerKilled: the switches have no mapping but those that packets asked for. The
// next controller does not take them away.
func learnerKilled(n *faultNet) {
	mappings := controller.StaticMappings(n.fig.Config)
	run := func(election uint64) (*controller.Controller, func()) {
		c, err := controller.New(n.fig.Config, controller.Options{
			ElectionID: p4rt.ElectionID{Low: election}, Resolver: &answers{mappings: mappings}, RetryMin: 5 * time.Millisecond})
		if err == nil {
			err = c.SetMappings(nil)
		}
		if err != nil {
			n.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); c.Run(ctx) }()
		stop := func() { cancel(); <-done }
		n.Cleanup(stop)
		return c, stop
	}
	c, kill := run(1)
	n.ready(c)
	for d := 1; d <= n.fig.Domains; d++ {
		n.send(SourceName, n.fromSource(addrPort(domainHost(d), 7), nil))
		n.until("the packet is delivered", func() bool { return len(n.other) == d })
	}
	n.stream(10, func(i int) {
		switch i {
		case 2:
			kill()
		case 5:
			c, _ = run(2)
			n.ready(c)
		}
	})
	if sw := c.Status().Switches[0]; sw.Updates != 0 || sw.SlowPath["inherited"] != uint64(n.fig.Domains) {
		n.Errorf("%d updates were written; slow path %v", sw.Updates, sw.SlowPath)
	}
}

// cutter makes connections that break after some bytes were sent, the later
// ones after more.
type cutter struct{ conns, after atomic.Int64 }

func (c *cutter) dial(ctx context.Context, address string) (net.Conn, error) {
	network := "tcp"
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		network, address = "unix", path
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	left := &atomic.Int64{}
	left.Store(200 + c.after.Add(1500))
	c.conns.Add(1)
	return &cutConn{Conn: conn, left: left}, nil
}

type cutConn struct {
	net.Conn
	left *atomic.Int64
}

func (c *cutConn) Write(b []byte) (int, error) {
	if left := c.left.Add(-int64(len(b))); left < 0 && left > -1<<16 {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// connectionCut: each attempt gets a little further.
func connectionCut(n *faultNet) {
	n.Program(n.fig) // the program is there already: it is one large message
	n.wipe()
	var cut cutter
	c, _ := n.controller(controller.Options{ElectionID: p4rt.ElectionID{Low: 5}, DialOptions: []grpc.DialOption{grpc.WithContextDialer(cut.dial)}})
	n.ready(c)
	n.Logf("%d connections", cut.conns.Load())
	n.stream(5, nil)
}

// Program fills the switches once.
func (n *faultNet) Program(f *Fig2) {
	n.Helper()
	if err := f.Program(n.ctx); err != nil {
		n.Fatal(err)
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

// wipe deletes all entries of all switches.
func (n *faultNet) wipe() {
	n.Helper()
	for d := 0; d <= n.fig.Domains; d++ {
		n.session(d, func(s *p4rt.Session) {
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
		})
	}
}

// requestsFail: every seventh Write fails as a whole, and every fifth Read.
func requestsFail(n *faultNet) {
	var writes, reads atomic.Int64
	broken := status.Error(codes.Unavailable, "broken for a test")
	c, _ := n.controller(controller.Options{DialOptions: []grpc.DialOption{
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if _, ok := req.(*p4v1.WriteRequest); ok && writes.Add(1)%7 == 0 {
				return broken
			}
			return invoke(ctx, method, req, reply, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			if strings.HasSuffix(method, "/Read") && reads.Add(1)%5 == 0 {
				return nil, broken
			}
			return streamer(ctx, desc, cc, method, opts...)
		}),
	}})
	n.ready(c)
	retries := uint64(0)
	for _, sw := range c.Status().Switches {
		retries += sw.Retries
	}
	if retries == 0 {
		n.Error("nothing failed")
	}
	n.Logf("%d writes, %d reads, %d retries", writes.Load(), reads.Load(), retries)
	n.stream(5, nil)
}

// slowSwitch: one switch takes its time for each write. It is named, and the
// others are not held up.
func slowSwitch(n *faultNet) {
	n.Program(n.fig) // the programs are there already
	n.wipe()
	var writes atomic.Int64
	end := make(chan struct{})
	c, _ := n.controller(controller.Options{ElectionID: p4rt.ElectionID{Low: 5}, DialOptions: []grpc.DialOption{
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if w, ok := req.(*p4v1.WriteRequest); ok && w.DeviceId == 1 {
				if writes.Add(1) == 1 {
					time.Sleep(1500 * time.Millisecond)
				} else {
					<-end
				}
			}
			return invoke(ctx, method, req, reply, cc, opts...)
		}),
	}})
	n.until("the others are ready, and the slow switch is named", func() bool {
		switches := c.Status().Switches
		for _, sw := range switches[1:] {
			if sw.Phase != controller.Ready {
				return false
			}
		}
		return switches[0].Phase == controller.Syncing && strings.Contains(switches[0].Reason, "the switch is slow: the last")
	})
	close(end)
	n.ready(c)
	n.stream(3, nil)
}

// spoiled: another controller outranks ours, deletes everything and leaves. Ours
// says who has the switch, and repairs it.
func spoiled(n *faultNet) {
	c, _ := n.controller(controller.Options{})
	n.ready(c)
	n.session(0, func(s *p4rt.Session) {
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
		n.until("the controller names who has the switch", func() bool {
			sw := c.Status().Switches[0]
			return sw.Phase == controller.Failing && strings.Contains(sw.Reason, "owns the switch")
		})
		for _, sw := range c.Status().Switches[1:] {
			if sw.Phase != controller.Ready {
				n.Errorf("%s is %s: %s", sw.Name, sw.Phase, sw.Reason)
			}
		}
	})
	// Nobody can write to it until ours is primary again.
	start := time.Now()
	n.ready(c)
	n.Logf("repaired after %v", time.Since(start))
	n.stream(5, nil)
}

// answers resolves from a list, after a while.
type answers struct {
	mappings []controller.Mapping
	after    time.Duration
	asked    atomic.Int64
}

func (a *answers) Resolve(_ context.Context, eid lisp.EID, _ bool) (slowpath.Resolution, error) {
	a.asked.Add(1)
	time.Sleep(a.after)
	for _, m := range a.mappings {
		if m.Prefix.Contains(eid.Prefix.Addr()) {
			return slowpath.Resolution{EID: m.EID(), RLOCs: m.RLOCs, TTL: time.Hour}, nil
		}
	}
	hole := netip.PrefixFrom(eid.Prefix.Addr(), 24).Masked()
	return slowpath.Resolution{EID: lisp.EID{Prefix: hole}, Action: lisp.ActionDrop, TTL: time.Minute}, nil
}

// firstPacket: no mapping is in use until a packet needs one. It is resolved,
// installed, and the packet delivered. An answer that there is none comes back
// to the sender.
func firstPacket(n *faultNet) {
	resolver := &answers{mappings: controller.StaticMappings(n.fig.Config)}
	c, _ := n.controller(controller.Options{Resolver: resolver})
	if err := c.SetMappings(nil); err != nil {
		n.Fatal(err)
	}
	n.ready(c)
	for d := 1; d <= n.fig.Domains; d++ {
		to := addrPort(domainHost(d), 7)
		start := time.Now()
		n.send(SourceName, n.fromSource(to, []byte("first")))
		select {
		case frame := <-n.other:
			n.Logf("domain %d: delivered after %v", d, time.Since(start))
			var got inet.Datagram
			if err := got.Decode(ipOf(frame)); err != nil || got.Dst != to || string(got.Payload) != "first" {
				n.Errorf("delivered %v %q, %v", got.Dst, got.Payload, err)
			}
		case <-time.After(arriveLimit):
			n.Fatalf("domain %d: not delivered; slow path %v", d, c.Status().Switches[0].SlowPath)
		}
	}
	if asked := resolver.asked.Load(); asked != int64(n.fig.Domains) {
		n.Errorf("%d questions for %d sites", asked, n.fig.Domains)
	}
	// The map-cache serves the channel too.
	n.stream(5, nil)

	source := n.fig.Host(SourceName)
	source.Take()
	n.send(SourceName, n.fromSource(netip.MustParseAddrPort("10.200.0.1:7"), []byte("nobody")))
	n.until("the source hears that there is nobody", func() bool {
		for _, frame := range source.Take() {
			if ip := ipOf(frame); ip[9] == 1 && ip[20] == 3 {
				return true
			}
		}
		return false
	})
}

// burstPackets are sent at burstRate a second.
const burstPackets, burstRate = 50, 5000

// firstPackets: packets that come while the mapping is resolved are not lost, and
// all that gets out of order is that those which come when the switch has it may
// overtake those that waited.
func firstPackets(n *faultNet) {
	resolver := &answers{mappings: controller.StaticMappings(n.fig.Config), after: 3 * time.Millisecond}
	c, _ := n.controller(controller.Options{Resolver: resolver})
	if err := c.SetMappings(nil); err != nil {
		n.Fatal(err)
	}
	n.ready(c)
	for d := 1; d <= n.fig.Domains; d++ {
		before := c.Status().Switches[0].SlowPath["reinjected"]
		start := time.Now()
		for i := range burstPackets {
			time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / burstRate)))
			n.send(SourceName, n.fromSource(addrPort(domainHost(d), 7), []byte{byte(i)}))
		}
		seen, overtaken, latest := map[byte]bool{}, uint64(0), byte(0)
		for len(seen) < burstPackets {
			select {
			case frame := <-n.other:
				var got inet.Datagram
				if err := got.Decode(ipOf(frame)); err != nil || len(got.Payload) != 1 || seen[got.Payload[0]] {
					n.Fatalf("delivered %v %q, %v, already: %v", got.Dst, got.Payload, err, len(seen))
				}
				i := got.Payload[0]
				seen[i] = true
				if i < latest {
					overtaken++
				}
				latest = max(latest, i)
			case <-time.After(arriveLimit):
				n.Fatalf("domain %d: %d of %d delivered; slow path %v", d, len(seen), burstPackets, c.Status().Switches[0].SlowPath)
			}
		}
		waited := c.Status().Switches[0].SlowPath["reinjected"] - before
		n.Logf("domain %d: all %d delivered; %d waited, %d were overtaken", d, burstPackets, waited, overtaken)
		if waited == 0 || overtaken > waited {
			n.Errorf("domain %d: %d waited, %d were overtaken; want no more than waited, and some", d, waited, overtaken)
		}
	}
}
