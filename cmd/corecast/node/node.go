// Package node runs all parts of one controller as one configuration asks for
// them: the store, the Map-Server with its sockets, the controller of the
// switches, the REST API, and the feed between Map-Server and controller.
//
// It owns their order: everything that can fail for a reason that an operator
// can mend fails in Open, before anything is served; and what is written last is
// closed last.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/cluster"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/controller/slowpath"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
	"github.com/corecast/corecast/mapserver/upstream"
	"github.com/corecast/corecast/northbound"
	"github.com/corecast/corecast/northbound/auth"
	"github.com/corecast/corecast/northbound/webhook"
	"github.com/corecast/corecast/store"
)

// Options tune a Node.
type Options struct {
	Version string
	Logger  *slog.Logger
	// Shared is a store that other nodes have too, instead of the configuration's.
	// It is not closed.
	Shared store.Store
	// Store is one that is this node's alone, instead of the configuration's.
	Store store.Store
	// LeaseTTL is how long the others wait for a node that dies; 0 means 2 s.
	LeaseTTL time.Duration
}

// Node is a controller with all that belongs to it.
type Node struct {
	id    string                        // of this run, among the nodes of the store
	cfg   atomic.Pointer[config.Config] // in use, but for its channels
	opts  Options
	store store.Store // nil if none is configured

	events    *eventlog.Log
	inventory *inventory.Inventory

	mapServer  *mapserver.Server
	upstream   *client.Resolver // nil if there are no upstream Map-Resolvers
	resolver   *mapserver.Resolver
	endpoint   *udp.Endpoint // nil if listen.lisp is empty
	controller *controller.Controller
	cluster    *cluster.Cluster // nil if this node is the only one of its store
	feed       *feed
	gate       *auth.Gate
	webhooks   *webhook.Teller
	rest       *northbound.Server
	listener   net.Listener // nil if listen.http is empty
}

// Open makes a node of a complete configuration file, and what was made over
// REST: it opens the store and binds all addresses. Run must be called, or Close.
func Open(ctx context.Context, file *config.Config, opts Options) (n *Node, err error) {
	n = &Node{opts: opts, id: rand.Text()}
	n.cfg.Store(file)
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if err = n.openStore(ctx, file.Store); err != nil {
		return n, err
	}
	if err = n.openInventory(ctx, file); err != nil {
		return n, err
	}
	cfg := n.inventory.Config()
	if err = n.openMapServer(cfg); err != nil {
		return n, err
	}
	if err = n.openController(ctx, cfg); err != nil {
		return n, err
	}
	return n, n.openNorthbound(cfg)
}

func (n *Node) openStore(ctx context.Context, name string) (err error) {
	if n.store = n.opts.Shared; n.store == nil {
		n.store = n.opts.Store
	}
	if n.store == nil && name != "" {
		n.store, err = store.Open(ctx, name)
	}
	return err
}

// openInventory finds what is desired. Without a store events are kept in memory,
// and nothing can be changed over REST.
func (n *Node) openInventory(ctx context.Context, file *config.Config) (err error) {
	kept := n.store
	if kept == nil {
		kept = store.NewMemory()
	}
	o := eventlog.Options{Node: file.Node, Logger: n.opts.Logger}
	if n.isShared(file) {
		o.Node = nodeName(file)
	}
	if n.events, err = eventlog.Open(ctx, kept, o); err != nil {
		return err
	}
	n.inventory, err = inventory.Open(ctx, file, inventory.Options{
		Store: kept, Durable: n.store != nil, Log: n.events, Logger: n.opts.Logger,
		Apply: n.apply, ApplyChannels: func(set []config.Channel, remove []string) error { return n.controller.UpdateChannels(set, remove) },
	})
	if err != nil {
		return err
	}
	n.cfg.Store(n.inventory.Config().WithChannels(nil))
	return nil
}

func (n *Node) openMapServer(cfg *config.Config) error {
	list, err := sites(cfg)
	if err != nil {
		return err
	}
	o := options(cfg)
	o.Store, o.Shared, o.Node = n.store, n.isShared(cfg), n.id
	addresses, err := lispAddresses(cfg)
	if err != nil {
		return err
	}
	if len(addresses) > 0 {
		if n.endpoint, err = udp.Listen(udp.Config{Addresses: addresses}); err != nil {
			return fmt.Errorf("listen.lisp: %w", err)
		}
		ipv4, ipv6 := n.endpoint.Families()
		o.NoIPv4, o.NoIPv6 = !ipv4, !ipv6
	}
	n.mapServer, err = mapserver.New(time.Now(), list, o)
	return err
}

// electionKey counts how often a controller was started on a store.
const electionKey = "controller/election-id"

// electionID is higher than those of all starts before, so that the switches
// take this controller for the primary. The clock is the floor: should the
// store be lost, switches that remember an id still accept a new one.
func (n *Node) electionID(ctx context.Context) (p4rt.ElectionID, error) {
	low := uint64(time.Now().UnixNano())
	if n.store != nil {
		var err error
		if low, err = store.Next(ctx, n.store, electionKey, low); err != nil {
			return p4rt.ElectionID{}, err
		}
	}
	return p4rt.ElectionID{Low: low}, nil
}

func (n *Node) openController(ctx context.Context, cfg *config.Config) error {
	if err := n.openResolver(cfg); err != nil {
		return err
	}
	control := &switchControl{server: n.mapServer, endpoint: n.endpoint}
	o := controller.Options{
		Logger: n.opts.Logger, Resolver: resolver{n.resolver}, Shared: n.isShared(cfg), Control: control.handle,
		SlowPath: slowpath.Options{MapCacheIdle: time.Duration(cfg.MapCache.Idle)},
	}
	if cfg.MapCache.Probe == config.Yes {
		o.SlowPath.ProbeInterval = time.Duration(cfg.MapCache.ProbeInterval)
	}
	var err error
	if o.TLS, err = p4rt.TLSFiles(cfg.P4Runtime).Load(); err != nil {
		return fmt.Errorf("p4runtime.%w", err)
	}
	if !o.Shared {
		if o.ElectionID, err = n.electionID(ctx); err != nil {
			return err
		}
	}
	n.controller, err = controller.New(cfg, o)
	if err != nil {
		return err
	}
	n.feed = newFeed(cfg, n.mapServer, n.controller)
	return nil
}

// openResolver opens what finds the mappings that switches miss.
func (n *Node) openResolver(cfg *config.Config) error {
	var up mapserver.Upstream
	if servers := cfg.MapServer.Upstream; len(servers) > 0 {
		var id [16]byte
		rand.Read(id[:])
		xtr := lisp.CoreCastXTR(id)
		var err error
		if n.upstream, err = client.NewResolver(client.ResolverConfig{Servers: servers, XTR: &xtr}); err != nil {
			return fmt.Errorf("map_server.upstream: %w", err)
		}
		up = upstream.New(n.upstream)
	}
	n.resolver = mapserver.NewResolver(n.mapServer, up)
	return nil
}

func (n *Node) openNorthbound(cfg *config.Config) (err error) {
	if n.gate, err = auth.Open(cfg, auth.Options{}); err != nil {
		return err
	}
	if cfg.Listen.HTTP != "" {
		if n.listener, err = northbound.Listen(cfg.Listen.HTTP, n.gate); err != nil {
			return err
		}
	}
	if n.isShared(cfg) {
		n.openCluster(cfg)
	}
	n.openWebhooks(cfg)
	o := northbound.Options{
		Config: n.cfg.Load, Inventory: n.inventory, Events: n.events,
		Controller: overview{n.controller, n}, MapServer: n.mapServer, FeedError: n.feed.err, Gate: n.gate,
		Store: n.store, Webhooks: n.webhooks.Counters, Version: n.opts.Version, Started: time.Now(), Logger: n.opts.Logger,
	}
	if n.endpoint != nil {
		o.Endpoint = n.endpoint
	}
	if n.cluster != nil {
		o.Cluster = n.cluster
	}
	n.rest = northbound.New(o)
	return nil
}

// Controller is that of the switches.
func (n *Node) Controller() *controller.Controller { return n.controller }

// Status is that of the switches, as far as this node masters them.
func (n *Node) Status() controller.Status { return n.controller.Status() }

// MapServerAddresses are where the Map-Server listens.
func (n *Node) MapServerAddresses() []netip.AddrPort {
	if n.endpoint == nil {
		return nil
	}
	return n.endpoint.Addresses()
}

// URL is where the REST API is; empty if it is not served.
func (n *Node) URL() string {
	if n.listener == nil {
		return ""
	}
	if n.gate.TLS() != nil {
		return "https://" + n.listener.Addr().String()
	}
	return "http://" + n.listener.Addr().String()
}

// Run serves until ctx ends or a part fails, and closes the node.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	errs := make(chan error, 16) // room for every part
	part := func(name string, run func(context.Context) error) {
		wg.Go(func() {
			defer cancel()
			if err := run(ctx); err != nil && ctx.Err() == nil {
				errs <- fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	part("events", n.events.Run)
	part("desired state", n.inventory.Run)
	part("what becomes of switches and sites", n.observe)
	part("controller", n.feed.fed(n.controller.Run))
	part("map-caches of the switches", n.feed.run)
	if n.cluster != nil {
		part("cluster", n.feed.fed(n.cluster.Run))
		part("status for the other nodes", n.tellOthers)
		part("what the other nodes register", n.mapServer.Follow)
		part("subscribers of other nodes", n.succeed)
	}
	part("webhooks", n.webhooks.Run)
	if n.listener != nil {
		part("REST API", func(ctx context.Context) error { return n.rest.Serve(ctx, n.listener) })
	}
	if n.endpoint != nil {
		part("Map-Server", func(ctx context.Context) error { n.endpoint.Serve(ctx, n.lispHandler()); return nil })
	}
	if n.upstream != nil {
		part("questions to upstream Map-Resolvers", n.upstream.Run)
	}
	wg.Wait()
	close(errs)
	var failed []error
	for err := range errs {
		failed = append(failed, err)
	}
	return errors.Join(append(failed, n.Close())...)
}

// lispHandler takes what comes to the addresses of the Map-Server.
func (n *Node) lispHandler() udp.Handler {
	if n.upstream == nil {
		return n.mapServer
	}
	return &solicited{Server: n.mapServer, refresh: n.controller.Refresh}
}

// Close closes what Open opened: first what is asked, last what is written.
// Closing what has ended already does nothing.
func (n *Node) Close() error {
	var errs []error
	unlessClosed := func(err error) {
		if !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if n.listener != nil {
		unlessClosed(n.listener.Close())
	}
	if n.gate != nil {
		n.gate.Close()
	}
	if n.endpoint != nil {
		unlessClosed(n.endpoint.Close())
	}
	if n.resolver != nil {
		n.resolver.Close()
	}
	if n.upstream != nil {
		n.upstream.Close()
	}
	if n.mapServer != nil {
		errs = append(errs, n.mapServer.Close())
	}
	if n.store != nil && n.opts.Shared == nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}
