package controller

import (
	"fmt"
	"net"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// freePort returns a TCP port of the loopback that nothing listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startBMv2 starts a stock bmv2 without interfaces and returns its address.
func startBMv2(t *testing.T, device uint64) string {
	t.Helper()
	path, err := exec.LookPath("simple_switch_grpc")
	if err != nil {
		t.Skip("simple_switch_grpc is not on PATH; install it with p4lang's packages: apt install p4lang-bmv2")
	}
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	cmd := exec.Command(path, "--no-p4", "--device-id", fmt.Sprint(device),
		"--", "--grpc-server-addr", addr, "--cpu-port", fmt.Sprint(build.CPUPort))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return addr
}

// The same controller on a stock bmv2: filled once, then found right.
func TestBMv2(t *testing.T) {
	for i, tc := range []struct{ file, etr string }{
		{"testdata/bmv2-vpn.yaml", "east"},
		{"testdata/dual-stack.yaml", "home"},
	} {
		t.Run(tc.file, func(t *testing.T) {
			cfg := load(t, tc.file)
			for j := range cfg.Switches {
				cfg.Switches[j].DeviceID = uint64(70 + 10*i + j)
				cfg.Switches[j].Address = startBMv2(t, cfg.Switches[j].DeviceID)
				cfg.Switches[j].Target = config.BMv2
			}
			onBMv2(t, cfg, tc.etr)
		})
	}
}

func onBMv2(t *testing.T, cfg *config.Config, etr string) {
	c, stop := run(t, cfg, nil, Options{})
	ready(t, c)
	allHold(t, c)
	noEvents(t, c, etr)
	stop()

	w := &tap{}
	c, stop = run(t, cfg, w, Options{ElectionID: p4rt.ElectionID{Low: 2}, Resync: 10 * time.Millisecond})
	ready(t, c)
	time.Sleep(50 * time.Millisecond)
	if n, p := w.count(), c.Status().Switches[0].Pipelines; n != 0 || p != 0 {
		t.Errorf("a right switch: %d updates and %d pipelines were written", n, p)
	}
	// A limit that nobody wants any more goes, and a stream changes delivery.
	next := *cfg
	next.Channels = slices.Clone(cfg.Channels)
	next.Channels[0].Rate = 0
	next.Sites = slices.Clone(cfg.Sites)
	next.Sites[1].Streams = nil
	if err := c.Apply(&next); err != nil {
		t.Fatal(err)
	}
	for _, sw := range cfg.Switches {
		if err := eventually(func() error { return differs(c, sw.Name) }); err != nil {
			t.Error(err)
		}
	}
	stop()

	// Another version of the program replaces this one, groups included.
	program, err := p4rt.NewPipeline(build.P4Info(), append(slices.Clone(build.DeviceConfig()), '\n'))
	if err != nil {
		t.Fatal(err)
	}
	c, _ = run(t, cfg, nil, Options{ElectionID: p4rt.ElectionID{Low: 3}, Program: program})
	ready(t, c)
	allHold(t, c)
	if got := c.Status().Switches[0].Pipelines; got != 1 {
		t.Errorf("%d pipelines were pushed", got)
	}
}

func allHold(t *testing.T, c *Controller) {
	t.Helper()
	for _, sw := range c.state.Config.Switches {
		holds(t, c, sw.Name)
	}
}
