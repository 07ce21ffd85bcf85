package trace

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch/engine"
)

// maxHops bounds how many visits to switches one packet, and all that it
// becomes, are followed for.
const maxHops = 64

// Switch is a switch as it is configured, complete, and what it holds.
type Switch struct {
	Spec   config.Switch
	Writes controller.Writes
}

// Network is the data planes of a set of switches. One goroutine may use it.
type Network struct {
	switches map[string]*node
	byRLOC   map[netip.Addr]place // where a packet to an address of ours arrives
}

type node struct {
	spec config.Switch
	*plane
}

// place is a port of a switch.
type place struct {
	at   *node
	port uint32
}

// New makes a network.
func New(ctx context.Context, switches []Switch) (*Network, error) {
	n := &Network{switches: map[string]*node{}, byRLOC: map[netip.Addr]place{}}
	var programs engine.Cache
	for _, sw := range switches {
		p, err := newPlane(ctx, programs.Compile, sw.Writes)
		if err != nil {
			return nil, fmt.Errorf("switch %s: %w", sw.Spec.Name, err)
		}
		at := &node{sw.Spec, p}
		n.switches[sw.Spec.Name] = at
		for i := range sw.Spec.Ports {
			port := &sw.Spec.Ports[i]
			if port.Role != config.Transit {
				continue
			}
			for _, a := range port.Prefixes() {
				n.byRLOC[a.Addr()] = place{at, uint32(port.ID)}
			}
		}
	}
	return n, nil
}

// arrival is a frame at a port.
type arrival struct {
	place
	frame []byte
}

// Send sends an IP packet into a port of a switch, and follows it and all that
// it becomes until nothing is left in a switch of ours.
func (n *Network) Send(switchName string, port uint16, packet []byte) ([]Hop, error) {
	at := n.switches[switchName]
	if at == nil {
		return nil, fmt.Errorf("there is no switch %q", switchName)
	}
	in := at.spec.FindPort(port)
	if in == nil {
		return nil, fmt.Errorf("switch %s has no port %d", switchName, port)
	}
	var hops []Hop
	queue := []arrival{{place{at, uint32(port)}, ethernet(in.MAC, packet)}}
	for len(queue) > 0 {
		if len(hops) == maxHops {
			return hops, fmt.Errorf("the packet has been in switches %d times, and is not followed further", maxHops)
		}
		hop, next, err := n.visit(queue[0])
		if err != nil {
			return hops, err
		}
		hops, queue = append(hops, hop), append(queue[1:], next...)
	}
	return hops, nil
}

// visit takes a frame through one switch.
func (n *Network) visit(a arrival) (Hop, []arrival, error) {
	hop := Hop{Switch: a.at.spec.Name, Port: a.port, Role: a.at.role(a.port), Packet: describe(a.frame)}
	steps, out, dropped, punted, err := a.at.process(a.port, a.frame)
	if err != nil {
		return hop, nil, err
	}
	hop.Dropped, hop.Punted, hop.Tables = dropped, punted, []Table{}
	for _, s := range steps {
		hop.Tables = append(hop.Tables, tableOf(s))
	}
	var next []arrival
	for _, e := range out {
		if e.port == build.CPUPort {
			continue // the reason of the punt says more
		}
		o := Out{Port: e.port, Role: a.at.role(e.port), Packet: describe(e.frame)}
		if to, ok := n.next(a.at, e); ok {
			o.Next = to.at.spec.Name
			next = append(next, to)
		}
		hop.Out = append(hop.Out, o)
	}
	return hop, next, nil
}

// next is where a frame arrives that has left a switch, if that is ours. What
// is between the border switches is taken to route, and so to put the address of
// the switch's port on the frame.
func (n *Network) next(from *node, e emitted) (arrival, bool) {
	if p := from.spec.FindPort(uint16(e.port)); p != nil && p.Role == config.Loop {
		back := uint32(p.Peer)
		if back == 0 {
			back = e.port
		}
		return arrival{place{from, back}, e.frame}, true
	}
	to, ok := n.byRLOC[destination(e.frame)]
	if !ok || to.at == from {
		return arrival{}, false
	}
	return arrival{to, ethernet(to.at.spec.FindPort(uint16(to.port)).MAC, ipOf(e.frame))}, true
}

// role is that of a port; a loop's peer has its role.
func (n *node) role(id uint32) string {
	for i := range n.spec.Ports {
		p := &n.spec.Ports[i]
		if uint32(p.ID) == id || p.Role == config.Loop && uint32(p.Peer) == id {
			return string(p.Role)
		}
	}
	return "unknown"
}
