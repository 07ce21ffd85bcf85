package mappings

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
)

// Config says whom to ask, and as whom.
type Config struct {
	// Resolvers are Map-Resolvers; the one that answered last is asked first.
	Resolvers []netip.AddrPort
	// Local is the address of ours that answers, SMRs and Map-Notifies come to,
	// our ITR-RLOC; unset, the one that the routes choose.
	Local netip.Addr
	// InstanceID is the instance of all EIDs.
	InstanceID uint32
	// ID is our xTR-ID; zero for one made by chance, which does for all but
	// replay protection across restarts.
	ID [16]byte
	// Subscription, unless it is nil, lets a Map-Server tell of changes.
	Subscription *Subscription
	// MaxMappings bounds the mappings; 0 means 65,536.
	MaxMappings int
	Retry       client.Retry
	// Say is told in words what happens, by any goroutine; nil for nobody. It
	// must not call the client.
	Say func(message string)
}

// Subscription is what a Map-Server wants of its subscribers: that they have
// registered, so that both share a key.
type Subscription struct {
	MapServer netip.AddrPort
	KeyID     uint8
	Algorithm lisp.Algorithm
	Secret    []byte
	// Prefix is what is registered, with RLOCs: the source's own EID, or one
	// that nobody uses.
	Prefix netip.Prefix
	RLOCs  []netip.Addr // unset: Config.Local
}

const (
	defaultMaxMappings = 1 << 16
	workers            = 32      // requests under way
	maxWaiting         = 1 << 12 // EIDs that wait for one
	maxSubscriptions   = 1 << 13
)

// Client knows mappings. Its methods may be called by any goroutine.
type Client struct {
	config   Config
	resolver *client.Resolver
	xtr      *client.XTR // nil if UDP port 4342 is not ours: no SMRs, no subscriptions
	say      func(format string, args ...any)
	epoch    time.Time
	queue    chan question
	news     chan struct{} // has an item when mappings have changed
	counts   counters

	registered atomic.Bool

	mu            sync.RWMutex // guards all below, and what is not atomic in entries
	table         table
	subscriptions int                      // entries that are subscribed
	flights       map[netip.Prefix]*flight // EIDs without a mapping that are asked for
}

// question is an EID to be asked for, for an entry that there is or for a flight.
type question struct {
	eid    netip.Addr
	entry  *entry
	flight netip.Prefix
	asked  time.Time
}

// New opens the client's sockets. Run must be called, or Close.
func New(config Config) (*Client, error) {
	if config.MaxMappings <= 0 {
		config.MaxMappings = defaultMaxMappings
	}
	for config.ID == ([16]byte{}) {
		_, _ = rand.Read(config.ID[:]) // it never fails
	}
	c := &Client{
		config: config, epoch: time.Now(), queue: make(chan question, maxWaiting), news: make(chan struct{}, 1),
		flights: map[netip.Prefix]*flight{},
		say: func(format string, args ...any) {
			if config.Say != nil {
				config.Say(fmt.Sprintf(format, args...))
			}
		},
	}
	xtr := lisp.CoreCastXTR(config.ID)
	var err error
	c.resolver, err = client.NewResolver(client.ResolverConfig{
		Servers: config.Resolvers, Local: config.Local, Retry: config.Retry, XTR: &xtr,
	})
	if err != nil {
		return nil, err
	}
	if err = c.openXTR(xtr); err != nil {
		c.resolver.Close()
		return nil, err
	}
	return c, nil
}

// openXTR opens the socket that SMRs and Map-Notifies come to. Without a
// subscription it can be done without.
func (c *Client) openXTR(xtr lisp.XTR) error {
	config := client.XTRConfig{
		RLOC:      netip.AddrPortFrom(c.config.Local, lisp.ControlPort),
		MapServer: c.config.Resolvers[0], XTR: &xtr, ProxyReply: true, UseTTL: true, Retry: c.config.Retry,
		Published: c.published, Solicited: c.solicited,
	}
	s := c.config.Subscription
	if s != nil {
		config.MapServer, config.KeyID, config.Algorithm, config.Secret = s.MapServer, s.KeyID, s.Algorithm, s.Secret
		if len(s.Secret) == 0 || !s.Prefix.IsValid() {
			return errors.New("a subscription takes a secret that the Map-Server knows, and an EID-prefix to register")
		}
	} else {
		config.Secret = make([]byte, 32) // nobody's: no Map-Notify is taken
		_, _ = rand.Read(config.Secret)
	}
	var err error
	if c.xtr, err = client.NewXTR(config); err != nil && s != nil {
		return fmt.Errorf("cannot subscribe to mappings: %w", err)
	} else if err != nil {
		c.say("mappings: %v; what changes is seen only when TTLs end", err)
	}
	return nil
}

// Close frees the sockets of a client that does not run.
func (c *Client) Close() {
	c.resolver.Close()
	if c.xtr != nil {
		_ = c.xtr.Close()
	}
}

// Run asks and is told until ctx ends.
func (c *Client) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	var err1, err2 error
	running.Go(func() { err1 = c.resolver.Run(ctx); cancel() })
	if c.xtr != nil {
		running.Go(func() { err2 = c.xtr.Run(ctx); cancel() })
	}
	if c.config.Subscription != nil {
		running.Go(func() { c.keepRegistered(ctx) })
	}
	for range workers {
		running.Go(func() { c.work(ctx) })
	}
	running.Go(func() { c.refresh(ctx) })
	running.Wait()
	return errors.Join(err1, err2)
}

// News has an item when mappings have changed since it was taken.
func (c *Client) News() <-chan struct{} { return c.news }

func (c *Client) tell() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// Lookup returns the mapping of an EID; false if it is not known. Then it is
// asked for, and there will be news.
func (c *Client) Lookup(eid netip.Addr) (Mapping, bool) {
	m, ok := c.find(eid)
	if !ok {
		c.want(eid)
	}
	return m, ok
}

func (c *Client) find(eid netip.Addr) (Mapping, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.table.entries.Lookup(eid)
	if !ok {
		return Mapping{}, false
	}
	if now := c.seconds(time.Now()); e.used.Load() != now {
		e.used.Store(now)
	}
	return e.Mapping, true
}

func (c *Client) seconds(t time.Time) int64 { return int64(t.Sub(c.epoch) / time.Second) }
