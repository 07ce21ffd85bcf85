package p4rtserver

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc"

	"github.com/corecast/corecast/softswitch/engine"
)

// APIVersion is the version of P4Runtime that Capabilities answers.
const APIVersion = "1.4.0"

// Config joins a Server to its switch. Swap and PacketOut are required.
type Config struct {
	DeviceID uint64
	// Engine is given to every Dataplane made from a pushed pipeline.
	Engine engine.Config
	// Compile compiles a pushed program; nil is engine.Compile.
	Compile func(json []byte) (*engine.Program, error)
	// Swap makes d the one that packets go through from now on.
	Swap func(d *engine.Dataplane)
	// PacketOut takes a frame in at the CPU port. It keeps no reference.
	PacketOut func(frame []byte)
	// Logger is told of clients coming, going and changing the pipeline; nil
	// is slog.Default().
	Logger *slog.Logger
}

// Stats counts what passed between the switch and its clients.
type Stats struct {
	Clients                               int
	PacketsIn, PacketsInDropped           uint64 // dropped: no primary, queue full, or shorter than the header
	PacketsOut, PacketsOutRefused         uint64
	DigestLists, DigestListsDropped       uint64
	Writes, UpdatesApplied, UpdatesFailed uint64
}

// Server is the P4Runtime service of one device.
type Server struct {
	p4v1.UnimplementedP4RuntimeServer

	cfg Config
	log *slog.Logger

	// mu serialises what changes the switch or who may change it (Write,
	// pipeline pushes, arbitration) against each other and against reads. It
	// is held while calling the engine, and never while waiting for a client.
	mu    sync.RWMutex
	pipe  *pipeline // what Read and Write refer to; nil before the first push
	saved bool      // pipe was saved but is not committed yet
	elect election

	// punt is what the packet path needs; it takes no lock.
	punt atomic.Pointer[punt]

	running *pipeline // guarded by mu: the committed pipeline, whose digests are served
	wg      sync.WaitGroup

	counts struct {
		packetsIn, packetsInDropped     atomic.Uint64
		packetsOut, packetsOutRefused   atomic.Uint64
		digestLists, digestListsDropped atomic.Uint64
		writes, applied, failed         atomic.Uint64
	}
}

// punt says where frames for the control plane go: the running pipeline's
// header and the primary.
type punt struct {
	in, out *packetHeader
	primary *client
}

// New makes a server without a pipeline. Close it after its gRPC server has
// stopped.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, log: cfg.Logger}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.cfg.Compile == nil {
		s.cfg.Compile = engine.Compile
	}
	s.punt.Store(&punt{})
	return s
}

// Register puts the service on a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) { p4v1.RegisterP4RuntimeServer(r, s) }

// Close ends what the server runs in the background.
func (s *Server) Close() {
	s.mu.Lock()
	s.stopRunningLocked()
	s.mu.Unlock()
	s.wg.Wait()
}

// Stats returns the counters so far.
func (s *Server) Stats() Stats {
	s.mu.RLock()
	clients := len(s.elect.clients)
	s.mu.RUnlock()
	c := &s.counts
	return Stats{
		Clients:   clients,
		PacketsIn: c.packetsIn.Load(), PacketsInDropped: c.packetsInDropped.Load(),
		PacketsOut: c.packetsOut.Load(), PacketsOutRefused: c.packetsOutRefused.Load(),
		DigestLists: c.digestLists.Load(), DigestListsDropped: c.digestListsDropped.Load(),
		Writes: c.writes.Load(), UpdatesApplied: c.applied.Load(), UpdatesFailed: c.failed.Load(),
	}
}

// Capabilities implements the P4Runtime RPC.
func (s *Server) Capabilities(context.Context, *p4v1.CapabilitiesRequest) (*p4v1.CapabilitiesResponse, error) {
	return &p4v1.CapabilitiesResponse{P4RuntimeApiVersion: APIVersion}, nil
}

// refreshPuntLocked follows a change of the running pipeline or the primary.
func (s *Server) refreshPuntLocked() {
	p := &punt{primary: s.elect.primary}
	if s.running != nil {
		p.in, p.out = s.running.schema.packetIn, s.running.schema.packetOut
	}
	s.punt.Store(p)
}
