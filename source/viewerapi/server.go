package viewerapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi/auth"
)

// DefaultTTL is how long leases last.
const DefaultTTL = 90 * time.Second

// Limits bound what clients can ask for. The zero value of a field means its
// default.
type Limits struct {
	TTL        time.Duration // of a lease; default 90 s
	PerAddress int           // leases of one client address; default 64
	Pending    int           // joins that wait for a proof, in all; default 512, half of the requests
	PerPending int           // of one client address; default 8
	Requests   int           // requests under way; default 1,024
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	if l.TTL == 0 {
		l.TTL = DefaultTTL
	}
	set(&l.PerAddress, 64)
	set(&l.PerPending, 8)
	set(&l.Requests, 1024)
	set(&l.Pending, l.Requests/2)
	return l
}

// Options are what a Server is made with.
type Options struct {
	Limits Limits
	// Auth decides who may view; nil for everybody.
	Auth auth.Authorizer
	// Prover proves the addresses of viewers that are not the client itself;
	// nil refuses them.
	Prover *Prover
	// OperatorToken lets its bearer see the events and counts. Without one,
	// clients on the loopback interface may.
	OperatorToken string
	// TrustedProxies may say in X-Forwarded-For who the client is.
	TrustedProxies []netip.Prefix
	// Locate returns how a viewer of a channel is to be served, by what is known
	// of its site and by its word; nil goes by the word alone.
	Locate func(channel string, v dstlist.Viewer) dstlist.Delivery
	// Mappings returns what the status says of the viewers' mappings; nil for
	// nothing.
	Mappings func() any
	// Webhook, if it has a URL, is told all events.
	Webhook Webhook
}

// Channel is a channel that viewers can join.
type Channel struct {
	Name  string
	Title string // for people; empty for the name
	// Viewers is its list, made with KeepExpired: the server takes the expired.
	Viewers *dstlist.List
	// Source is where viewers see the media come from.
	Source netip.AddrPort
}

// Server is the viewer API of one source. Its methods may be called by any
// goroutine.
type Server struct {
	opts     Options
	limits   Limits
	channels map[string]*channel // by name; never changes
	events   *eventLog
	leases   *leases
	pending  *pendingTable
	places   chan struct{} // one for each request under way
	page     []byte
	counts   counts
}

// channel is a Channel and what the server knows of it.
type channel struct {
	Channel
	turn turnOf
}

// channelName is what a name may be: it is part of URLs and tokens.
var channelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// New returns a server of these channels. Run must be running for leases to be
// accounted for when they end.
func New(opts Options, channels ...Channel) (*Server, error) {
	s := &Server{
		opts: opts, limits: opts.Limits.withDefaults(), channels: map[string]*channel{},
		events: newEventLog(), leases: newLeases(),
	}
	if s.opts.Auth == nil {
		s.opts.Auth = auth.Open{}
	}
	if s.opts.Locate == nil {
		s.opts.Locate = func(_ string, v dstlist.Viewer) dstlist.Delivery { return v.Word.Apply(dstlist.Delivery{}) }
	}
	s.pending = newPendingTable(s.limits)
	s.places = make(chan struct{}, s.limits.Requests)
	for _, c := range channels {
		if !channelName.MatchString(c.Name) {
			return nil, fmt.Errorf("channel name %q: want 1 to 63 letters, digits, dots, hyphens and underscores", c.Name)
		}
		if s.channels[c.Name] != nil {
			return nil, fmt.Errorf("channel %s is there twice: names must differ", c.Name)
		}
		if c.Title == "" {
			c.Title = c.Name
		}
		s.channels[c.Name] = &channel{Channel: c}
		s.channels[c.Name].turn.begin(newLeaseIDs(c.Name, secret()), noJournal{})
	}
	var err error
	s.page, err = renderPage(s.sorted())
	return s, err
}

// secret is a new key.
func secret() (k [32]byte) {
	_, _ = rand.Read(k[:]) // it never fails
	return k
}

// sorted returns the channels by name.
func (s *Server) sorted() []*channel {
	var all []*channel
	for _, c := range s.channels {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *channel) int { return compareNames(a.Name, b.Name) })
	return all
}

func compareNames(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// sweepPeriod is how often expired leases are looked for, beside what the
// rounds of the source find.
const sweepPeriod = 50 * time.Millisecond

// Run accounts for leases that end, proves addresses and tells the webhook,
// until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	var running sync.WaitGroup
	if s.opts.Prover != nil {
		running.Go(func() { s.opts.Prover.receive(ctx, s.pending.echoed) })
	}
	if s.opts.Webhook.URL != "" {
		running.Go(func() { s.opts.Webhook.run(ctx, s.events) })
	}
	tick := time.NewTicker(sweepPeriod)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case now := <-tick.C:
			s.sweep(now)
		case <-ctx.Done():
		}
	}
	s.events.close()
	running.Wait()
	return nil
}

// sweep ends what is over by now.
func (s *Server) sweep(now time.Time) {
	for _, c := range s.channels {
		s.sweepChannel(c, now)
	}
}

func (s *Server) sweepChannel(c *channel, now time.Time) {
	t, err := c.turn.use()
	if err != nil {
		return // another source sends the channel
	}
	defer t.done()
	c.Viewers.Expire(now)
	select {
	case <-c.Viewers.ExpiredNews():
	default:
		return
	}
	for _, e := range c.Viewers.TakeExpired(nil) {
		lease := s.leases.remove(c, e.ID, e.Viewer.EID)
		t.journal.Changed(e.ID)
		s.counts.expired.Add(1)
		s.events.add(eventOf(EventExpire, c, e.Viewer, lease.subject))
	}
}

// Handler returns the API as an HTTP handler.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/channels/{name}/viewers", s.join)
	mux.HandleFunc("GET /v1/channels/{name}/viewers/{id}", s.show)
	mux.HandleFunc("PUT /v1/channels/{name}/viewers/{id}", s.renew)
	mux.HandleFunc("DELETE /v1/channels/{name}/viewers/{id}", s.leave)
	mux.HandleFunc("POST /v1/channels/{name}/renewals", s.renewMany)
	mux.HandleFunc("GET /v1/channels", s.listChannels)
	mux.HandleFunc("GET /v1/channels/{name}", s.showChannel)
	mux.HandleFunc("GET /v1/events", s.streamEvents)
	mux.HandleFunc("GET /v1/status", s.showStatus)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /{$}", s.showPage)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem{http.StatusNotFound, "no such resource", r.Method + " " + r.URL.Path + ": see GET /v1/channels"}.write(w)
	})
	return s.bounded(mux)
}

// bounded refuses requests beyond the limit of those under way.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.places <- struct{}{}:
			defer func() { <-s.places }()
		default:
			s.counts.overloaded.Add(1)
			problem{http.StatusServiceUnavailable, "too many requests at once", "try again in a second"}.write(w)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// NewHTTPServer returns a server for the handler with limits on what clients
// may take their time for.
func NewHTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second, // from the request on; events have their own
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}
