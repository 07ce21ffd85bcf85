package node

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/store"
)

// member starts one of several nodes on one store.
func member(t *testing.T, cfg *config.Config, name string, shared store.Store) (n *Node, stop func()) {
	t.Helper()
	own := *cfg
	own.Node = name
	return startWith(t, &own, Options{Version: "test", Shared: shared, LeaseTTL: 10 * time.Minute})
}

// TestThreeNodes share four switches, any of them tells of all, and when one stops
// the others go on with its switches without writing to them.
func TestThreeNodes(t *testing.T) {
	cfg, err := config.Load("../../../examples/fig2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen.LISP, cfg.Listen.HTTP = []string{"127.0.0.1:0"}, "127.0.0.1:0"
	startSwitches(t, cfg)
	shared := store.NewMemory()
	t.Cleanup(func() { shared.Close() })
	a, stop := member(t, cfg, "a", shared)
	b, _ := member(t, cfg, "b", shared)
	c, _ := member(t, cfg, "c", shared)
	nodes := map[string]*Node{"a": a, "b": b, "c": c}
	untilServed(t, 2, nodes)

	stop()
	delete(nodes, "a")
	untilServed(t, 2, nodes)
	for name, n := range nodes {
		for _, sw := range n.Status().Switches {
			if sw.Drift != 0 {
				t.Errorf("%s repaired %d entries of %s", name, sw.Drift, sw.Name)
			}
		}
	}
	// What one master wrote is right for every other.
	d, _ := member(t, cfg, "d", shared)
	nodes["d"] = d
	untilServed(t, 2, nodes)
	if written := total(updates(d)); written != 0 {
		t.Errorf("d wrote %d updates to switches that were right", written)
	}

	fewer := *cfg
	fewer.Node, fewer.Switches, fewer.Channels = "d", cfg.Switches[1:], nil
	if err := d.Apply(&fewer); err != nil {
		t.Fatal(err)
	}
	until(t, "node b naming who has other switches", func() bool {
		for _, p := range ask[api.Status](t, b, "/api/v1/status").Problems {
			if p.What == "node d" && strings.Contains(p.Why, "other switches than node b") {
				return true
			}
		}
		return false
	})
}

func total(counts map[string]uint64) (sum uint64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// untilServed waits until each node masters at most some switches, and each node
// tells that all are ready and whose they are.
func untilServed(t *testing.T, most int, nodes map[string]*Node) {
	t.Helper()
	served := func() error {
		for name, n := range nodes {
			st := ask[api.Status](t, n, "/api/v1/status")
			if !st.OK || st.Switches.Ready != 4 || len(st.Nodes) != len(nodes) {
				return fmt.Errorf("%s says %+v", name, st)
			}
			for _, m := range st.Nodes {
				if m.Masters > most || m.Self != (m.Name == name) || m.URL != nodes[m.Name].URL() {
					return fmt.Errorf("%s says that there is %+v", name, m)
				}
			}
			for _, sw := range ask[api.Switches](t, n, "/api/v1/switches").Items {
				if sw.Phase != "ready" || nodes[sw.Master] == nil || sw.Installed == 0 || sw.Installed != sw.Wanted {
					return fmt.Errorf("%s says of %s: %+v", name, sw.Name, sw)
				}
			}
		}
		return nil
	}
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = served(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// TestNodesShareRegistrations: what an xTR tells one node, the others answer with.
func TestNodesShareRegistrations(t *testing.T) {
	shared := store.NewMemory()
	t.Cleanup(func() { shared.Close() })
	cfg := decode(t, studio)
	a, stop := member(t, cfg, "a", shared)
	b, _ := member(t, cfg, "b", shared)
	x := newXTR(t, a)
	register(t, x, client.Mapping(eid("10.0.7.0/24"), netip.MustParseAddr("192.0.2.7")))
	mappings := func(want int) func() bool {
		return func() bool { return len(ask[api.Mappings](t, b, "/api/v1/mappings").Items) == want }
	}
	until(t, "b knowing the registration", mappings(1))
	register(t, x, client.Withdrawal(eid("10.0.7.0/24")))
	until(t, "b knowing the withdrawal", mappings(0))
	register(t, x, client.Mapping(eid("10.0.8.0/24"), netip.MustParseAddr("192.0.2.7")))
	stop()
	until(t, "b knowing what a wrote when it stopped", mappings(1))
	c, _ := member(t, cfg, "c", shared)
	if got := ask[api.Mappings](t, c, "/api/v1/mappings").Items; len(got) != 1 {
		t.Errorf("c starts with %+v", got)
	}
}
