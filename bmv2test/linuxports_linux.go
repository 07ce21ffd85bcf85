package bmv2test

import (
	"context"
	"fmt"

	"github.com/corecast/corecast/internal/netns"
	"github.com/corecast/corecast/softswitch/afpacket"
	"github.com/corecast/corecast/softswitch/port"
)

// wires are the Linux interfaces of one switch, in a namespace of its own.
// Port N is interface pN, whose other end hN the harness holds; the two ports
// of a loop are the two ends of one pair.
type wires struct {
	ns    *netns.Namespace
	iface map[uint32]string
	ends  map[uint32]port.Port
}

func newWires(spec SwitchSpec) (_ *wires, err error) {
	w := &wires{iface: make(map[uint32]string), ends: make(map[uint32]port.Port)}
	if w.ns, err = netns.New(withoutIPv6); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	for _, id := range spec.Ports {
		w.iface[id] = fmt.Sprintf("p%d", id)
	}
	if a, b := spec.Loop[0], spec.Loop[1]; a != b {
		if err := addVeth(w.ns, w.iface[a], w.iface[b]); err != nil {
			return nil, err
		}
	}
	for _, id := range spec.Ports {
		if id == spec.Loop[0] || id == spec.Loop[1] {
			continue
		}
		ours := fmt.Sprintf("h%d", id)
		if err := addVeth(w.ns, w.iface[id], ours); err != nil {
			return nil, err
		}
		end, err := afpacket.Open(ours, afpacket.Options{NetNS: w.ns.Path()})
		if err != nil {
			return nil, err
		}
		w.ends[id] = end
	}
	return w, nil
}

// open opens the switch's own ends, for a switch in this process.
func (w *wires) open() (map[uint32]port.Port, error) {
	ports := make(map[uint32]port.Port)
	for id, name := range w.iface {
		p, err := afpacket.Open(name, afpacket.Options{NetNS: w.ns.Path()})
		if err != nil {
			closePorts(ports)
			return nil, err
		}
		ports[id] = p
	}
	return ports, nil
}

func (w *wires) close() {
	closePorts(w.ends)
	w.ns.Close()
}

// bmv2 is a simple_switch_grpc and its wires.
type bmv2 struct {
	*process
	wires *wires
}

func newBMv2(ctx context.Context, spec SwitchSpec) (device, error) {
	w, err := newWires(spec)
	if err != nil {
		return nil, err
	}
	p, err := startBMv2(ctx, w.ns, spec, w.iface)
	if err != nil {
		w.close()
		return nil, err
	}
	return &bmv2{process: p, wires: w}, nil
}

func (b *bmv2) end(id uint32) port.Port { return b.wires.ends[id] }

func (b *bmv2) close() error {
	err := b.stop()
	b.wires.close()
	return err
}

// newSoftswitchLinux is our switch on Linux interfaces.
func newSoftswitchLinux(spec SwitchSpec) (device, error) {
	w, err := newWires(spec)
	if err != nil {
		return nil, err
	}
	ports, err := w.open()
	if err != nil {
		w.close()
		return nil, err
	}
	s, err := startSoftswitch(spec, ports, w.ends)
	if err != nil {
		w.ns.Close()
		return nil, err
	}
	return &softswitchLinux{softswitchDevice: s, wires: w}, nil
}

type softswitchLinux struct {
	*softswitchDevice
	wires *wires
}

func (s *softswitchLinux) close() error {
	err := s.softswitchDevice.close()
	s.wires.ns.Close()
	return err
}
