package bmv2test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/corecast/corecast/internal/tail"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch"
	"github.com/corecast/corecast/softswitch/link"
	"github.com/corecast/corecast/softswitch/port"
)

// loopFrames is the room of a loop in memory. Its sender must not wait (the
// goroutine that would make room may be the one that sends), so it is large.
const loopFrames = 1024

// softswitchDevice is our switch, in this process.
type softswitchDevice struct {
	name   string
	engine *softswitch.Switch
	ends   map[uint32]port.Port
	listen net.Listener
	log    tail.Tail

	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended
	err    error         // how it ended; read after done
}

// newSoftswitchMemory starts a switch with ports in memory.
func newSoftswitchMemory(spec SwitchSpec) (device, error) {
	ports := make(map[uint32]port.Port)
	ends := make(map[uint32]port.Port)
	for _, id := range spec.Ports {
		ends[id], ports[id] = link.New(link.Options{})
	}
	if a, b := spec.Loop[0], spec.Loop[1]; a != b {
		delete(ends, a)
		delete(ends, b)
		ports[a], ports[b] = link.New(link.Options{Frames: loopFrames, DropWhenFull: true})
	}
	return startSoftswitch(spec, ports, ends)
}

// startSoftswitch starts a switch on ports, which become its own, as do the
// far ends.
func startSoftswitch(spec SwitchSpec, ports, ends map[uint32]port.Port) (*softswitchDevice, error) {
	s := &softswitchDevice{name: spec.Name, ends: ends, done: make(chan struct{})}
	fail := func(err error) (*softswitchDevice, error) {
		closePorts(ports)
		closePorts(ends)
		return nil, err
	}
	var err error
	s.engine, err = softswitch.New(softswitch.Config{
		DeviceID: spec.DeviceID, CPUPort: build.CPUPort, Compile: spec.programs.Compile,
		Logger: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	if err != nil {
		return fail(err)
	}
	for id, p := range ports {
		if err := s.engine.AddPort(id, p); err != nil {
			return fail(err)
		}
	}
	if s.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return fail(err)
	}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(s.done)
		s.err = s.engine.Serve(ctx, s.listen)
	}()
	return s, nil
}

func (s *softswitchDevice) end(id uint32) port.Port { return s.ends[id] }
func (s *softswitchDevice) address() string         { return s.listen.Addr().String() }

// alive also finds a packet that met a bug of the engine: the engine recovers,
// where a switch of its own process would have died.
func (s *softswitchDevice) alive() error {
	select {
	case <-s.done:
		return fmt.Errorf("softswitch %s ended (%v); its last output:\n%s", s.name, s.err, s.log.String())
	default:
	}
	if n := s.engine.Stats().Engine.Panics; n > 0 {
		return fmt.Errorf("softswitch %s: %d packets met a bug of the engine; its last output:\n%s", s.name, n, s.log.String())
	}
	return nil
}

func (s *softswitchDevice) close() error {
	err := s.alive()
	s.cancel()
	<-s.done
	closePorts(s.ends)
	return errors.Join(err, s.err)
}

func closePorts(ports map[uint32]port.Port) {
	for _, p := range ports {
		p.Close()
	}
}
