package bmv2test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/softswitch/engine"
	"github.com/corecast/corecast/wire/inet"
)

// Target is what a switch runs on.
type Target string

const (
	Softswitch      Target = "softswitch"       // our switch, ports in memory
	SoftswitchLinux Target = "softswitch-linux" // our switch, ports on veth pairs
	BMv2            Target = "bmv2"             // a stock simple_switch_grpc
)

// vethMTU leaves room for the largest frame there is: a header on its second
// way round the loop, or a payload of 1472 bytes encapsulated.
const vethMTU = 1800

// BMv2Binary is the switch that target BMv2 starts, looked up on PATH.
const BMv2Binary = "simple_switch_grpc"

// BMv2Hint says how to get BMv2Binary.
const BMv2Hint = "install package p4lang-bmv2 of p4lang's Debian/Ubuntu packages; examples/ci/README.md has the commands"

// Topology describes a network. Every (switch, port) is used at most once: by
// a host, a segment or a loop; the rest of a switch's ports are the caller's,
// see Network.Port.
type Topology struct {
	Switches []SwitchSpec
	Hosts    []HostSpec
	Segments []SegmentSpec
	// Programs compiles programs for the softswitches, so that networks can
	// share what is compiled; nil: the network has its own.
	Programs *engine.Cache
	// Capture is how many of the last frames the network remembers for
	// WriteCapture; 0 is none.
	Capture int
}

// SwitchSpec describes a switch.
type SwitchSpec struct {
	Name     string
	DeviceID uint64
	Target   Target
	Ports    []uint32
	// Loop names two of the ports, joined to each other: what leaves by one
	// comes back in by the other. Zeros: no loop.
	Loop [2]uint32

	programs *engine.Cache // of the topology
	command  []string      // of target BMv2, instead of BMv2Binary
}

// Attachment is one port of one switch.
type Attachment struct {
	Switch string
	Port   uint32
}

// HostSpec describes a host: Go code behind a switch port.
type HostSpec struct {
	Name    string
	At      Attachment
	MAC     inet.MAC
	Addr    netip.Addr
	Gateway inet.MAC // of the switch port
	// Handler takes each frame the host receives, from one goroutine; the
	// frame is valid only during the call. Without one, frames are kept in
	// the host's inbox.
	Handler func(frame []byte)
}

// SegmentSpec describes an Ethernet segment: switch ports that reach each other by
// MAC address.
type SegmentSpec struct {
	Name    string
	Members []Member
	// Tap sees every frame and decides whether it goes on. Calls for frames
	// of one member come in order from one goroutine; those of different
	// members come at the same time.
	Tap Tap
}

// Member is one port on a segment and the MAC address it is found by.
type Member struct {
	At  Attachment
	MAC inet.MAC
}

// pace limits how fast a host sends: after burst frames it rests for gap.
// The zero value does not limit.
type pace struct {
	burst int
	gap   time.Duration
}

// paceOf returns a pace the target's queues can take. bmv2 holds 64 frames a
// port and loses bursts of more than about 31; a header may cost it three
// passes and become two frames.
func paceOf(t Target) pace {
	switch t {
	case BMv2:
		return pace{burst: 8, gap: 2 * time.Millisecond}
	case SoftswitchLinux:
		return pace{burst: 64, gap: time.Millisecond}
	}
	return pace{}
}

// check refuses a description that cannot be built.
func (t *Topology) check() error {
	ports := make(map[Attachment]string)
	for _, s := range t.Switches {
		for _, p := range s.Ports {
			at := Attachment{s.Name, p}
			if _, twice := ports[at]; twice {
				return fmt.Errorf("switch %s: port %d is listed twice", s.Name, p)
			}
			ports[at] = ""
		}
	}
	use := func(at Attachment, by string) error {
		user, ok := ports[at]
		switch {
		case !ok:
			return fmt.Errorf("%s: there is no port %d on a switch %q", by, at.Port, at.Switch)
		case user != "":
			return fmt.Errorf("%s: port %d of switch %s is used by %s already", by, at.Port, at.Switch, user)
		}
		ports[at] = by
		return nil
	}
	for _, s := range t.Switches {
		if s.Loop == [2]uint32{} {
			continue
		}
		for _, p := range s.Loop {
			if err := use(Attachment{s.Name, p}, "loop of switch "+s.Name); err != nil {
				return err
			}
		}
	}
	for _, h := range t.Hosts {
		if err := use(h.At, "host "+h.Name); err != nil {
			return err
		}
	}
	for _, g := range t.Segments {
		for _, m := range g.Members {
			if err := use(m.At, "segment "+g.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
