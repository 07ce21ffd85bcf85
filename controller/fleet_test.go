package controller

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
)

// fleet is one P4Runtime server for many devices.
type fleet struct {
	p4v1.UnimplementedP4RuntimeServer
	devices []*responder // by device id, from 1
	l       *bufconn.Listener
}

func startFleet(t testing.TB, n int) *fleet {
	f := &fleet{l: bufconn.Listen(1 << 16), devices: make([]*responder, n+1)}
	for i := range f.devices {
		f.devices[i] = newResponder()
	}
	serveOn(t, f, f.l)
	return f
}

func (f *fleet) dial(ctx context.Context, _ string) (net.Conn, error) { return f.l.DialContext(ctx) }

func (f *fleet) StreamChannel(s p4v1.P4Runtime_StreamChannelServer) error {
	for {
		if err := primary(s); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

func (f *fleet) Capabilities(ctx context.Context, q *p4v1.CapabilitiesRequest) (*p4v1.CapabilitiesResponse, error) {
	return f.devices[0].Capabilities(ctx, q)
}

func (f *fleet) GetForwardingPipelineConfig(ctx context.Context, q *p4v1.GetForwardingPipelineConfigRequest) (*p4v1.GetForwardingPipelineConfigResponse, error) {
	return f.devices[q.DeviceId].GetForwardingPipelineConfig(ctx, q)
}

func (f *fleet) SetForwardingPipelineConfig(ctx context.Context, q *p4v1.SetForwardingPipelineConfigRequest) (*p4v1.SetForwardingPipelineConfigResponse, error) {
	return f.devices[q.DeviceId].SetForwardingPipelineConfig(ctx, q)
}

func (f *fleet) Write(ctx context.Context, q *p4v1.WriteRequest) (*p4v1.WriteResponse, error) {
	return f.devices[q.DeviceId].Write(ctx, q)
}

func (f *fleet) Read(q *p4v1.ReadRequest, s p4v1.P4Runtime_ReadServer) error {
	return f.devices[q.DeviceId].Read(q, s)
}

// fleetConfig has a site for each of n switches.
func fleetConfig(t testing.TB, n int) *config.Config {
	cfg := &config.Config{}
	for i := range n {
		site := fmt.Sprintf("site%d", i)
		at := func(b byte, host byte) netip.Addr { return netip.AddrFrom4([4]byte{b, byte(i >> 8), byte(i), host}) }
		cfg.Sites = append(cfg.Sites, config.Site{
			Name: site, EIDPrefixes: []netip.Prefix{netip.PrefixFrom(at(10, 0), 24)}, CoreCast: true,
			RLOCs: []config.RLOC{{Address: at(172, 2), Priority: 1, Weight: 100}},
		})
		cfg.Switches = append(cfg.Switches, config.Switch{
			Name: fmt.Sprintf("s%d", i), Address: fmt.Sprintf("127.0.0.1:%d", 10_000+i), DeviceID: uint64(i + 1),
			Target: config.Softswitch, Site: site, Ports: []config.Port{
				{ID: 1, Role: config.Local, Address: netip.PrefixFrom(at(10, 1), 24)},
				{ID: 2, Role: config.Transit, Address: netip.PrefixFrom(at(172, 2), 24), NextHop: at(172, 1)},
			},
			Neighbors: []config.Neighbor{{Address: at(172, 1), MAC: config.MAC{2, 0, 0, 0, 0, 1}}},
		})
	}
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	for i := range cfg.Switches {
		cfg.Switches[i].Address = "passthrough:///" + cfg.Switches[i].Name // for the dialer, see startFleet
	}
	return cfg
}

// fleetMappings are n mappings behind the RLOCs of the first sites, a hundred at
// most.
func fleetMappings(n int) []Mapping {
	ms := manyMappings(n)
	for i := range ms {
		ms[i].RLOCs = []config.RLOC{{Address: netip.AddrFrom4([4]byte{172, 0, byte(i % 100), 2}), Priority: 1, Weight: 100}}
	}
	return ms
}

func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkFleet fills switches that are no more than a P4Runtime server, has
// the controller restarted, and one mapping changed on all of them. CPU is that
// of controller and switches together; docs/performance.md tells them apart.
func BenchmarkFleet(b *testing.B) {
	for _, size := range []int{20, 100, 1000} {
		b.Run(fmt.Sprintf("switches=%d", size), func(b *testing.B) {
			for b.Loop() {
				benchmarkFleet(b, size, 10_000)
			}
		})
	}
}

// TestFleet is BenchmarkFleet for a size that any machine has.
func TestFleet(t *testing.T) { benchmarkFleet(t, 20, 500) }

func benchmarkFleet(t testing.TB, size, mappings int) {
	report := func(value float64, unit string) {
		if b, ok := t.(*testing.B); ok {
			b.ReportMetric(value, unit)
		}
	}
	f := startFleet(t, size)
	cfg, ms := fleetConfig(t, size), fleetMappings(mappings)
	empty := heap()
	begin := func(election uint64) (*Controller, func()) {
		c, err := New(cfg, Options{ElectionID: p4rt.ElectionID{Low: election}, Timeout: 10 * patience,
			Resync: time.Hour, DialOptions: []grpc.DialOption{grpc.WithContextDialer(f.dial)}})
		if err == nil {
			err = c.SetMappings(ms)
		}
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); c.Run(ctx) }()
		stop := func() { cancel(); <-done }
		t.Cleanup(stop)
		return c, stop
	}
	wait := func(c *Controller) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
		defer cancel()
		if err := c.WaitReady(ctx); err != nil {
			t.Fatal(err)
		}
	}

	c, stop := begin(1)
	start := time.Now()
	wait(c)
	report(time.Since(start).Seconds(), "s-fill")
	stop()
	c = nil
	switches := heap()
	report(float64(switches-empty)/float64(size)/1e3, "kB-in-switch")

	c, _ = begin(2)
	start, used := time.Now(), cpu()
	wait(c)
	report(time.Since(start).Seconds(), "s-restart")
	report((cpu()-used).Seconds()*1e3/float64(size), "ms-cpu/look")
	report(float64(heap()-switches)/float64(size)/1e3, "kB-controller/switch")
	for _, sw := range c.Status().Switches {
		if sw.Updates != 0 || sw.Wanted < mappings {
			t.Fatalf("%s: %d updates, %d wanted", sw.Name, sw.Updates, sw.Wanted)
		}
	}

	moved := ms[0]
	moved.RLOCs = ms[1].RLOCs
	start, used = time.Now(), cpu()
	if err := c.UpdateMappings([]Mapping{moved}, nil); err != nil {
		t.Fatal(err)
	}
	wait(c)
	report(time.Since(start).Seconds()*1e3, "ms-one-change")
	report((cpu()-used).Seconds()*1e6/float64(size), "µs-cpu/change")

	used = cpu()
	time.Sleep(time.Second)
	report((cpu()-used).Seconds()*1e6/float64(size), "µs-cpu/idle-s")
	for _, sw := range c.Status().Switches {
		if sw.Updates != 1 {
			t.Fatalf("%s: %d updates for one change", sw.Name, sw.Updates)
		}
	}
	runtime.KeepAlive(ms)
}
