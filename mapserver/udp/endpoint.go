package udp

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/mapserver"
)

// A Handler is what answers: a *mapserver.Server. Handle is called by several
// workers at once, Tick by one goroutine, and again at once when it says that
// there is more to do.
type Handler interface {
	Handle(now time.Time, from netip.AddrPort, local netip.Addr, packet []byte, out *mapserver.Outbox)
	Tick(now time.Time, out *mapserver.Outbox) (more bool)
}

// Config shapes an Endpoint.
type Config struct {
	// Addresses are what to listen on, usually with port 4342. One that is
	// unspecified (0.0.0.0, [::]) stands for all of that family.
	Addresses []netip.AddrPort
	// Workers is how many sockets, with a goroutine each, share one address;
	// 0 means one for each CPU that Go uses, at most 8. Systems other than
	// Linux have one.
	Workers int
	// SocketBuffer is the size of the kernel's buffers, each way and for each
	// socket; 0 means DefaultSocketBuffer.
	SocketBuffer int
	// OneByOne sends every datagram by itself. It is for interfaces whose other
	// end reads raw frames (an AF_PACKET switch port on a veth pair) and would
	// see several as one; turning their segmentation offload off
	// (ethtool -K IF gso off) does the same.
	OneByOne bool
	// TickInterval is how often the server looks what is due; 0 means 10 ms.
	TickInterval time.Duration
}

const (
	maxDefaultWorkers   = 8
	defaultTickInterval = 10 * time.Millisecond
)

// An Endpoint is the sockets of a Map-Server.
type Endpoint struct {
	config    Config
	addresses []netip.AddrPort
	groups    [][]*Socket // one group for each of addresses, all of the same size
	workers   []*worker
	ticker    *worker
	sendError sendErrors

	mu     sync.Mutex // guards others
	others *worker    // sends what Send is given
}

// Listen binds all addresses, or none. Serve must be called, or Close.
func Listen(config Config) (*Endpoint, error) {
	if len(config.Addresses) == 0 {
		return nil, errors.New("no address to listen on: want at least one, such as 0.0.0.0:4342")
	}
	if config.Workers <= 0 {
		config.Workers = min(runtime.GOMAXPROCS(0), maxDefaultWorkers)
	}
	if config.TickInterval <= 0 {
		config.TickInterval = defaultTickInterval
	}
	e := &Endpoint{config: config}
	for _, address := range config.Addresses {
		group, err := OpenGroup(address, config.Workers, config.SocketBuffer)
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.groups = append(e.groups, group)
		e.addresses = append(e.addresses, group[0].Local())
	}
	e.makeWorkers()
	return e, nil
}

// makeWorkers gives each socket a worker. The worker of the n-th socket of one
// address also sends through the n-th of the others.
func (e *Endpoint) makeWorkers() {
	for n := range e.groups[0] {
		var rank []*Socket
		for _, group := range e.groups {
			rank = append(rank, group[n])
		}
		for _, own := range rank {
			// Its own socket first: that is where answers leave, as a rule.
			sockets := append([]*Socket{own}, slices.DeleteFunc(slices.Clone(rank), func(s *Socket) bool { return s == own })...)
			e.workers = append(e.workers, newWorker(sockets, e))
		}
		if n == 0 {
			e.ticker, e.others = newWorker(rank, e), newWorker(rank, e)
		}
	}
}

// Addresses returns what the endpoint is bound to, in the order of the
// configuration; a port that was 0 is the one that the system chose.
func (e *Endpoint) Addresses() []netip.AddrPort { return slices.Clone(e.addresses) }

// Families says over which IP versions the endpoint can send.
func (e *Endpoint) Families() (ipv4, ipv6 bool) {
	for _, a := range e.addresses {
		ipv4, ipv6 = ipv4 || a.Addr().Is4(), ipv6 || a.Addr().Is6()
	}
	return ipv4, ipv6
}

// Serve gives the handler every datagram and regular ticks, and sends what it
// answers, until ctx ends or Close is called. It closes the sockets.
func (e *Endpoint) Serve(ctx context.Context, handler Handler) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { e.Close() })
	defer stop()
	ticking := make(chan struct{})
	go func() {
		defer close(ticking)
		e.ticker.tick(ctx, handler, e.config.TickInterval)
	}()
	var wg sync.WaitGroup
	for _, w := range e.workers {
		wg.Go(func() { w.run(ctx, handler) })
	}
	wg.Wait()
	cancel()
	<-ticking
}

// Send sends a datagram that the handler wants sent for another reason than one
// that came to the endpoint. Any goroutine may call it.
func (e *Endpoint) Send(d mapserver.Datagram) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w := e.others
	socket := w.route(d.From, d.To)
	if socket == nil {
		w.counters.unroutable.Add(1)
		return
	}
	w.batch[0] = Datagram{Remote: d.To, Local: d.From, Payload: d.Payload}
	w.send(socket, 1)
}

// Close frees the sockets of an Endpoint that does not serve, and ends Serve.
func (e *Endpoint) Close() error {
	var errs []error
	for _, group := range e.groups {
		errs = append(errs, closeAll(group))
	}
	return errors.Join(errs...)
}
