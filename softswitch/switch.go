package softswitch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/corecast/corecast/softswitch/engine"
	"github.com/corecast/corecast/softswitch/p4rtserver"
	"github.com/corecast/corecast/softswitch/port"
)

const (
	// MaxPort is the largest port number: v1model's are 9 bits wide.
	MaxPort = 511
	// DefaultDropPort is the egress port that means drop, as in bmv2.
	DefaultDropPort = 511
)

// Config says what a switch is. The zero value is device 0 without a CPU
// port, which P4Runtime clients cannot address: set DeviceID.
type Config struct {
	DeviceID uint64
	// CPUPort is the port of packet-in and packet-out; 0 is none.
	CPUPort uint32
	// DropPort is the egress port that means drop; 0 is DefaultDropPort.
	DropPort uint32
	// Program is a BMv2 JSON to start with; nil waits for P4Runtime to push
	// one. P4Runtime needs a push all the same, for its P4Info.
	Program []byte
	// Compile compiles programs, as engine.Cache.Compile does for switches that
	// share a process; nil is engine.Compile.
	Compile func(json []byte) (*engine.Program, error)
	// TLS protects P4Runtime; nil is plaintext.
	TLS *tls.Config
	// Logger is told of ports and clients coming and going; nil is slog.Default().
	Logger *slog.Logger
}

// Switch is one switch. Its methods may be called from any goroutine.
type Switch struct {
	cfg    Config
	log    *slog.Logger
	engine engine.Config
	server *p4rtserver.Server

	plane atomic.Pointer[engine.Dataplane] // nil: no pipeline yet

	// ports is read on every batch without a lock and replaced under mu.
	ports atomic.Pointer[[MaxPort + 1]*attached]

	mu      sync.Mutex // guards what follows
	started bool       // Run was called
	stopped bool       // Run is over
	workers sync.WaitGroup

	packetOut struct {
		sync.Mutex // one packet-out at a time
		*forwarder
	}

	noPipeline, noPort atomic.Uint64
}

// attached is a port of the switch.
type attached struct {
	id   uint32
	port port.Port
	send sync.Mutex // port.Port takes one sender at a time, and any port may send to this one
}

// Stats counts what happened in a switch. Engine starts anew with each pipeline.
type Stats struct {
	Ports     map[uint32]port.Stats
	Engine    engine.Stats
	P4Runtime p4rtserver.Stats
	// NoPipeline counts frames dropped before there was a pipeline, NoPort
	// those for a port that is not there.
	NoPipeline, NoPort uint64
}

func (c Config) withDefaults() Config {
	if c.DropPort == 0 {
		c.DropPort = DefaultDropPort
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Compile == nil {
		c.Compile = engine.Compile
	}
	return c
}

// Validate reports what New would refuse, but for the program.
func (c Config) Validate() error {
	c = c.withDefaults()
	if c.CPUPort > MaxPort || c.DropPort > MaxPort {
		return fmt.Errorf("CPU port %d, drop port %d: ports are 0 to %d", c.CPUPort, c.DropPort, MaxPort)
	}
	if c.CPUPort == c.DropPort {
		return fmt.Errorf("CPU port and drop port are both %d: give them different numbers", c.CPUPort)
	}
	return nil
}

// New makes a switch. Give it ports, then Run or Serve it.
func New(cfg Config) (*Switch, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Switch{
		cfg: cfg, log: cfg.Logger.With("device", cfg.DeviceID),
		engine: engine.Config{DropPort: cfg.DropPort, CPUPort: cfg.CPUPort},
	}
	s.ports.Store(new([MaxPort + 1]*attached))
	s.packetOut.forwarder = newForwarder(s)
	s.server = p4rtserver.New(p4rtserver.Config{
		DeviceID:  cfg.DeviceID,
		Engine:    s.engine,
		Compile:   cfg.Compile,
		Swap:      s.plane.Store,
		PacketOut: s.inject,
		Logger:    s.log,
	})
	if cfg.Program != nil {
		prog, err := cfg.Compile(cfg.Program)
		if err != nil {
			return nil, fmt.Errorf("program: %w", err)
		}
		s.plane.Store(engine.New(prog, s.engine))
	}
	return s, nil
}

// AddPort attaches a port, before or while the switch runs. The switch owns
// it from then on and closes it when it ends.
func (s *Switch) AddPort(id uint32, p port.Port) error {
	switch {
	case id > MaxPort:
		return fmt.Errorf("port %d: ports are 0 to %d", id, MaxPort)
	case id == s.cfg.DropPort:
		return fmt.Errorf("port %d is the drop port: use another number", id)
	case id == s.cfg.CPUPort && id != 0:
		return fmt.Errorf("port %d is the CPU port: use another number", id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return fmt.Errorf("port %d: the switch has ended: %w", id, net.ErrClosed)
	}
	ports := *s.ports.Load()
	if ports[id] != nil {
		return fmt.Errorf("port %d is taken: use another number", id)
	}
	a := &attached{id: id, port: p}
	ports[id] = a
	s.ports.Store(&ports)
	if s.started {
		s.workers.Go(func() { s.serve(a) })
	}
	return nil
}

// Run moves frames until ctx ends, then closes the ports. A switch runs once.
// Run serves no P4Runtime; Serve does both.
func (s *Switch) Run(ctx context.Context) error {
	defer s.server.Close()
	return s.run(ctx)
}

func (s *Switch) run(ctx context.Context) error {
	s.mu.Lock()
	if s.started {
		s.mu.Unlock()
		return errors.New("the switch was run before: make a new one")
	}
	s.started = true
	for _, a := range s.ports.Load() {
		if a != nil {
			s.workers.Go(func() { s.serve(a) })
		}
	}
	s.mu.Unlock()

	<-ctx.Done()

	s.mu.Lock()
	s.stopped = true
	for _, a := range s.ports.Load() {
		if a != nil {
			a.port.Close()
		}
	}
	s.mu.Unlock()
	s.workers.Wait()
	return nil
}

// serve moves the frames that come in at one port. It allocates what it needs
// once.
func (s *Switch) serve(a *attached) {
	f := newForwarder(s)
	frames := make([][]byte, receiveBatch)
	for i := range frames {
		frames[i] = make([]byte, port.MaxFrame)
	}
	for {
		n, err := a.port.Recv(frames)
		if err != nil {
			s.detach(a, err)
			return
		}
		f.forward(a.id, frames[:n])
	}
}

// detach forgets a port that has come to its end.
func (s *Switch) detach(a *attached, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return // all ports end, and keep their counters
	}
	s.log.Warn("port is gone", "port", a.id, "reason", err)
	ports := *s.ports.Load()
	ports[a.id] = nil
	s.ports.Store(&ports)
	a.port.Close()
}

// inject takes a packet-out in at the CPU port.
func (s *Switch) inject(frame []byte) {
	s.packetOut.Lock()
	defer s.packetOut.Unlock()
	s.packetOut.forward(s.cfg.CPUPort, [][]byte{frame})
}

// Stats returns the counters so far.
func (s *Switch) Stats() Stats {
	out := Stats{
		Ports:      map[uint32]port.Stats{},
		P4Runtime:  s.server.Stats(),
		NoPipeline: s.noPipeline.Load(), NoPort: s.noPort.Load(),
	}
	if d := s.plane.Load(); d != nil {
		out.Engine = d.Stats()
	}
	for _, a := range s.ports.Load() {
		if a != nil {
			out.Ports[a.id] = a.port.Stats()
		}
	}
	return out
}

// Dataplane returns what packets go through at the moment; nil before there is
// a pipeline. It is for looking, as a test or a debugger does.
func (s *Switch) Dataplane() *engine.Dataplane { return s.plane.Load() }
