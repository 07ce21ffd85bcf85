package bmv2test

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/slowpath"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire/inet"
)

// Packets that wait for their mapping.

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
