package controller

import (
	"fmt"
	"net"
	"os/exec"
	"slices"
	"testing"
	"time"

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
	cfg := load(t, "testdata/bmv2-vpn.yaml")
	cfg.Switches[0].Address, cfg.Switches[0].DeviceID = startBMv2(t, 71), 71
	cfg.Switches[1].Address, cfg.Switches[1].DeviceID = startBMv2(t, 72), 72
	c, stop := run(t, cfg, nil, Options{})
	ready(t, c)
	for _, sw := range cfg.Switches {
		holds(t, c, sw.Name)
	}
	noEvents(t, c, "east")
	stop()

	w := &tap{}
	c, stop = run(t, cfg, w, Options{ElectionID: p4rt.ElectionID{Low: 2}, Resync: 10 * time.Millisecond})
	ready(t, c)
	time.Sleep(50 * time.Millisecond)
	if n, p := w.count(), c.Status().Switches[0].Pipelines; n != 0 || p != 0 {
		t.Errorf("a right switch: %d updates and %d pipelines were written", n, p)
	}
	stop()

	// Another version of the program replaces this one, groups included.
	next, err := p4rt.NewPipeline(build.P4Info(), append(slices.Clone(build.DeviceConfig()), '\n'))
	if err != nil {
		t.Fatal(err)
	}
	c, _ = run(t, cfg, nil, Options{ElectionID: p4rt.ElectionID{Low: 3}, Program: next})
	ready(t, c)
	for _, sw := range cfg.Switches {
		holds(t, c, sw.Name)
	}
	if got := c.Status().Switches[0].Pipelines; got != 1 {
		t.Errorf("%d pipelines were pushed", got)
	}
}
