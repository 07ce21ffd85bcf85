package bmv2test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/corecast/corecast/softswitch/engine"
	"github.com/corecast/corecast/softswitch/port"
)

// Network is a running network. Its methods may be called from anywhere.
type Network struct {
	devices  map[string]device
	hosts    map[string]*Host
	segments map[string]*segment
	captures *capture

	pumps   sync.WaitGroup
	closing sync.Once
	closed  error // what Close found
}

// device is a running switch.
type device interface {
	// end returns the far end of one of its ports, nil for a port in a loop.
	end(port uint32) port.Port
	address() string // of its P4Runtime server
	alive() error    // nil, or how it died
	close() error    // also closes its ends; returns an error if it had died
}

// Build starts everything a topology describes. ctx bounds the starting only;
// Close ends the network.
func Build(ctx context.Context, t Topology) (*Network, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	n := &Network{
		devices:  make(map[string]device),
		hosts:    make(map[string]*Host),
		segments: make(map[string]*segment),
		captures: newCapture(t.Capture),
	}
	if t.Programs == nil {
		t.Programs = new(engine.Cache)
	}
	targets := make(map[string]Target)
	for _, spec := range t.Switches {
		spec.programs = t.Programs
		d, err := start(ctx, spec)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("switch %s: %w", spec.Name, err), n.Close())
		}
		n.devices[spec.Name] = d
		targets[spec.Name] = spec.Target
	}
	for _, spec := range t.Hosts {
		n.addHost(spec, paceOf(targets[spec.At.Switch]))
	}
	for _, spec := range t.Segments {
		n.addSegment(spec)
	}
	return n, nil
}

func start(ctx context.Context, spec SwitchSpec) (device, error) {
	switch spec.Target {
	case Softswitch:
		return newSoftswitchMemory(spec)
	case SoftswitchLinux:
		return newSoftswitchLinux(spec)
	case BMv2:
		return newBMv2(ctx, spec)
	}
	return nil, fmt.Errorf("unknown target %q: want %s, %s or %s", spec.Target, Softswitch, SoftswitchLinux, BMv2)
}

func (n *Network) addHost(spec HostSpec, limit pace) {
	h := &Host{
		Name: spec.Name, MAC: spec.MAC, Addr: spec.Addr, Gateway: spec.Gateway,
		port: n.Port(spec.At), pace: limit, handler: spec.Handler, captures: n.captures,
	}
	n.hosts[spec.Name] = h
	n.pumps.Go(h.receive)
}

func (n *Network) addSegment(spec SegmentSpec) {
	s := newSegment(spec.Tap, n.captures)
	for _, m := range spec.Members {
		s.join(m.At.Switch, m.MAC, n.Port(m.At))
	}
	n.segments[spec.Name] = s
	for _, m := range s.members {
		n.pumps.Go(func() { s.pump(m) })
	}
}

// Host returns the host of that name, or nil.
func (n *Network) Host(name string) *Host { return n.hosts[name] }

// Port returns the far end of a switch port: what is sent there the switch
// receives. A port that has a host or a segment is theirs to receive from.
func (n *Network) Port(at Attachment) port.Port {
	d, ok := n.devices[at.Switch]
	if !ok {
		return nil
	}
	return d.end(at.Port)
}

// Inject delivers frames to a switch on a segment as if from a stranger there.
// No tap sees them.
func (n *Network) Inject(segment, to string, frames ...[]byte) error {
	for _, m := range n.segments[segment].members {
		if m.name == to {
			return m.send(frames)
		}
	}
	return fmt.Errorf("segment %s has no member %q", segment, to)
}

// Address returns the address of a switch's P4Runtime server, as gRPC takes it.
func (n *Network) Address(name string) string { return n.devices[name].address() }

// Alive returns which switches died and how, or nil.
func (n *Network) Alive() error {
	var died []error
	for _, d := range n.devices {
		died = append(died, d.alive())
	}
	return errors.Join(died...)
}

// WriteCapture writes the last frames as a pcap file; see Topology.Capture.
func (n *Network) WriteCapture(w io.Writer) error { return n.captures.writePcap(w) }

// Close ends the network and waits until nothing of it runs. It returns an
// error if a switch had died by then.
func (n *Network) Close() error {
	n.closing.Do(func() {
		var errs []error
		for _, d := range n.devices {
			errs = append(errs, d.close())
		}
		n.pumps.Wait()
		n.closed = errors.Join(errs...)
	})
	return n.closed
}
