package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
	"github.com/corecast/corecast/store"
)

// childConfig is the first line that a server process reads: what it shall be.
type childConfig struct {
	Echo     int    // send so many bytes of each request back, and nothing else
	Together bool   // the echoes, as the Map-Server sends its answers
	Store    string // URL of the store to keep registrations in
	Workers  int
}

// childStarted is its answer.
type childStarted struct{ Address netip.AddrPort }

// childStats is its answer to each further line: lineGC or anything else.
type childStats struct {
	CPU      time.Duration // of the process, user and system
	Heap     uint64        // bytes in use after a garbage collection; after lineGC only
	Received uint64        // datagrams
	Dropped  uint64        // datagrams, for lack of room
	Counters mapserver.Counters
}

// lineGC asks for the memory in use.
const lineGC = "gc"

// ServeMapServer is the process that MapServer measures: it reads what to be
// from in, answers on out, and ends when in does.
func ServeMapServer(ctx context.Context, in io.Reader, out io.Writer) error {
	lines, answers := bufio.NewScanner(in), json.NewEncoder(out)
	var config childConfig
	if !lines.Scan() {
		return lines.Err()
	}
	if err := json.Unmarshal(lines.Bytes(), &config); err != nil {
		return fmt.Errorf("configuration of the server process: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := startMapServer
	if config.Workers == 0 {
		config.Workers = runtime.GOMAXPROCS(0)
	}
	if config.Echo > 0 {
		start = startEcho
	}
	s, err := start(ctx, config)
	if err != nil {
		return err
	}
	if err := answers.Encode(childStarted{s.address}); err != nil {
		return err
	}
	for lines.Scan() {
		stats := s.stats()
		stats.CPU = processTime()
		if lines.Text() == lineGC {
			stats.Heap = heapInUse()
		}
		if err := answers.Encode(stats); err != nil {
			return err
		}
	}
	cancel()
	return s.wait()
}

// served is a running server.
type served struct {
	address netip.AddrPort
	stats   func() childStats
	wait    func() error
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// startEcho answers each datagram with the end of it: what a server costs that
// does nothing. Sockets, batches and workers are the Map-Server's.
func startEcho(ctx context.Context, config childConfig) (*served, error) {
	sockets, err := udp.OpenGroup(loopback, config.Workers, 0)
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	for _, socket := range sockets {
		context.AfterFunc(ctx, func() { socket.Close() })
		wg.Go(func() { echo(socket, config) })
	}
	return &served{
		address: sockets[0].Local(),
		stats:   func() childStats { return childStats{} },
		wait:    func() error { wg.Wait(); return nil },
	}, nil
}

func echo(socket *udp.Socket, config childConfig) {
	receiver, sender := socket.NewReceiver(), &udp.Sender{OneByOne: !config.Together}
	for {
		batch, err := receiver.Receive()
		if err != nil {
			return
		}
		for i := range batch {
			p := batch[i].Payload
			batch[i].Payload = p[max(len(p)-config.Echo, 0):]
		}
		sender.Send(socket, batch)
	}
}

// startMapServer runs the Map-Server as it runs otherwise, with limits that
// one sender of everything does not reach.
func startMapServer(ctx context.Context, config childConfig) (*served, error) {
	o := mapserver.Options{RequestRate: 1e9, RegisterRate: 1e9}
	closeStore := func() error { return nil }
	if config.Store != "" {
		kept, err := store.Open(ctx, config.Store)
		if err != nil {
			return nil, err
		}
		o.Store, closeStore = kept, kept.Close
	}
	server, err := mapserver.New(time.Now(), []mapserver.Site{benchSite()}, o)
	if err != nil {
		return nil, err
	}
	endpoint, err := udp.Listen(udp.Config{Addresses: []netip.AddrPort{loopback}, Workers: config.Workers})
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		endpoint.Serve(ctx, server)
	}()
	return &served{
		address: endpoint.Addresses()[0],
		stats: func() childStats {
			s := endpoint.Stats()
			return childStats{Received: s.Received, Dropped: s.ReceiveDrops, Counters: server.Counters()}
		},
		wait: func() error {
			<-done
			if err := server.Close(); err != nil {
				return err
			}
			return closeStore()
		},
	}, nil
}

// benchKey is what everybody who registers uses.
var benchKey = mapserver.Key{ID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte("bench")}

// benchSite is the site of all prefixes.
func benchSite() mapserver.Site {
	return mapserver.Site{
		Name: "bench", EIDPrefixes: []netip.Prefix{tableSpace}, AcceptMoreSpecifics: true, ProxyReply: true,
		Keys: []mapserver.Key{benchKey}, MaxMappings: maxTable,
	}
}
