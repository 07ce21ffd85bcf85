package bmv2test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestProcesses kills the controller and switches as they run outside of tests: as
// processes, at any moment. What the switches have goes on working, and whoever
// comes back makes all right again. The times are logged; docs/performance.md has
// them.
func TestProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes; the race detector has nothing to see there")
	}
	corecast := buildCorecast(t)
	t.Run("softswitch in memory", func(t *testing.T) {
		n := newFaultNetOf(t, Fig2Options{Target: Softswitch})
		c := n.process(corecast)
		n.controllerDies(c)
		n.everythingMoves(c)
	})
	t.Run("corecast switch", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("needs network namespaces: run as root")
		}
		n := newFaultNetOf(t, Fig2Options{Target: BMv2, Command: []string{corecast, "switch"}})
		n.everythingDies(n.process(corecast))
	})
	t.Run("bmv2", func(t *testing.T) {
		needBMv2(t)
		n := newFaultNetOf(t, Fig2Options{Target: BMv2})
		n.everythingDies(n.process(corecast))
	})
}

// buildCorecast builds the one binary.
func buildCorecast(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corecast")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../cmd/corecast").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func (n *faultNet) everythingDies(c *controllerProcess) {
	n.controllerDies(c)

	start := time.Now()
	n.killSwitch(0)
	n.startSwitch(0)
	began := time.Now()
	n.until("the controller sees that the switch is empty", func() bool { return c.switches()[ITRName].Pipelines == 1 })
	c.ready()
	n.Logf("switch killed: it was back after %v, and %d objects %v later", began.Sub(start), c.switches()[ITRName].Installed, time.Since(began))
	n.stream(1, nil)
	n.Logf("switch killed: media flows %v after it was back", time.Since(began))

	c.kill()
	n.killSwitch(0)
	n.startSwitch(0)
	c.start()
	c.ready()
	n.stream(3, nil)
}

// controllerDies: nobody loses anything, and the next controller finds every
// entry right.
func (n *faultNet) controllerDies(c *controllerProcess) {
	c.start()
	c.register(n.manyMappings(0)[len(n.fig.Config.Sites):])
	n.until("all mappings are on the switches", func() bool {
		c.ready()
		return c.switches()[ITRName].Installed > largeMapCache
	})
	n.until("all registrations are on disk", func() bool {
		var status struct {
			Store     struct{ Written, Waiting uint64 }
			MapServer struct{ Mappings int } `json:"map_server"`
		}
		c.get("/api/v1/status", &status)
		return status.MapServer.Mappings == largeMapCache && status.Store.Written > largeMapCache && status.Store.Waiting == 0
	})

	n.stream(30, func(i int) {
		switch i {
		case 9:
			c.kill()
		case 19:
			restarted := time.Now()
			c.start()
			serves := time.Since(restarted)
			c.ready()
			n.Logf("controller killed: the next one serves after %v, and all is right after %v", serves, time.Since(restarted))
		}
	})
	for name, sw := range c.switches() {
		if sw.Updates != 0 || sw.Pipelines != 0 || sw.Wanted < largeMapCache {
			n.Errorf("%s: %d updates and %d programs were written to a switch that was right, of %d wanted", name, sw.Updates, sw.Pipelines, sw.Wanted)
		}
	}
}

// everythingMoves registers all mappings anew, elsewhere, as fast as their xTR
// can. All switches follow, by one update a mapping.
func (n *faultNet) everythingMoves(c *controllerProcess) {
	cpu, mallocs, start := c.cpu(), c.mallocs(), time.Now()
	c.register(n.manyMappings(1)[len(n.fig.Config.Sites):])
	registered := time.Since(start)
	updates := func() (sum uint64) {
		for _, sw := range c.switches() {
			sum += sw.Updates
		}
		return sum
	}
	want := uint64(largeMapCache * len(n.fig.Config.Switches))
	n.until("all switches have followed", func() bool { return updates() >= want })
	c.ready()
	took := time.Since(start)
	n.Logf("%d mappings moved in %v; all switches had followed %v later; %v of CPU and %.0f allocations a mapping and switch",
		largeMapCache, registered, took-registered, (c.cpu()-cpu)/time.Duration(want), (c.mallocs()-mallocs)/float64(want))
	if got := updates(); got != want {
		n.Errorf("%d updates for %d mappings on %d switches", got, largeMapCache, len(n.fig.Config.Switches))
	}
	n.stream(3, nil)
}

func (n *faultNet) killSwitch(d int) {
	n.Helper()
	if err := n.fig.devices[SwitchName(d)].(*bmv2).kill(); err != nil {
		n.Fatal(err)
	}
}

// startSwitch starts a switch that was killed, on the same interfaces and at the
// same address.
func (n *faultNet) startSwitch(d int) {
	n.Helper()
	b := n.fig.devices[SwitchName(d)].(*bmv2)
	spec := n.fig.topology(n.options).Switches[d]
	p, err := startProcess(n.ctx, b.wires.ns, spec, b.wires.iface, b.dir)
	if err != nil {
		n.Fatal(err)
	}
	b.process = p
}
