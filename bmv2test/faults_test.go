package bmv2test

import (
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/p4rt"
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
		return n.controllerThatKnows(nil, controller.Options{ElectionID: p4rt.ElectionID{Low: election}, Resolver: &answers{mappings: mappings}})
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

// spoiled: another controller outranks ours, deletes everything and leaves. Ours
// says who has the switch, and repairs it.
func spoiled(n *faultNet) {
	c, _ := n.controller(controller.Options{})
	n.ready(c)
	n.session(0, func(s *p4rt.Session) {
		n.deleteAll(s)
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
