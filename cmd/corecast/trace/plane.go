package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch"
	"github.com/corecast/corecast/softswitch/engine"
)

// plane is the data plane of one switch.
type plane struct {
	data *engine.Dataplane
}

// newPlane makes a data plane that holds what the writes say. It is filled by
// P4Runtime, as the switch is.
func newPlane(ctx context.Context, compile func([]byte) (*engine.Program, error), writes controller.Writes) (*plane, error) {
	sw, err := softswitch.New(softswitch.Config{
		DeviceID: 1, CPUPort: build.CPUPort, Compile: compile, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	l := bufconn.Listen(1 << 20)
	serving, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- sw.Serve(serving, l) }()
	err = fill(ctx, l.DialContext, writes)
	stop()
	if err := errors.Join(err, <-done); err != nil {
		return nil, err
	}
	return &plane{sw.Dataplane()}, nil
}

// fill pushes the program and makes the writes.
func fill(ctx context.Context, dial func(context.Context) (net.Conn, error), writes controller.Writes) error {
	schema, program, err := controller.Program()
	if err != nil {
		return err
	}
	session, err := p4rt.Dial(ctx, schema, p4rt.Options{
		Address: "passthrough:///imaginary", DeviceID: 1, ElectionID: p4rt.ElectionID{Low: 1},
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) })},
	})
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }() // it has done its work
	if _, err := session.EnsurePipeline(ctx, program); err != nil {
		return err
	}
	for _, set := range writes {
		if err := session.Write(ctx, set); err != nil {
			return err
		}
	}
	return nil
}

// emitted is a frame that left a plane.
type emitted struct {
	port  uint32
	frame []byte
}

// process sends a frame through the plane: what the tables do, what leaves, and
// what was dropped or punted and why.
func (p *plane) process(port uint32, frame []byte) (steps []engine.Step, out []emitted, dropped, punted []Reason, err error) {
	before, err := p.reasons()
	if err != nil {
		return nil, nil, nil, nil, err
	}
	p.data.Watch(port, frame, func(port uint32, f []byte) {
		out = append(out, emitted{port, append([]byte(nil), f...)})
	}, func(s engine.Step) { steps = append(steps, s) })
	after, err := p.reasons()
	return steps, out, since(before[0], after[0], build.DropReasons[:]), since(before[1], after[1], build.PuntReasons[:]), err
}

// reasons reads how often what was dropped, and punted.
func (p *plane) reasons() (counts [2]map[int]uint64, err error) {
	for i, name := range []string{build.CounterDropReasons, build.CounterPuntReasons} {
		counts[i] = map[int]uint64{}
		if err := p.data.ReadCounters(name, func(index int, v engine.CounterValue) bool {
			counts[i][index] = v.Packets
			return true
		}); err != nil {
			return counts, fmt.Errorf("counter %s: %w", name, err)
		}
	}
	return counts, nil
}

// since are the reasons that were counted between two reads.
func since(before, after map[int]uint64, names []build.Named) (list []Reason) {
	for i, n := range names {
		if i > 0 && after[i] > before[i] {
			list = append(list, Reason{Name: n.Name, Doc: n.Doc})
		}
	}
	return list
}
