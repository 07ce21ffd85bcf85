package bmv2test

import (
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/slowpath"
	"github.com/corecast/corecast/wire/inet"
)

// TestRLOCFails: the way to a site's better RLOC breaks, and comes back. The ITR
// finds out by probing, and sends to the other one meanwhile.
func TestRLOCFails(t *testing.T) {
	for _, target := range []Target{Softswitch, BMv2} {
		t.Run(string(target), func(t *testing.T) {
			if target == BMv2 {
				needBMv2(t)
			}
			rlocFails(t, target)
		})
	}
}

// probeInterval is long beside what an answer takes on a busy machine.
const probeInterval = time.Second

func rlocFails(t *testing.T, target Target) {
	var broken atomic.Bool
	var used [2]atomic.Uint64 // data packets to the RLOCs of domain 1: IPv4, IPv6
	var rlocs [2]netip.Addr   // set before anything is sent
	var ready atomic.Bool
	n := newFaultNetOf(t, Fig2Options{Target: target, DualStack: true, Tap: func(_, to string, frame []byte) Verdict {
		if !ready.Load() {
			return Forward
		}
		var d inet.Datagram
		if d.Decode(ipOf(frame)) != nil {
			return Forward
		}
		for i, rloc := range rlocs {
			if d.Dst.Addr() == rloc && d.Dst.Port() == 4341 {
				used[i].Add(1)
			}
		}
		if broken.Load() && (d.Dst.Addr() == rlocs[0] || d.Src.Addr() == rlocs[0]) {
			return Lose
		}
		return Forward
	}})
	rlocs = [2]netip.Addr{n.fig.RLOC(1), n.fig.RLOC6(1)}
	ready.Store(true)
	c, _ := n.controller(controller.Options{SlowPath: slowpath.Options{ProbeInterval: probeInterval}})
	n.ready(c)
	uses := func(i int) {
		t.Helper()
		n.until("all goes to "+rlocs[i].String(), func() bool {
			before := used[1-i].Load()
			n.stream(5, nil)
			return used[1-i].Load() == before
		})
	}
	down := func() bool {
		return slices.ContainsFunc(c.Status().Switches[0].Problems, func(p string) bool {
			return strings.Contains(p, "RLOC "+rlocs[0].String()+" does not answer")
		})
	}
	n.until("probes are answered", func() bool {
		return c.Status().Switches[0].SlowPath["probe_confirmed"] > 0 && !down()
	})
	uses(0)

	broken.Store(true)
	start := time.Now()
	n.until("the RLOC is found to be down", down)
	n.ready(c)
	t.Logf("moved to the other RLOC after %v, at probes %v apart", time.Since(start), probeInterval)
	uses(1)

	broken.Store(false)
	n.until("the RLOC is found to be up", func() bool { return !down() })
	n.ready(c)
	uses(0)
}
