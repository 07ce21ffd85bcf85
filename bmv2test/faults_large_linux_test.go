package bmv2test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/softswitch/engine"
	"google.golang.org/grpc"
)

// largeMapCache is how many mappings besides the sites' own are in use.
const largeMapCache = 10_000

// TestLargeMapCache has ten thousand mappings in use: a controller that comes
// back writes none of them, a switch that comes back gets all of them, and when
// they all change they all follow. The times are logged; docs/performance.md
// has them.
func TestLargeMapCache(t *testing.T) {
	for _, target := range []Target{SoftswitchLinux, BMv2} {
		t.Run(string(target), func(t *testing.T) {
			needBMv2(t) // or the namespaces that it needs
			large(newFaultNet(t, target))
		})
	}
}

func large(n *faultNet) {
	n.indirect()
	mappings := n.manyMappings(0)
	c, kill := n.prepared(mappings, 1)
	start := time.Now()
	n.ready(c)
	n.Logf("filled after %v", time.Since(start))
	n.stream(3, nil)

	kill()
	c, _ = n.prepared(mappings, 2)
	start = time.Now()
	n.ready(c)
	n.Logf("controller restarted: right after %v", time.Since(start))
	for _, sw := range c.Status().Switches {
		if sw.Updates != 0 || sw.Pipelines != 0 || sw.Wanted < largeMapCache {
			n.Errorf("%s: %d updates, %d programs, %d wanted", sw.Name, sw.Updates, sw.Pipelines, sw.Wanted)
		}
	}

	start = n.restart(0)
	n.until("the controller sees that the switch is empty", func() bool { return c.Status().Switches[0].Pipelines == 1 })
	n.ready(c)
	n.Logf("switch restarted empty: %d objects back after %v", c.Status().Switches[0].Installed, time.Since(start))
	n.stream(1, nil)
	n.Logf("switch restarted empty: media flows after %v", time.Since(start))

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	written := updatesOf(c)
	start = time.Now()
	if err := c.SetMappings(n.manyMappings(1)); err != nil {
		n.Fatal(err)
	}
	computed := time.Since(start)
	n.ready(c)
	runtime.ReadMemStats(&after)
	updates := updatesOf(c) - written
	n.Logf("%d mappings changed: computed in %v, written after %v (%d updates); %d allocations an update, the switches' not counted apart",
		largeMapCache, computed, time.Since(start), updates, (after.Mallocs-before.Mallocs)/max(updates, 1))
	if want := uint64(largeMapCache * len(n.fig.Config.Switches)); updates < want/2 || updates > want {
		n.Errorf("%d updates for %d changes on each switch", updates, largeMapCache)
	}
	n.stream(3, nil)
}

func updatesOf(c *controller.Controller) (sum uint64) {
	for _, sw := range c.Status().Switches {
		sum += sw.Updates
	}
	return sum
}

// indirect has controllers find the switches by name, because a restarted one
// may have another address.
func (n *faultNet) indirect() {
	n.addresses = map[string]string{}
	for i := range n.fig.Config.Switches {
		name := n.fig.Config.Switches[i].Name
		n.addresses[name] = n.fig.Address(name)
		n.fig.Config.Switches[i].Address = "passthrough:///" + n.fig.Config.Switches[i].Name
	}
}

func (n *faultNet) dial(ctx context.Context, name string) (net.Conn, error) {
	n.mu.Lock()
	address := n.addresses[name]
	n.mu.Unlock()
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// prepared runs a controller that knows the mappings before it starts.
func (n *faultNet) prepared(mappings []controller.Mapping, election uint64) (*controller.Controller, func()) {
	n.Helper()
	return n.controllerThatKnows(mappings, controller.Options{
		ElectionID: p4rt.ElectionID{Low: election}, RetryMax: 50 * time.Millisecond,
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(n.dial)},
	})
}

// manyMappings are the sites' own and many more, behind the same RLOCs; with
// another turn each of these is elsewhere.
func (n *faultNet) manyMappings(turn int) []controller.Mapping {
	ms := controller.StaticMappings(n.fig.Config)
	for i := range largeMapCache {
		ms = append(ms, controller.Mapping{
			Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, byte(i >> 8), byte(i)}), 32),
			RLOCs:  []config.RLOC{{Address: n.fig.RLOC(1 + (i+turn)%n.fig.Domains), Priority: 1, Weight: 100}},
		})
	}
	return ms
}

// restart ends a switch and starts it anew on the same interfaces, empty. It
// returns when that one served.
func (n *faultNet) restart(d int) time.Time {
	n.Helper()
	spec := n.fig.topology(n.options).Switches[d]
	var err error
	switch device := n.fig.devices[SwitchName(d)].(type) {
	case *bmv2:
		if err = device.process.stop(); err == nil {
			device.process, err = startBMv2(n.ctx, device.wires.ns, spec, device.wires.iface)
		}
	case *softswitchLinux:
		device.cancel()
		<-device.done
		ports, e := device.wires.open()
		if e != nil {
			n.Fatal(e)
		}
		spec.programs = new(engine.Cache)
		device.softswitchDevice, err = startSoftswitch(spec, ports, device.wires.ends)
	default:
		err = fmt.Errorf("a %T cannot be restarted", device)
	}
	if err != nil {
		n.Fatal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses[SwitchName(d)] = n.fig.Address(SwitchName(d))
	return time.Now()
}
